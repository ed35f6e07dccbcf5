"""What a person is told of a failed run, and of which runs."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.assets.step_failures import fail_step
from nbp_dagster.automation.notifications import Kind, Notification, build_notification_sensor
from nbp_dagster.studio.ledger.orders import Failed, Refused
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.dagster_private import DagsterRunReaction, RepositorySnap

NAMES = Names()
SECRET = "test-key-3f9a"
WEB = "https://dagster.example.com/"


class WatchedRuns:
    """The runs of a location, and the notification sensor that a test ticks by hand."""

    def __init__(self, location: CodeLocation, **options: Any) -> None:
        self.told: list[Notification] = []
        self._location = location
        options.setdefault("notify", self.told.append)
        self._sensor = build_notification_sensor(**options)
        self._cursor: str | None = None
        # The first look only marks where the log ends.
        self.look()

    def look(self) -> Sequence[DagsterRunReaction]:
        """Look once; returns what Dagster hears of each run."""
        context = dg.build_sensor_context(
            instance=self._location.instance,
            cursor=self._cursor,
            repository_def=self._location.definitions().get_repository_def(),
        )
        with context:
            found = self._sensor.evaluate_tick(context)
        self._cursor = found.cursor
        return found.dagster_run_reactions or []


@pytest.fixture
def ready(location: CodeLocation) -> CodeLocation:
    """A location whose prompts can be made."""
    location.sheets_made()
    return location


def test_a_refused_prompt_is_told_once_in_plain_words(ready: CodeLocation) -> None:
    watched = WatchedRuns(ready, webserver_url=WEB)
    ready.service.script({"kind": "refuse", "prompt": "kitchen"})
    result = ready.materialize(PROMPT_ASSETS)

    watched.look()
    watched.look()

    [told] = watched.told
    assert told.kind == "refusals"
    assert told.title == "Marketing images of winter: 1 refused by the content policy"
    assert told.without_image == 1
    assert told.campaigns == ("winter",)
    assert told.reasons[0].startswith("winter/kitchen/all/1x1/v1: ")
    assert told.spent_usd == Decimal("0.30")
    assert told.run_id == result.run_id
    assert told.link == f"https://dagster.example.com/runs/{result.run_id}"
    assert told.text.startswith("1 of 3 prompts have no image: ")
    assert "cost 0.30 USD" in told.text
    assert told.text.endswith(f"Run {result.run_id[:8]}: {told.link}")
    assert "\n" not in told.text


def test_a_budget_that_is_reached_is_told_as_that(ready: CodeLocation) -> None:
    ready.write(campaign(shot("kitchen"), shot("garden"), shot("attic"), budget_usd=0.15))
    watched = WatchedRuns(ready)
    ready.materialize(PROMPT_ASSETS)

    watched.look()

    [told] = watched.told
    assert told.kind == "budget_reached"
    assert told.without_image == 3
    assert "a budget is reached" in told.title
    assert "cost 0.00 USD" in told.text
    assert told.link is None


def test_one_prompt_over_budget_is_seen_behind_more_refusals_than_have_a_row(
    location: CodeLocation,
) -> None:
    refused = [Refused(f"winter/{number}/all/1x1/v1", "f", "no") for number in range(150)]
    late = Failed("summer/porch/all/1x1/v1", "f", "over the cap by 0.05 USD", "over_budget")
    watched = WatchedRuns(location)

    @dg.asset(key=NAMES.generated_images)
    def images(context: dg.AssetExecutionContext) -> None:
        problems = [*refused, late]
        fail_step(context, problems, total=151, what="prompts")

    fail(location, images)

    watched.look()

    [told] = watched.told
    assert told.kind == "budget_reached"
    assert told.without_image == 151
    assert told.campaigns == ("winter", "summer")
    assert f"{late.key}: {late.reason}" in told.reasons


def test_a_failure_beside_a_refusal_is_a_failure_unless_only_refusals_are_asked_for(
    ready: CodeLocation,
) -> None:
    every, refusals = WatchedRuns(ready), WatchedRuns(ready, on=["refusals"])
    ready.service.script(
        {"kind": "refuse", "prompt": "kitchen"},
        {"kind": "status", "status": 400, "prompt": "garden"},
    )
    ready.materialize(PROMPT_ASSETS)

    every.look()
    refusals.look()

    assert [told.kind for told in every.told] == ["run_failure"]
    assert every.told[0].without_image == 2
    assert len(every.told[0].reasons) == 2
    assert [told.kind for told in refusals.told] == ["refusals"]


def test_a_kind_that_is_not_asked_for_is_not_told(ready: CodeLocation) -> None:
    watched = WatchedRuns(ready, on=["budget_reached"])
    ready.service.script({"kind": "refuse", "prompt": "kitchen"})
    ready.materialize(PROMPT_ASSETS)

    watched.look()

    assert watched.told == []


def test_a_reason_that_names_its_prompt_is_not_told_twice(location: CodeLocation) -> None:
    watched = WatchedRuns(location)
    location.materialize(PROMPT_ASSETS, ["winter/kitchen/all/1x1/v1"])

    watched.look()

    [told] = watched.told
    key = "winter/kitchen/all/1x1/v1"
    assert told.reasons == (f"{key}: hilltop/ada has no character sheet yet; make it first",)


def test_a_run_that_succeeds_is_not_told(ready: CodeLocation) -> None:
    watched = WatchedRuns(ready)
    assert ready.materialize(PROMPT_ASSETS).success

    watched.look()

    assert watched.told == []


def test_a_run_that_never_got_to_its_step_is_told_by_the_cause(
    ready: CodeLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = WatchedRuns(ready)
    monkeypatch.delenv("OXEN_API_KEY")
    ready.materialize(PROMPT_ASSETS)

    watched.look()

    [told] = watched.told
    assert told.kind == "run_failure"
    assert told.title == "Marketing images: a run failed"
    assert "OXEN_API_KEY" in told.text


@dg.asset
def foreign() -> None:
    raise ValueError("not about images")


@dg.asset(key=["acme", "generated_images"])
def namesake() -> None:
    raise ValueError("an image of acme's")


def fail(location: CodeLocation, asset: dg.AssetsDefinition) -> None:
    assert not dg.materialize([asset], instance=location.instance, raise_on_error=False).success


def test_runs_of_other_assets_are_not_told(location: CodeLocation) -> None:
    watched = WatchedRuns(location)
    fail(location, foreign)
    fail(location, namesake)

    watched.look()

    assert watched.told == []


@pytest.mark.parametrize("prefix", ["acme", ["acme"]])
def test_a_components_key_prefix_tells_its_assets_from_others(
    location: CodeLocation, prefix: str | list[str]
) -> None:
    watched = WatchedRuns(location, key_prefix=prefix)
    fail(location, foreign)
    fail(location, namesake)

    watched.look()

    [told] = watched.told
    assert told.kind == "run_failure"
    assert "ValueError: an image of acme's" in told.text


def test_some_assets_alone_can_be_told(location: CodeLocation) -> None:
    watched = WatchedRuns(location, assets=[dg.AssetKey("foreign")])
    fail(location, foreign)
    fail(location, namesake)

    watched.look()

    assert ["not about images" in told.text for told in watched.told] == [True]


def test_a_job_of_our_assets_is_known_by_its_plan(location: CodeLocation) -> None:
    """A job's run does not name its assets."""
    watched = WatchedRuns(location, key_prefix="acme")
    defs = dg.Definitions(assets=[namesake], jobs=[dg.define_asset_job("nightly", [namesake])])
    result = defs.resolve_job_def("nightly").execute_in_process(
        instance=location.instance, raise_on_error=False
    )
    assert not result.success

    watched.look()

    assert [told.run_id for told in watched.told] == [result.run_id]


