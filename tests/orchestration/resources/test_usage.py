"""`OxenResource` in anybody's asset: what its use is recorded as, and where."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.oxen.errors import AmbiguousPost, ContentRefused
from nbp_dagster.resources.oxen import MissingKey, OxenResource, SimulatedOxenResource
from nbp_dagster.resources.usage import UsageUnplaced
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.version import __version__
from tests.rigs.dagster_private import DagsterLibraryRegistry
from tests.rigs.service import ServiceProbe

MODEL = "google-nano-banana-pro"
SECRET = "asset-key-51ce"
PRICE = 0.15
PARTS = dg.StaticPartitionsDefinition(["a", "b", "c"])

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.fixture
def service(simulator: SimulatorServer) -> ServiceProbe:
    return ServiceProbe(simulator.url)


@pytest.fixture
def oxen(simulator: SimulatorServer, monkeypatch: pytest.MonkeyPatch) -> OxenResource:
    """The simulator in the role of the live service."""
    monkeypatch.setenv("OXEN_API_KEY", SECRET)
    return OxenResource(api_key=dg.EnvVar("OXEN_API_KEY"), base_url=simulator.url)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as ephemeral:
        yield ephemeral


def run(
    asset: dg.AssetsDefinition,
    oxen: OxenResource,
    instance: dg.DagsterInstance,
    *,
    partition: str | None = None,
    between: tuple[str, str] | None = None,
    selection: list[dg.AssetKey] | None = None,
) -> dg.ExecuteInProcessResult:
    tags = {}
    if between is not None:
        tags = {
            "dagster/asset_partition_range_start": between[0],
            "dagster/asset_partition_range_end": between[1],
        }
    return dg.materialize(
        [asset],
        resources={"oxen": oxen},
        instance=instance,
        partition_key=partition,
        tags=tags,
        selection=selection,
        raise_on_error=False,
    )


def metadata(
    instance: dg.DagsterInstance, key: str, partition: str | None = None
) -> dict[str, Any]:
    """Return the latest materialization's metadata, without the time it took."""
    partitions = None if partition is None else [partition]
    [record] = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(key), asset_partitions=partitions), limit=1
    ).records
    assert record.asset_materialization is not None
    found = {name: value.value for name, value in record.asset_materialization.metadata.items()}
    found.pop("oxen_seconds", None)
    return {name: value for name, value in found.items() if name.startswith("oxen_")}


def error_of(result: dg.ExecuteInProcessResult) -> str:
    [failure] = [event for event in result.all_events if event.is_step_failure]
    return failure.step_failure_data.error_display_string


def bought(images: int, *, calls: int) -> dict[str, Any]:
    return {
        "oxen_calls": calls,
        "oxen_images": images,
        "oxen_billed_usd": pytest.approx(PRICE * images),
        "oxen_throttled": 0,
        "oxen_drawn_by": "live",
    }


