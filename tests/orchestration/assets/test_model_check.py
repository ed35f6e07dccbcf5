"""`model_available`: models that are gone or have changed are told before anything is bought."""

from decimal import Decimal

import dagster as dg

from nbp_dagster.assets.model_check import MODEL_AVAILABLE
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import NAMES, PROMPT_ASSETS, CodeLocation

MODEL = "google-nano-banana-pro"


def evaluations(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    found = result.get_asset_check_evaluations()
    return [item for item in found if item.check_name == MODEL_AVAILABLE]


def test_the_first_run_knows_no_better_and_passes(location: CodeLocation) -> None:
    [found] = evaluations(location.materialize([NAMES.brand_kits]))

    assert found.passed
    assert found.asset_key == NAMES.brand_kits
    assert found.description == "every model is as the last run saw it"


def test_another_price_fails_the_check_once_and_no_run(location: CodeLocation) -> None:
    location.materialize([NAMES.brand_kits])
    location.service.change_price(MODEL, 0.2)

    result = location.materialize([NAMES.brand_kits])
    [found] = evaluations(result)
    [again] = evaluations(location.materialize([NAMES.brand_kits]))

    assert result.success
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.WARN
    assert found.description is not None
    assert "it costs 0.2 USD an image, 0.15 USD before" in found.description
    assert again.passed
    assert location.service.bills == 0


def test_another_schema_fails_the_check(location: CodeLocation) -> None:
    location.materialize([NAMES.brand_kits])
    location.service.change_model(MODEL, ratios=["auto", "1:1", "16:9", "4:5"])

    [found] = evaluations(location.materialize([NAMES.brand_kits]))

    assert not found.passed
    assert found.description is not None
    assert "no longer lists the aspect ratios 9:16, 4:3, 3:4, 3:2, 2:3" in found.description
    assert "lists the new aspect ratio 4:5" in found.description


def test_a_model_that_is_gone_fails_the_check_until_it_is_back(location: CodeLocation) -> None:
    location.materialize([NAMES.brand_kits])
    location.service.change_model(MODEL, offered=False)

    result = location.materialize([NAMES.brand_kits])
    [found], [again] = evaluations(result), evaluations(location.materialize([NAMES.brand_kits]))
    location.service.change_model(MODEL)
    [back] = evaluations(location.materialize([NAMES.brand_kits]))

    assert result.success
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert found.description is not None
    assert found.description.startswith(f"{MODEL} is not in the service's catalogue, where it was")
    assert (found.passed, again.passed, back.passed) == (False, False, True)
    table = found.metadata["models"]
    assert isinstance(table, dg.TableMetadataValue)
    [row] = [record.data for record in table.records]
    assert (row["model"], row["campaigns"], row["state"]) == (MODEL, "winter", "gone")


def test_a_run_that_buys_says_so_first_without_brand_kits(location: CodeLocation) -> None:
    location.sheets_made()
    before = location.service.billed_usd
    location.service.change_price(MODEL, 0.2)

    result = location.materialize(PROMPT_ASSETS)
    assert result.success
    [found] = evaluations(result)
    assert (found.asset_key, found.passed) == (NAMES.brand_kits, False)
    kinds = (
        dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        dg.DagsterEventType.ASSET_MATERIALIZATION,
    )
    told, made = (
        location.instance.get_records_for_run(result.run_id, of_type=kind).records[0]
        for kind in kinds
    )
    assert told.storage_id < made.storage_id
    assert location.service.billed_usd - before == 3 * Decimal("0.2")
    key = dg.AssetCheckKey(NAMES.brand_kits, MODEL_AVAILABLE)
    storage = location.instance.event_log_storage
    newest = storage.get_latest_asset_check_execution_by_key([key])[key]
    assert newest.status.value == "FAILED"


def test_with_its_model_gone_what_is_made_stays_and_nothing_is_asked_for(
    location: CodeLocation,
) -> None:
    location.sheets_made()
    first, *others = location.prompts()
    assert location.materialize(PROMPT_ASSETS, [first]).success
    before = location.service.bills
    location.service.change_model(MODEL, offered=False)
    posts = len(location.service.requests("/queue"))

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert [event.step_failure_data for event in result.all_events if event.is_step_failure]
    assert location.service.bills == before
    asked = location.service.requests("/queue")[posts:]
    assert not [entry for entry in asked if entry["method"] == "POST"]
    assert location.materialized(NAMES.channel_images) == {first}
    assert location.materialize(PROMPT_ASSETS, [first]).success
    assert len(others) == 2


def test_a_run_that_buys_nothing_does_not_fail_with_its_model_gone(location: CodeLocation) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    location.service.change_model(MODEL, offered=False)

    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success


def test_a_model_that_never_was_there_fails_the_check_and_not_the_run(
    location: CodeLocation,
) -> None:
    location.write(campaign(shot("kitchen"), model="nobody-knows", price_usd=1))

    result = location.materialize([NAMES.brand_kits])
    [found] = evaluations(result)

    assert result.success
    assert found.description is not None
    assert "nobody-knows is not in the service's catalogue: what" in found.description


def test_a_service_that_can_not_be_asked_fails_the_check_and_not_the_run(
    location: CodeLocation,
) -> None:
    location.service.script({"kind": "status", "status": 400, "path": "/models"})

    result = location.materialize([NAMES.brand_kits])
    [found] = evaluations(result)

    assert result.success
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.description is not None
    assert found.description.startswith("the service could not be asked: GET ")