def test_a_notify_that_raises_is_one_clear_error_and_the_next_run_is_told(
    location: CodeLocation,
) -> None:
    told: list[Notification] = []

    def notify(notification: Notification) -> None:
        told.append(notification)
        if len(told) == 1:
            raise OSError("Max retries exceeded with url: /services/T0/B0/secret-hook")

    watched = WatchedRuns(location, notify=notify, assets=[dg.AssetKey("foreign")])
    fail(location, foreign)
    fail(location, foreign)

    reactions = [*watched.look(), *watched.look()]

    errors = [item.error for item in reactions if item.error is not None]
    assert len(told) == 2
    [error] = errors
    assert error.message.startswith(
        "nbp_dagster.automation.notifications.NotifyFailed: the notification of"
    )
    assert "notify raised OSError: Max retries exceeded with url: [address]" in error.message
    assert "secret-hook" not in error.to_string()


def test_the_key_is_in_no_notification_and_not_in_what_dagster_serialises(
    ready: CodeLocation,
) -> None:
    """Even when the service repeats it in its own words."""
    watched = WatchedRuns(ready)
    ready.service.script(
        {"kind": "fail", "prompt": "kitchen", "message": f"bad key {SECRET} for Bearer {SECRET}"},
        {"kind": "status", "status": 400, "prompt": "garden", "message": f"no: {SECRET}"},
    )
    ready.materialize(PROMPT_ASSETS)
    defs = dg.Definitions.merge(
        ready.definitions(), dg.Definitions(sensors=[build_notification_sensor(print)])
    )

    watched.look()

    [told] = watched.told
    assert told.without_image == 2
    assert SECRET not in repr(told)
    assert SECRET not in dg.serialize_value(RepositorySnap.from_def(defs.get_repository_def()))


@pytest.mark.parametrize("on", [[], ["everything"]])
def test_a_kind_that_does_not_exist_is_named(on: list[Kind]) -> None:
    with pytest.raises(ValueError, match="accepted: one or more of run_failure, budget_reached"):
        build_notification_sensor(print, on=on)


def test_the_simulators_prices_are_not_told_as_spent(
    location: CodeLocation, simulated: CodeLocation
) -> None:
    watched = WatchedRuns(simulated)
    simulated.write(
        campaign(shot("kitchen"), shot("garden"), shot("attic"), budget_usd=0.2),
        campaign(shot("porch"), id="summer"),
    )
    simulated.sheets_made()
    simulated.materialize(PROMPT_ASSETS)

    watched.look()

    [told] = watched.told
    assert told.spent_usd == 0
    assert "The simulator drew: nothing was paid." in told.text
    assert told.campaigns == ("winter", "summer")


@pytest.fixture
def simulated(location: CodeLocation) -> CodeLocation:
    """The location in simulator mode."""
    settings = location.settings.model_copy(update={"mode": "simulator", "simulator_latency": 0})
    return CodeLocation(settings, location.instance, location.service)