@dg.asset
def hero(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
    with oxen.client_for(context) as client:
        client.edit_image(model=MODEL, prompt="an owl")
        client.generate_image(model=MODEL, prompt="a barn")
        client.enqueue(model=MODEL, prompt="a beam", num_generations=3)


def test_an_asset_records_what_it_asked_for_and_what_that_is_billed(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    assert run(hero, oxen, instance).success

    # One more call than paid ones: the model's price.
    assert metadata(instance, "hero") == bought(5, calls=4)
    assert service.bills == 5


def test_the_simulator_takes_the_place_of_the_service_and_says_so(
    instance: dg.DagsterInstance,
) -> None:
    assert run(hero, SimulatedOxenResource(latency_seconds=0), instance).success

    assert metadata(instance, "hero")["oxen_drawn_by"] == "SIMULATED"
    assert metadata(instance, "hero")["oxen_images"] == 5


def test_without_a_context_nothing_is_recorded(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    @dg.asset
    def silent(oxen: OxenResource) -> None:
        oxen.client().enqueue(model=MODEL, prompt="an owl")

    assert run(silent, oxen, instance).success
    assert metadata(instance, "silent") == {}
    assert service.bills == 1


def test_an_own_materialize_result_keeps_its_metadata_beside_the_counts(
    oxen: OxenResource, instance: dg.DagsterInstance
) -> None:
    @dg.asset
    def told(context: dg.AssetExecutionContext, oxen: OxenResource) -> dg.MaterializeResult[None]:
        with oxen.client_for(context) as client:
            client.enqueue(model=MODEL, prompt="an owl")
        return dg.MaterializeResult(metadata={"oxen_note": "mine"})

    assert run(told, oxen, instance).success
    assert metadata(instance, "told") == {**bought(1, calls=2), "oxen_note": "mine"}


def test_two_clients_of_one_step_add_up(oxen: OxenResource, instance: dg.DagsterInstance) -> None:
    @dg.asset
    def twice(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        for prompt in ("an owl", "a barn"):
            with oxen.client_for(context) as client:
                client.enqueue(model=MODEL, prompt=prompt)

    assert run(twice, oxen, instance).success
    # The price is asked for once.
    assert metadata(instance, "twice") == bought(2, calls=3)
    # A second run begins at nothing.
    assert run(twice, oxen, instance).success
    assert metadata(instance, "twice") == bought(2, calls=3)


@pytest.mark.parametrize("context_type", [dg.AssetExecutionContext, dg.OpExecutionContext])
def test_a_run_over_one_partition_records_there(
    oxen: OxenResource, instance: dg.DagsterInstance, context_type: type
) -> None:
    def parted(context: Any, oxen: OxenResource) -> None:
        with oxen.client_for(context) as client:
            client.enqueue(model=MODEL, prompt="an owl")

    parted.__annotations__["context"] = context_type
    asset = dg.asset(partitions_def=PARTS)(parted)

    assert run(asset, oxen, instance, partition="b").success
    assert metadata(instance, "parted", "b") == bought(1, calls=2)


@dg.asset(partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
def ranged(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
    for count, key in enumerate(context.partition_keys, start=1):
        with oxen.client_for(context, partition=key) as client:
            client.enqueue(model=MODEL, prompt=key, num_generations=count)


def test_a_run_over_several_partitions_records_each_by_itself(
    oxen: OxenResource, instance: dg.DagsterInstance
) -> None:
    assert run(ranged, oxen, instance, between=("a", "c")).success

    for count, key in enumerate("abc", start=1):
        # The first one asks for the price.
        assert metadata(instance, "ranged", key) == bought(count, calls=2 if key == "a" else 1)


def test_a_run_over_several_partitions_that_names_none_is_refused_before_it_pays(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    @dg.asset(partitions_def=PARTS, backfill_policy=dg.BackfillPolicy.single_run())
    def vague(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        with oxen.client_for(context) as client:
            client.enqueue(model=MODEL, prompt="an owl")

    result = run(vague, oxen, instance, between=("a", "b"))

    assert not result.success
    assert "makes 2 partitions (a, b) and none is named" in error_of(result)
    assert "client_for(context, partition=...)" in error_of(result)
    assert service.bills == 0


@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")], can_subset=True)
def pair(context: dg.AssetExecutionContext, oxen: OxenResource) -> Iterator[Any]:
    for key in sorted(context.selected_asset_keys):
        asset = key if len(context.selected_asset_keys) > 1 else None
        with oxen.client_for(context, asset=asset) as client:
            client.enqueue(model=MODEL, prompt=key.to_user_string())
        yield dg.MaterializeResult(asset_key=key)


def test_each_asset_of_a_multi_asset_is_recorded_by_itself(
    oxen: OxenResource, instance: dg.DagsterInstance
) -> None:
    assert run(pair, oxen, instance).success
    assert metadata(instance, "left") == bought(1, calls=2)
    assert metadata(instance, "right") == bought(1, calls=1)


def test_the_one_selected_asset_of_a_multi_asset_needs_no_name(
    oxen: OxenResource, instance: dg.DagsterInstance
) -> None:
    assert run(pair, oxen, instance, selection=[dg.AssetKey("right")]).success
    assert metadata(instance, "right") == bought(1, calls=2)


def test_an_asset_that_the_step_does_not_make_is_refused_before_it_pays(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    @dg.asset
    def lost(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        elsewhere = oxen.client_for(context, asset=dg.AssetKey("elsewhere"))
        with pytest.raises(UsageUnplaced, match="'elsewhere' is none of them"), elsewhere:
            raise AssertionError("no client for nobody")
        parted = oxen.client_for(context, partition="a")
        with pytest.raises(UsageUnplaced, match="has no partitions: leave it out"), parted:
            raise AssertionError("no client for nobody")

    assert run(lost, oxen, instance).success
    assert service.requests("/api") == []


def test_an_op_records_at_its_output(oxen: OxenResource, instance: dg.DagsterInstance) -> None:
    @dg.op(out={"big": dg.Out(), "small": dg.Out()})
    def draw(context: dg.OpExecutionContext, oxen: OxenResource) -> tuple[int, int]:
        with oxen.client_for(context, output="big") as client:
            client.enqueue(model=MODEL, prompt="an owl")
        return 1, 2

    @dg.job(resource_defs={"oxen": oxen})
    def drawing() -> None:
        draw()

    result = drawing.execute_in_process(instance=instance)
    found = {
        event.step_output_data.output_name: event.step_output_data.metadata
        for event in result.all_events
        if event.is_successful_output
    }
    assert found["big"]["oxen_images"].value == 1
    assert found["big"]["oxen_billed_usd"].value == PRICE
    assert found["small"] == {}


def test_threads_share_a_client_and_none_of_their_calls_is_lost(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    @dg.asset
    def many(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        with oxen.client_for(context) as client, ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda n: client.enqueue(model=MODEL, prompt=f"owl {n}"), range(40)))

    assert run(many, oxen, instance).success
    assert metadata(instance, "many") == bought(40, calls=41)
    assert service.bills == 40


def test_an_image_whose_price_is_not_known_is_counted_and_not_guessed(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    service.script({"kind": "status", "status": 404, "path": "/api/ai/models/"})

    assert run(hero, oxen, instance).success

    found = metadata(instance, "hero")
    assert "oxen_billed_usd" not in found
    assert (found["oxen_images"], found["oxen_unpriced_images"]) == (5, 5)


@dg.asset
def single(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
    with oxen.client_for(context) as client:
        client.enqueue(model=MODEL, prompt="an owl")


def test_a_call_that_was_held_back_is_counted_with_its_429(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    service.script(
        {"kind": "status", "status": 429, "retry_after": 0, "path": "/api/ai/queue", "times": 1}
    )

    assert run(single, oxen, instance).success
    assert metadata(instance, "single") == {**bought(1, calls=3), "oxen_throttled": 1}


def test_a_refused_call_counts_no_image(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    service.script({"kind": "refuse", "prompt": "cigarette"})

    @dg.asset
    def refused(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        with oxen.client_for(context) as client, pytest.raises(ContentRefused):
            client.edit_image(model=MODEL, prompt="a cigarette")

    assert run(refused, oxen, instance).success
    assert metadata(instance, "refused") == bought(0, calls=2)


def test_what_may_have_been_billed_is_counted_apart(
    oxen: OxenResource, instance: dg.DagsterInstance, service: ServiceProbe
) -> None:
    service.script({"kind": "reset_after", "method": "POST", "path": "/queue", "times": 1})

    @dg.asset
    def unsure(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        with oxen.client_for(context) as client, pytest.raises(AmbiguousPost):
            client.enqueue(model=MODEL, prompt="an owl", num_generations=2)

    assert run(unsure, oxen, instance).success
    assert metadata(instance, "unsure") == {**bought(0, calls=2), "oxen_maybe_billed_images": 2}
    # The simulator knows what the client can not.
    assert service.bills == 2


def test_a_step_that_fails_after_paying_says_so_in_its_log(
    oxen: OxenResource, instance: dg.DagsterInstance
) -> None:
    @dg.asset
    def broken(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        with oxen.client_for(context) as client:
            client.enqueue(model=MODEL, prompt="an owl")
            raise ValueError("after paying")

    result = run(broken, oxen, instance)

    assert "ValueError: after paying" in error_of(result)
    lines = [entry.user_message for entry in instance.all_logs(result.run_id)]
    assert "Oxen, for broken: 2 calls, 1 images, 0.15 USD" in lines


def test_the_key_is_in_no_event_and_no_message(
    oxen: OxenResource,
    instance: dg.DagsterInstance,
    service: ServiceProbe,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Even when the service repeats it in its own words."""
    caplog.set_level(logging.DEBUG)
    service.script(
        {"kind": "status", "status": 400, "prompt": "an owl", "message": f"no: {SECRET}"}
    )

    result = run(single, oxen, instance)

    assert not result.success
    for entry in instance.all_logs(result.run_id):
        assert SECRET not in dg.serialize_value(entry)
    assert SECRET not in error_of(result)
    assert SECRET not in caplog.text


def test_a_missing_key_is_named_before_anything_is_asked(
    simulator: SimulatorServer, instance: dg.DagsterInstance
) -> None:
    result = run(single, OxenResource(api_key=" ", base_url=simulator.url), instance)

    assert MissingKey.__name__ in error_of(result)
    assert ServiceProbe(simulator.url).requests("/api") == []


def test_an_asset_is_called_by_itself_in_a_test_of_its_owner(simulator: SimulatorServer) -> None:
    context = dg.build_asset_context()

    single(context, oxen=OxenResource(api_key=SECRET, base_url=simulator.url))

    found = context.get_output_metadata("result")
    assert found is not None
    assert found["oxen_images"] == 1


def test_dagster_knows_the_package_and_its_version() -> None:
    assert DagsterLibraryRegistry.get()["nbp-dagster"] == __version__
