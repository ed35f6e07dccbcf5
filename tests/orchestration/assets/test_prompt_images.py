"""The paid step: what is recorded, what is bought, what a bad prompt does to the others."""

import base64
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from nbp_dagster.assets.materializations import SET_FOLLOWS
from nbp_dagster.assets.names import Names
from tests.fakes.briefs import campaign, shot
from tests.orchestration.conftest import PROMPT_ASSETS, House

NAMES = Names()


def test_a_range_is_one_run_and_every_prompt_is_recorded_by_itself(house: House) -> None:
    house.sheets_made()

    result = house.materialize(PROMPT_ASSETS)

    assert result.success
    for asset in PROMPT_ASSETS:
        assert house.materialized(asset) == set(house.prompts())
    # Two sheets and three prompts.
    assert house.service.bills == 5


def test_a_prompt_shows_where_its_picture_comes_from(house: House) -> None:
    house.sheets_made()
    house.materialize(PROMPT_ASSETS)

    metadata = house.latest(NAMES.generated_images, house.prompts()[0]).metadata

    assert metadata["model"].value == "google-nano-banana-pro"
    assert metadata["price_usd"].value == 0.15
    assert metadata["drawn_by"].value == "live"
    assert metadata["width_px"].value == 1024
    assert "Ada pours tea in the kitchen" in str(metadata["prompt"].value)
    assert str(metadata["brief"].value).endswith("campaigns/winter.yaml")
    assert len(str(metadata["preview"].value)) < 1000
    references = metadata["references"].records
    assert [row.data["role"] for row in references] == ["identity", "palette"]
    for name in ("generation_id", "fingerprint", "sha256", "bytes", "seconds_taken", "commit"):
        assert name in metadata


def test_one_refused_prompt_leaves_the_others_materialized_and_is_named(house: House) -> None:
    house.write(
        campaign(shot("kitchen"), shot("garden", scene="[[sim:refuse]] a duel"), shot("attic"))
    )
    house.sheets_made()

    result = house.materialize(PROMPT_ASSETS)

    refused = "winter/garden/all/1x1/v1"
    assert not result.success
    assert house.materialized(NAMES.generated_images) == set(house.prompts()) - {refused}
    assert house.materialized(NAMES.channel_images) == set(house.prompts()) - {refused}
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    metadata = failure.step_failure_data.user_failure_data.metadata
    [row] = metadata["without_image"].records
    assert row.data["prompt"] == refused
    assert row.data["state"] == "refused"


def test_running_a_range_again_asks_only_for_what_is_missing(house: House) -> None:
    house.service.script({"kind": "fail", "prompt": "garden", "times": 1})
    house.sheets_made()
    first = house.materialize(PROMPT_ASSETS)
    bills = house.service.bills

    second = house.materialize(PROMPT_ASSETS)

    assert not first.success
    assert second.success
    assert house.service.bills == bills + 1
    assert house.materialized(NAMES.generated_images) == set(house.prompts())
    reused = house.latest(NAMES.generated_images, "winter/kitchen/all/1x1/v1").metadata
    assert reused["price_usd"].value == 0.0
    assert reused["billing"].value == "reused, nothing paid"


def test_requests_alone_spend_nothing(house: House) -> None:
    house.sheets_made()
    bills = house.service.bills

    assert house.materialize([NAMES.image_requests]).success

    assert house.service.bills == bills
    assert house.materialized(NAMES.generated_images) == set()


def test_renditions_alone_never_spend_and_say_what_is_missing(house: House) -> None:
    house.sheets_made()
    bills = house.service.bills

    result = house.materialize([NAMES.channel_images])

    assert not result.success
    assert house.service.bills == bills


def test_a_prompt_without_its_sheet_fails_before_anything_is_bought(house: House) -> None:
    house.write(campaign(shot("kitchen")))

    result = house.materialize(PROMPT_ASSETS)

    assert not result.success
    assert house.service.bills == 0


def test_checks_are_one_evaluation_a_run(house: House) -> None:
    house.sheets_made()

    result = house.materialize(PROMPT_ASSETS)

    evaluations = result.get_asset_check_evaluations()
    assert {item.check_name for item in evaluations} >= {"exact_pixels", "single_decodable_frame"}
    assert len(evaluations) == len({item.check_name for item in evaluations})
    assert all(item.passed for item in evaluations)
    assert all(item.metadata["pictures"].value == 3 for item in evaluations)


