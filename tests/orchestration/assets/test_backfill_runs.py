"""Of several runs of a backfill the last one writes the set that Dagster will not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.assets.partitions import cut, limit_backfills
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.daemon import ATTIC, GARDEN, KITCHEN, ask_for_backfill
from tests.rigs.processes import wait_for

NAMES = Names()
REFUSED = {"kind": "refuse", "prompt": "garden"}


@pytest.fixture(autouse=True)
def _in_files(location: CodeLocation, tmp_path: Path) -> Iterator[None]:
    with open_instance(tmp_path / "dagster") as instance:
        location.instance = instance
        location.sheets_made()
        yield


def start_backfill(location: CodeLocation) -> dict[str, str]:
    """Have a backfill over prompts and sets asked for; return the tags of its runs."""
    assets = [*PROMPT_ASSETS, NAMES.campaign_sets]
    return {"dagster/backfill": ask_for_backfill(location, assets, [KITCHEN, GARDEN, ATTIC])}


def sets_written(location: CodeLocation) -> int:
    return len(location.instance.fetch_materializations(NAMES.campaign_sets, limit=9).records)


def run(location: CodeLocation, tags: dict[str, str], *keys: str) -> bool:
    return location.materialize(PROMPT_ASSETS, keys, tags=tags).success


def other_run(
    location: CodeLocation, tags: dict[str, str], assets: list[dg.AssetKey], **more: str
) -> dg.DagsterRun:
    """Another run of the backfill that has begun, and whose process is nobody's."""
    repository = location.definitions().get_repository_def()
    job = repository.get_implicit_job_def_for_assets(assets)
    assert job is not None
    return location.instance.create_run_for_job(
        job,
        status=dg.DagsterRunStatus.STARTED,
        asset_selection=frozenset(assets),
        tags={**tags, **more},
    )


def test_a_run_that_others_follow_writes_no_set_though_it_lacks_a_picture(
    location: CodeLocation,
) -> None:
    location.service.script(REFUSED)
    tags = start_backfill(location)

    assert not run(location, tags, KITCHEN, GARDEN)
    assert sets_written(location) == 0
    assert run(location, tags, ATTIC)

    assert sets_written(location) == 1
    set_made = location.latest(NAMES.campaign_sets, "winter")
    assert "garden" in str(set_made.metadata["without_picture"].value)


def test_runs_that_made_everything_leave_the_set_to_dagster(location: CodeLocation) -> None:
    tags = start_backfill(location)

    assert all(run(location, tags, key) for key in (KITCHEN, GARDEN, ATTIC))

    assert sets_written(location) == 0


def test_a_run_that_is_still_at_work_is_waited_for(location: CodeLocation) -> None:
    location.service.script(REFUSED)
    tags = start_backfill(location)
    no_retry = {"dagster/max_retries": "0"}
    other = other_run(location, tags, PROMPT_ASSETS, **{"dagster/partition": ATTIC, **no_retry})

    assert not run(location, tags, KITCHEN, GARDEN)
    assert sets_written(location) == 0
    location.instance.report_run_failed(other)
    # It died, and nothing follows it: the next to finish finds that out.
    assert run(location, tags, ATTIC)
    assert sets_written(location) == 1


def test_a_run_that_is_started_anew_counts_as_its_successor(location: CodeLocation) -> None:
    tags = start_backfill(location)
    dead = other_run(location, tags, PROMPT_ASSETS, **{"dagster/partition": ATTIC})
    location.instance.report_run_failed(dead)
    location.instance.add_run_tags(dead.run_id, {"dagster/will_retry": "true"})

    assert run(location, tags, KITCHEN, GARDEN)
    assert sets_written(location) == 0
    location.instance.add_run_tags(dead.run_id, {"dagster/auto_retry_run_id": "its successor"})
    assert run(location, tags, ATTIC)

    # All is made after all: the set is Dagster's to ask for.
    assert sets_written(location) == 0


def test_a_run_that_dealt_with_its_prompts_and_is_to_be_started_anew_is_waited_for(
    location: CodeLocation,
) -> None:
    location.service.script(REFUSED)
    tags = start_backfill(location)
    first = location.materialize(PROMPT_ASSETS, [KITCHEN, GARDEN], tags=tags)
    location.instance.add_run_tags(first.run_id, {"dagster/will_retry": "true"})

    assert run(location, tags, ATTIC)
    assert sets_written(location) == 0
    location.instance.add_run_tags(first.run_id, {"dagster/auto_retry_run_id": "its successor"})
    assert not run(location, tags, KITCHEN, GARDEN)

    assert sets_written(location) == 1


