"""A campaign's schedule buys what is due, says so, and leaves the rest alone."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import CodeLocation
from tests.rigs.daemon import (
    ATTIC,
    GARDEN,
    KITCHEN,
    all_made,
    range_of,
    tick_for_runs,
    tick_schedule,
)

NAMES = Names()
SHOTS = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))
MONDAYS = "0 6 * * 1"


@pytest.fixture(autouse=True)
def _refreshed(location: CodeLocation, tmp_path: Path) -> Iterator[None]:
    """A campaign with a schedule, on an instance in files: Dagster gives schedules no other."""
    location.write(campaign(*SHOTS, refresh=MONDAYS, time_zone="Europe/Berlin"))
    with open_instance(tmp_path / "dagster") as instance:
        location.instance = instance
        yield


def launch(location: CodeLocation, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    """Do what the daemon does with the schedule's request."""
    job = location.definitions().get_repository_def().get_job("refresh_prompts")
    return job.execute_in_process(
        instance=location.instance,
        tags=dict(request.tags),
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def test_a_campaign_with_refresh_has_a_stopped_schedule_in_its_zone(location: CodeLocation) -> None:
    [schedule] = location.definitions().get_repository_def().schedule_defs

    assert schedule.name == "refresh_winter"
    assert schedule.cron_schedule == MONDAYS
    assert schedule.execution_timezone == "Europe/Berlin"
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED


def test_a_campaign_without_refresh_has_none(location: CodeLocation) -> None:
    location.write(campaign(*SHOTS))

    assert not location.definitions().get_repository_def().schedule_defs


def test_what_is_due_is_one_run_over_the_whole_campaign_with_its_quote(
    location: CodeLocation,
) -> None:
    location.sheets_made()

    request = tick_schedule(location)

    assert isinstance(request, dg.RunRequest)
    assert range_of(request) == (KITCHEN, ATTIC)
    assert request.tags["nbp/reason"] == "winter: 3 of 3 prompts are due, quote 0.45 USD"


def test_a_campaign_may_be_cut_into_runs_of_so_many_prompts(location: CodeLocation) -> None:
    location.write(campaign(*SHOTS, refresh=MONDAYS, prompts_per_run=2))
    location.sheets_made()

    requests = tick_for_runs(location)

    assert isinstance(requests, list)
    assert [range_of(each) for each in requests] == [(KITCHEN, GARDEN), (ATTIC, ATTIC)]
    assert len({each.run_key for each in requests}) == 2
    assert launch(location, requests[0]).success
    [left] = tick_for_runs(location)
    assert isinstance(left, dg.RunRequest)
    assert range_of(left) == (ATTIC, ATTIC)


def test_a_campaigns_own_figure_comes_before_the_setting(location: CodeLocation) -> None:
    location.settings = location.settings.model_copy(update={"prompts_per_run": 1})
    location.sheets_made()
    of_setting = tick_for_runs(location)
    location.write(campaign(*SHOTS, refresh=MONDAYS, prompts_per_run=3))

    assert (len(of_setting), len(tick_for_runs(location))) == (3, 1)


def test_its_run_buys_what_is_stale_and_nothing_else(location: CodeLocation) -> None:
    all_made(location)
    edited = shot("garden", scene="Ada waters roses")
    location.write(campaign(SHOTS[0], edited, SHOTS[2], refresh=MONDAYS))
    bills = location.service.bills

    request = tick_schedule(location)

    assert isinstance(request, dg.RunRequest)
    assert request.tags["nbp/reason"] == "winter: 1 of 3 prompts are due, quote 0.15 USD"
    assert location.service.bills == bills
    assert launch(location, request).success
    assert location.service.bills == bills + 1
    assert location.stale(NAMES.generated_images) == set()
    assert tick_schedule(location) == "winter: 0 of 3 prompts are due; nothing is launched"


def test_nothing_due_is_nothing_launched(location: CodeLocation) -> None:
    all_made(location)

    assert tick_schedule(location) == "winter: 0 of 3 prompts are due; nothing is launched"


def test_a_missing_sheet_is_named_with_what_to_do(location: CodeLocation) -> None:
    reason = tick_schedule(location)

    assert isinstance(reason, str)
    assert "hilltop/ada" in reason
    assert "hilltop/ben" not in reason
    assert "materialize character_sheets" in reason
    assert location.service.bills == 0


def test_a_quote_over_the_budget_launches_nothing_and_says_by_how_much(
    location: CodeLocation,
) -> None:
    location.sheets_made()
    location.write(campaign(*SHOTS, refresh=MONDAYS, budget_usd=0.4))

    reason = tick_schedule(location)

    assert isinstance(reason, str)
    assert "3 of 3 prompts are due, nothing is launched" in reason
    assert "0.05 too much" in reason
    assert "budget_usd in campaigns/winter.yaml" in reason


def test_a_quote_over_the_days_budget_launches_nothing_until_it_is_raised(
    location: CodeLocation,
) -> None:
    location.sheets_made()
    # Below the quote alone: what the sheets cost may have been yesterday's.
    location.settings = location.settings.model_copy(update={"daily_budget_usd": 0.40})

    reason = tick_schedule(location)

    assert isinstance(reason, str)
    assert "3 of 3 prompts are due, nothing is launched: over budget: day " in reason
    assert "raise NBP_DAILY_BUDGET_USD" in reason
    location.settings = location.settings.model_copy(update={"daily_budget_usd": 1.00})
    assert isinstance(tick_schedule(location), dg.RunRequest)


def test_a_refused_prompt_alone_is_no_reason_for_a_run(location: CodeLocation) -> None:
    location.service.script({"kind": "refuse", "prompt": "garden"})
    location.sheets_made()
    request = tick_schedule(location)
    assert isinstance(request, dg.RunRequest)
    assert not launch(location, request).success

    reason = tick_schedule(location)

    assert isinstance(reason, str)
    assert "0 of 3 prompts are due, 1 more can't be made until the brief is edited" in reason
    assert GARDEN not in location.materialized(NAMES.generated_images)


def test_a_broken_brief_is_one_line_of_the_tick(location: CodeLocation) -> None:
    definitions = location.definitions()
    path = location.settings.config / "campaigns" / "winter.yaml"
    path.write_text(path.read_text() + "varients: 2\n", encoding="utf-8")
    schedule = definitions.get_repository_def().get_schedule_def("refresh_winter")

    with dg.build_schedule_context(
        instance=location.instance, resources=dict(definitions.resources or {})
    ) as context:
        data = schedule.evaluate_tick(context)

    assert data.skip_message is not None
    assert "campaigns/winter.yaml" in data.skip_message
    assert "varients: unknown key" in data.skip_message
    assert not data.run_requests


def test_a_campaign_that_is_gone_asks_for_a_reload(location: CodeLocation) -> None:
    definitions = location.definitions()
    (location.settings.config / "campaigns" / "winter.yaml").unlink()
    schedule = definitions.get_repository_def().get_schedule_def("refresh_winter")

    with dg.build_schedule_context(
        instance=location.instance, resources=dict(definitions.resources or {})
    ) as context:
        data = schedule.evaluate_tick(context)

    assert "reload definitions" in (data.skip_message or "")


def test_an_earlier_run_that_is_not_done_is_waited_for(location: CodeLocation) -> None:
    location.sheets_made()
    run = location.instance.create_run_for_job(
        location.definitions().get_repository_def().get_job("refresh_prompts"),
        status=dg.DagsterRunStatus.STARTED,
        tags={"nbp/launched_by": "refresh_winter"},
    )

    reason = tick_schedule(location)

    assert isinstance(reason, str)
    assert run.run_id in reason
    location.instance.report_run_failed(run)
    assert isinstance(tick_schedule(location), dg.RunRequest)