def test_pictures_unlike_their_sheet_are_named_one_by_one_and_summed_up(house: House) -> None:
    """The plain painter draws nobody, so each prompt with a character falls short, as a warning."""
    house.settings = house.settings.model_copy(update={"character_scorer": "colour"})
    house.sheets_made()

    result = house.materialize(PROMPT_ASSETS)

    assert result.success
    found = [
        item
        for item in result.get_asset_check_evaluations()
        if item.check_name == "cross_similarity"
    ]
    assert [item.severity for item in found] == [dg.AssetCheckSeverity.WARN] * 3
    # In the order the pictures came; the sum last.
    assert {item.partition for item in found[:2]} == {
        "winter/kitchen/all/1x1/v1",
        "winter/garden/all/1x1/v1",
    }
    assert found[2].partition is None
    assert (found[2].metadata["failed"].value, found[2].metadata["skipped"].value) == (2, 1)
    metadata = house.latest(NAMES.channel_images, house.prompts()[0]).metadata
    assert {"palette_share", "measures", "scorer"} <= set(metadata)


def test_checks_say_nothing_when_there_was_nothing_to_look_at(house: House) -> None:
    house.write(campaign(shot("duel", scene="[[sim:refuse]] a duel")))
    house.sheets_made()

    result = house.materialize(PROMPT_ASSETS)

    assert not result.success
    assert result.get_asset_check_evaluations() == []


def original_of(house: House, prompt: str) -> Path:
    """The file of a prompt's paid original."""
    digest = str(house.latest(NAMES.generated_images, prompt).metadata["sha256"].value)
    return house.settings.home / "store" / digest[:2] / digest


def test_an_original_that_was_cut_short_is_fetched_again_for_free(house: House) -> None:
    house.sheets_made()
    house.materialize(PROMPT_ASSETS)
    kept = original_of(house, house.prompts()[0])
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    bills = house.service.bills

    result = house.materialize(PROMPT_ASSETS)

    assert result.success
    assert kept.read_bytes() == whole
    assert house.service.bills == bills


def test_a_damaged_original_holds_back_no_other_prompt(house: House) -> None:
    house.sheets_made()
    house.materialize([NAMES.image_requests, NAMES.generated_images])
    damaged, *others = house.prompts()
    kept = original_of(house, damaged)
    kept.write_bytes(bytes(kept.stat().st_size))

    result = house.materialize(PROMPT_ASSETS)

    assert not result.success
    assert house.materialized(NAMES.channel_images) == set(others)


def test_a_refused_edit_leaves_no_picture_of_the_old_scene_in_the_set(house: House) -> None:
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS).success
    house.write(
        campaign(
            shot("kitchen", scene="[[sim:refuse]] a duel"),
            shot("garden"),
            shot("attic", characters=[]),
        )
    )
    house.materialize(PROMPT_ASSETS)

    assert house.materialize([NAMES.campaign_sets]).success

    metadata = house.latest(NAMES.campaign_sets, "winter").metadata
    assert (metadata["prompts_made"].value, metadata["missing"].value) == (2, 1)
    assert "winter/kitchen/all/1x1/v1" in str(metadata["without_picture"].value)
    rows = [record.data for record in metadata["prompts"].value.records]  # type: ignore[union-attr]
    assert [row["prompt"] for row in rows] == house.prompts()[1:]
    assert {row["image_price_usd"] for row in rows} == {0.15}
    assert all(row["seconds_taken"] >= 0 and row["pictures"] == 1 for row in rows)
    assert metadata["spent_usd"].value == pytest.approx(0.3)


def set_page(house: House) -> str:
    assert house.materialize([NAMES.campaign_sets]).success
    return (house.settings.home / "sets" / "winter" / "index.html").read_text("utf-8")


def records_of(house: House) -> dict[Path, dict[str, Any]]:
    folder = house.settings.home / "records"
    return {path: json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


def test_a_set_shows_the_thumbnails_drawn_with_the_renditions(house: House) -> None:
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS).success
    kept = [
        house.settings.home / "store" / digest[:2] / digest
        for record in records_of(house).values()
        for digest in record["thumbs"].values()
    ]
    assert len(kept) >= len(house.prompts())
    page = set_page(house)
    for path in kept:
        assert base64.b64encode(path.read_bytes()).decode() in page