class FailsMeanwhile:
    """A backfill whose prompts are made while somebody fails their run from outside."""

    def __init__(self, location: CodeLocation) -> None:
        self._location = location
        self.tags = start_backfill(location)
        location.service.script(REFUSED, {"kind": "slow_job", "seconds": 2, "prompt": "attic"})

    def run(self, **tags_meanwhile: str) -> None:
        """Make everything but the garden, which is refused, in a run that counts as dead."""

        def fail() -> None:
            instance = self._location.instance
            started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags=self.tags)
            found = wait_for(lambda: instance.get_runs(started), what="the run")
            instance.report_run_failed(found[0])
            instance.add_run_tags(found[0].run_id, tags_meanwhile)

        with ThreadPoolExecutor(1) as pool:
            failed = pool.submit(fail)
            assert not run(self._location, self.tags, KITCHEN, GARDEN, ATTIC)
            failed.result()


def test_a_run_that_counts_as_dead_leaves_the_set_to_the_one_that_follows_it(
    location: CodeLocation,
) -> None:
    meanwhile = FailsMeanwhile(location)

    meanwhile.run()

    assert sets_written(location) == 0


def test_a_run_that_was_replaced_while_it_lived_writes_no_set(location: CodeLocation) -> None:
    meanwhile = FailsMeanwhile(location)

    meanwhile.run(**{"dagster/auto_retry_run_id": "its successor"})

    assert sets_written(location) == 0


def test_a_run_of_another_campaigns_set_is_not_waited_for(location: CodeLocation) -> None:
    location.service.script(REFUSED)
    tags = start_backfill(location)
    other_run(location, tags, [NAMES.campaign_sets], **{"dagster/partition": "summer"})

    assert not run(location, tags, KITCHEN, GARDEN, ATTIC)

    assert sets_written(location) == 1


def test_between_a_failure_and_what_dagster_says_of_it_a_run_is_waited_for(
    location: CodeLocation,
) -> None:
    tags = start_backfill(location)
    dead = other_run(location, tags, PROMPT_ASSETS, **{"dagster/partition": ATTIC})
    location.instance.run_storage.handle_run_event(
        dead.run_id, dg.DagsterEvent("PIPELINE_FAILURE", dead.job_name), datetime.now(UTC)
    )

    assert run(location, tags, KITCHEN, GARDEN)

    assert sets_written(location) == 0


def test_the_smallest_figure_of_setting_and_campaigns_cuts_backfills(
    location: CodeLocation,
) -> None:
    location.write(
        campaign(shot("kitchen"), id="winter", prompts_per_run=40),
        campaign(shot("kitchen"), id="summer", prompts_per_run=15),
    )
    briefs = load_briefs(location.settings.config)

    assert limit_backfills(briefs, None).max_partitions_per_run == 15
    assert limit_backfills(briefs, 10).max_partitions_per_run == 10


def test_without_a_figure_a_range_is_one_run(location: CodeLocation) -> None:
    briefs = load_briefs(location.settings.config)

    assert limit_backfills(briefs, None) == dg.BackfillPolicy.single_run()


@pytest.mark.parametrize(
    ("at_most", "edited", "runs"),
    [
        (None, {}, ["abcdefg"]),
        (3, {}, ["abc", "def", "g"]),
        (7, {}, ["abcdefg"]),
        (3, {"d": "c"}, ["abcd", "efg"]),
        # An edit that stands before its picture, and chains of them.
        (2, {"b": "d", "f": "e"}, ["abcd", "ef", "g"]),
        (2, {"b": "c", "d": "c", "e": "d"}, ["abcde", "fg"]),
        (2, {"g": "a"}, ["abcdefg"]),
        # What it edits is no prompt of the campaign.
        (3, {"d": None, "e": "elsewhere"}, ["abc", "def", "g"]),
    ],
)
def test_a_cut_parts_no_edit_from_its_picture(
    at_most: int | None, edited: dict[str, str | None], runs: list[str]
) -> None:
    assert ["".join(each) for each in cut("abcdefg", at_most, edited)] == runs