def test_thumbnails_that_are_lost_or_were_never_kept_are_drawn_from_the_pictures(
    house: House,
) -> None:
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS).success
    shown = set_page(house).count("data:image/jpeg")
    (damaged, first), (older, second), *_ = records_of(house).items()
    digest = next(iter(first["thumbs"].values()))
    (house.settings.home / "store" / digest[:2] / digest).write_bytes(b"damaged")
    del second["thumbs"]
    older.write_text(json.dumps(second), encoding="utf-8")

    assert set_page(house).count("data:image/jpeg") == shown
    assert damaged != older


def test_an_image_bought_by_itself_after_an_edit_is_fresh(house: House) -> None:
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS).success
    house.write(
        campaign(shot("kitchen", scene="Ada naps"), shot("garden"), shot("attic", characters=[]))
    )

    assert house.materialize([NAMES.generated_images]).success
    house.materialize([NAMES.image_requests])

    assert house.stale(NAMES.generated_images) == set()


def test_the_run_config_caps_a_run(house: House) -> None:
    house.sheets_made()
    bills = house.service.bills

    result = house.materialize(
        PROMPT_ASSETS, op_config={"prompt_images": {"config": {"budget_usd": 0.20}}}
    )

    assert not result.success
    assert house.service.bills == bills


def test_a_wrong_key_is_one_clear_failure(house: House) -> None:
    house.sheets_made()
    house.service.script({"kind": "status", "status": 401})

    result = house.materialize(PROMPT_ASSETS)

    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "OXEN_API_KEY" in (data.description or "")


def test_a_single_partition_can_be_materialized(house: House) -> None:
    house.sheets_made()
    key = house.prompts()[1]

    assert house.materialize(PROMPT_ASSETS, [key]).success

    assert house.materialized(NAMES.generated_images) == {key}


def test_recorded_tags_are_those_dagster_writes_for_a_returned_result(house: House) -> None:
    @dg.asset(code_version="1")
    def returned() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion("abc"))

    @dg.asset(code_version="1", deps=[returned])
    def downstream() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion("def"))

    dg.materialize([returned, downstream], instance=house.instance)
    [record] = house.instance.fetch_materializations(dg.AssetKey("downstream"), limit=1).records
    assert record.asset_materialization is not None
    theirs = {
        tag.replace("returned", "image_requests") for tag in record.asset_materialization.tags
    }

    house.sheets_made()
    house.materialize(PROMPT_ASSETS)
    ours = set(house.latest(NAMES.generated_images, house.prompts()[0]).tags)

    assert ours == theirs


def write_large_campaign(house: House) -> None:
    """Eight shots for sixteen small channels: more pictures than a page carries itself."""
    tiny = {
        f"tiny_{number}": {
            "name": f"Tiny {number}",
            "width": 64,
            "height": 64,
            "ratio": "1:1",
            "safe_area": {"top": 0, "right": 0, "bottom": 0, "left": 0},
            "file_type": "jpeg",
            "max_bytes": 100_000,
            "source": "Ours.",
        }
        for number in range(16)
    }
    shots = [shot(f"s{number}", characters=[]) for number in range(8)]
    house.write(campaign(*shots, channels=list(tiny)))
    (house.settings.config / "channels.yaml").write_text(yaml.safe_dump(tiny), encoding="utf-8")


def test_a_large_set_that_follows_is_prepared_while_its_pictures_are_made(house: House) -> None:
    write_large_campaign(house)
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS, tags={SET_FOLLOWS: "true"}).success
    folder = house.settings.home / "sets" / "winter"
    before = {path: path.stat().st_ino for path in folder.rglob("*.jpg")}
    assert before
    assert not (folder / "index.html").exists()

    assert house.materialize([NAMES.campaign_sets]).success

    assert len(list((folder / "images").rglob("*.jpg"))) == 128
    assert {path: path.stat().st_ino for path in before} == before, "none was written again"


def test_a_set_that_nobody_asked_for_is_not_prepared(house: House) -> None:
    write_large_campaign(house)
    house.sheets_made()
    assert house.materialize(PROMPT_ASSETS).success
    assert not (house.settings.home / "sets").exists()


def test_requests_are_recorded_before_the_pictures_made_of_them(house: House) -> None:
    write_large_campaign(house)
    house.sheets_made()

    assert house.materialize(PROMPT_ASSETS).success

    ids = {
        asset: {
            record.partition_key: record.storage_id
            for record in house.instance.fetch_materializations(asset, limit=100).records
        }
        for asset in PROMPT_ASSETS
    }
    for key in house.prompts():
        requested, made, fitted = (ids[asset][key] for asset in PROMPT_ASSETS)
        assert requested < made < fitted
    assert not any(house.stale(asset) for asset in PROMPT_ASSETS)
