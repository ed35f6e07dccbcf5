"""The paid step: what is recorded, what is bought, what a bad prompt does to the others."""

import base64
import io
import json
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from PIL import Image

from nbp_dagster.assets.materializations import SET_FOLLOWS
from nbp_dagster.assets.names import Names
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()


def test_a_range_is_one_run_and_every_prompt_is_recorded_by_itself(location: CodeLocation) -> None:
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    assert result.success
    for asset in PROMPT_ASSETS:
        assert location.materialized(asset) == set(location.prompts())
    # Two sheets and three prompts.
    assert location.service.bills == 5


def test_runs_say_what_they_are_about(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen")), campaign(shot("attic"), id="summer"))
    location.sheets_made()

    both = location.materialize(PROMPT_ASSETS)
    one = location.materialize([NAMES.campaign_sets], ["winter"])
    kits = location.materialize([NAMES.brand_kits])
    sheet = location.materialize([NAMES.character_sheets], ["hilltop/ada"])
    published = location.materialize([NAMES.published_sets], ["summer"])

    for result, campaigns in (
        (both, "2 campaigns"),
        (one, "winter"),
        (kits, "2 campaigns"),
        (sheet, "2 campaigns"),
        (published, "summer"),
    ):
        run = location.instance.get_run_by_id(result.run_id)
        assert run is not None
        assert (run.tags["nbp/campaign"], run.tags["nbp/mode"]) == (campaigns, "live")


def test_a_prompt_shows_where_its_picture_comes_from(location: CodeLocation) -> None:
    location.sheets_made()
    location.materialize(PROMPT_ASSETS)

    metadata = location.latest(NAMES.generated_images, location.prompts()[0]).metadata

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


def test_one_refused_prompt_leaves_the_others_materialized_and_is_named(
    location: CodeLocation,
) -> None:
    location.write(
        campaign(shot("kitchen"), shot("garden", scene="[[sim:refuse]] a duel"), shot("attic"))
    )
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    refused = "winter/garden/all/1x1/v1"
    assert not result.success
    assert location.materialized(NAMES.generated_images) == set(location.prompts()) - {refused}
    assert location.materialized(NAMES.channel_images) == set(location.prompts()) - {refused}
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_failure_data.user_failure_data is not None
    metadata = failure.step_failure_data.user_failure_data.metadata
    [row] = metadata["without_image"].records
    assert row.data["prompt"] == refused
    assert row.data["state"] == "refused"
    # Its own page says it too; the request was compiled, and is there.
    for asset, said in (
        (NAMES.generated_images, 1),
        (NAMES.channel_images, 1),
        (NAMES.image_requests, 0),
    ):
        observed = location.instance.fetch_observations(
            dg.AssetRecordsFilter(asset_key=asset, asset_partitions=location.prompts()), limit=10
        ).records
        assert [record.partition_key for record in observed] == [refused] * said
        for record in observed:
            assert record.asset_observation is not None
            assert "Content policy violation" in str(
                record.asset_observation.metadata["reason"].value
            )


def test_the_page_of_a_prompt_that_cannot_be_compiled_says_why(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen")))

    assert not location.materialize(PROMPT_ASSETS).success

    observed = location.instance.fetch_observations(NAMES.image_requests, limit=10).records
    [observation] = [record.asset_observation for record in observed]
    assert observation is not None
    assert "no character sheet yet" in str(observation.metadata["reason"].value)


def test_a_large_picture_is_kept_once_a_prompt(location: CodeLocation) -> None:
    location.sheets_made()
    key = location.prompts()[0]

    location.materialize([NAMES.image_requests, NAMES.generated_images])
    alone = location.latest(NAMES.generated_images, key).metadata
    location.materialize(PROMPT_ASSETS)
    original = location.latest(NAMES.generated_images, key).metadata
    renditions = location.latest(NAMES.channel_images, key).metadata

    assert "picture" in alone
    assert "made_into" not in alone
    assert "picture" not in original
    assert "/assets/channel_images?" in str(original["made_into"].value)
    markdown = str(renditions["picture"].value)
    data = base64.b64decode(markdown.partition("base64,")[2].removesuffix(")"))
    with Image.open(io.BytesIO(data)) as picture:
        assert 500 <= max(picture.size) <= 640
    assert len(markdown) < 32_000
    location.settings = location.settings.model_copy(update={"preview_px": 0})
    location.materialize([NAMES.channel_images])
    assert "picture" not in location.latest(NAMES.channel_images, key).metadata


def test_a_run_without_pictures_counts_none(location: CodeLocation) -> None:
    location.sheets_made()

    result = location.materialize([NAMES.image_requests])

    run = location.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert "nbp/progress" not in run.tags
    logs = [entry.user_message for entry in location.instance.all_logs(result.run_id)]
    assert f"{len(location.prompts())} requests recorded; no picture was asked for" in logs


def test_checks_that_looked_at_nothing_are_no_missing_outputs(location: CodeLocation) -> None:
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    logs = [entry.user_message for entry in location.instance.all_logs(result.run_id)]
    assert result.success
    assert any(line.startswith("no verdict of ") for line in logs)
    assert not [line for line in logs if "expected outputs" in line]


def test_running_a_range_again_asks_only_for_what_is_missing(location: CodeLocation) -> None:
    location.service.script({"kind": "fail", "prompt": "garden", "times": 1})
    location.sheets_made()
    first = location.materialize(PROMPT_ASSETS)
    bills = location.service.bills

    second = location.materialize(PROMPT_ASSETS)

    assert not first.success
    assert second.success
    assert location.service.bills == bills + 1
    assert location.materialized(NAMES.generated_images) == set(location.prompts())
    reused = location.latest(NAMES.generated_images, "winter/kitchen/all/1x1/v1").metadata
    assert reused["price_usd"].value == 0.0
    assert reused["billing"].value == "reused, nothing paid"


def test_requests_alone_spend_nothing(location: CodeLocation) -> None:
    location.sheets_made()
    bills = location.service.bills

    assert location.materialize([NAMES.image_requests]).success

    assert location.service.bills == bills
    assert location.materialized(NAMES.generated_images) == set()


def test_renditions_alone_never_spend_and_say_what_is_missing(location: CodeLocation) -> None:
    location.sheets_made()
    bills = location.service.bills

    result = location.materialize([NAMES.channel_images])

    assert not result.success
    assert location.service.bills == bills


def test_a_prompt_without_its_sheet_fails_before_anything_is_bought(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen")))

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert location.service.bills == 0


def test_checks_are_one_evaluation_a_run(location: CodeLocation) -> None:
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    evaluations = result.get_asset_check_evaluations()
    assert {item.check_name for item in evaluations} >= {"exact_pixels", "single_decodable_frame"}
    assert len(evaluations) == len({item.check_name for item in evaluations})
    assert all(item.passed for item in evaluations)
    assert all(item.metadata["pictures"].value == 3 for item in evaluations)


def test_pictures_unlike_their_sheet_are_named_one_by_one_and_summed_up(
    location: CodeLocation,
) -> None:
    """The plain painter draws nobody, so each prompt with a character falls short, as a warning."""
    location.settings = location.settings.model_copy(update={"character_scorer": "colour"})
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

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
    assert found[2].description == (
        "0 of 3 pictures passed; a character unlike the sheet: 2 of winter"
    )
    assert found[0].description in {
        f"{key}: a character unlike the sheet" for key in location.prompts()
    }
    assert (found[2].metadata["failed"].value, found[2].metadata["skipped"].value) == (2, 1)
    metadata = location.latest(NAMES.channel_images, location.prompts()[0]).metadata
    assert {"palette_share", "measures", "scorer"} <= set(metadata)


def test_checks_say_nothing_when_there_was_nothing_to_look_at(location: CodeLocation) -> None:
    location.write(campaign(shot("duel", scene="[[sim:refuse]] a duel")))
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert result.get_asset_check_evaluations() == []


def original_of(location: CodeLocation, prompt: str) -> Path:
    """The file of a prompt's paid original."""
    digest = str(location.latest(NAMES.generated_images, prompt).metadata["sha256"].value)
    return location.settings.home / "store" / digest[:2] / digest


def test_an_original_that_was_cut_short_is_fetched_again_for_free(location: CodeLocation) -> None:
    location.sheets_made()
    location.materialize(PROMPT_ASSETS)
    kept = original_of(location, location.prompts()[0])
    whole = kept.read_bytes()
    kept.write_bytes(whole[:100])
    bills = location.service.bills

    result = location.materialize(PROMPT_ASSETS)

    assert result.success
    assert kept.read_bytes() == whole
    assert location.service.bills == bills


def test_a_damaged_original_holds_back_no_other_prompt(location: CodeLocation) -> None:
    location.sheets_made()
    location.materialize([NAMES.image_requests, NAMES.generated_images])
    damaged, *others = location.prompts()
    kept = original_of(location, damaged)
    kept.write_bytes(bytes(kept.stat().st_size))

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert location.materialized(NAMES.channel_images) == set(others)


def test_words_of_the_service_make_no_link_and_no_image_in_the_ui(location: CodeLocation) -> None:
    location.sheets_made()
    words = (
        "content policy: ![x](https://tracker.example/x.png) <img src=//t.example> [y](http://z)"
    )
    location.service.script({"kind": "refuse", "message": words, "times": 1})
    location.materialize(PROMPT_ASSETS)

    assert location.materialize([NAMES.campaign_sets]).success

    text = str(location.latest(NAMES.campaign_sets, "winter").metadata["without_picture"].value)
    assert "content policy" in text
    assert not any(mark in text for mark in ("![", "](", " <img", "https://"))


def test_a_refused_edit_leaves_no_picture_of_the_old_scene_in_the_set(
    location: CodeLocation,
) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    location.write(
        campaign(
            shot("kitchen", scene="[[sim:refuse]] a duel"),
            shot("garden"),
            shot("attic", characters=[]),
        )
    )
    location.materialize(PROMPT_ASSETS)

    assert location.materialize([NAMES.campaign_sets]).success

    metadata = location.latest(NAMES.campaign_sets, "winter").metadata
    assert (metadata["prompts_made"].value, metadata["missing"].value) == (2, 1)
    assert "winter/kitchen/all/1x1/v1" in str(metadata["without_picture"].value)
    rows = [record.data for record in metadata["prompts"].value.records]  # type: ignore[union-attr]
    assert [row["prompt"] for row in rows] == location.prompts()[1:]
    assert {row["image_price_usd"] for row in rows} == {0.15}
    assert all(row["seconds_taken"] >= 0 and row["pictures"] == 1 for row in rows)
    assert metadata["spent_usd"].value == pytest.approx(0.3)


def set_page(location: CodeLocation) -> str:
    assert location.materialize([NAMES.campaign_sets]).success
    return (location.settings.home / "sets" / "winter" / "index.html").read_text("utf-8")


def records_of(location: CodeLocation) -> dict[Path, dict[str, Any]]:
    folder = location.settings.home / "records"
    return {path: json.loads(path.read_bytes()) for path in folder.rglob("*.json")}


def test_a_set_shows_the_thumbnails_drawn_with_the_renditions(location: CodeLocation) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    kept = [
        location.settings.home / "store" / digest[:2] / digest
        for record in records_of(location).values()
        for digest in record["thumbs"].values()
    ]
    assert len(kept) >= len(location.prompts())
    page = set_page(location)
    for path in kept:
        assert base64.b64encode(path.read_bytes()).decode() in page


def test_thumbnails_that_are_lost_or_were_never_kept_are_drawn_from_the_pictures(
    location: CodeLocation,
) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    shown = set_page(location).count("data:image/jpeg")
    (damaged, first), (older, second), *_ = records_of(location).items()
    digest = next(iter(first["thumbs"].values()))
    (location.settings.home / "store" / digest[:2] / digest).write_bytes(b"damaged")
    del second["thumbs"]
    older.write_text(json.dumps(second), encoding="utf-8")

    assert set_page(location).count("data:image/jpeg") == shown
    assert damaged != older


def test_an_image_bought_by_itself_after_an_edit_is_fresh(location: CodeLocation) -> None:
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    location.write(
        campaign(shot("kitchen", scene="Ada naps"), shot("garden"), shot("attic", characters=[]))
    )

    assert location.materialize([NAMES.generated_images]).success
    location.materialize([NAMES.image_requests])

    assert location.stale(NAMES.generated_images) == set()


def test_the_run_config_caps_a_run(location: CodeLocation) -> None:
    location.sheets_made()
    bills = location.service.bills

    result = location.materialize(
        PROMPT_ASSETS, op_config={"prompt_images": {"config": {"budget_usd": 0.20}}}
    )

    assert not result.success
    assert location.service.bills == bills


def test_a_wrong_key_is_one_clear_failure(location: CodeLocation) -> None:
    location.sheets_made()
    location.service.script({"kind": "status", "status": 401})

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data is not None
    assert "OXEN_API_KEY" in (data.description or "")


def test_a_single_partition_can_be_materialized(location: CodeLocation) -> None:
    location.sheets_made()
    key = location.prompts()[1]

    assert location.materialize(PROMPT_ASSETS, [key]).success

    assert location.materialized(NAMES.generated_images) == {key}


def test_recorded_tags_are_those_dagster_writes_for_a_returned_result(
    location: CodeLocation,
) -> None:
    @dg.asset(code_version="1")
    def returned() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion("abc"))

    @dg.asset(code_version="1", deps=[returned])
    def downstream() -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(data_version=dg.DataVersion("def"))

    dg.materialize([returned, downstream], instance=location.instance)
    [record] = location.instance.fetch_materializations(dg.AssetKey("downstream"), limit=1).records
    assert record.asset_materialization is not None
    theirs = {
        tag.replace("returned", "image_requests") for tag in record.asset_materialization.tags
    }

    location.sheets_made()
    location.materialize(PROMPT_ASSETS)
    ours = set(location.latest(NAMES.generated_images, location.prompts()[0]).tags)

    assert ours == theirs


def write_large_campaign(location: CodeLocation) -> None:
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
    location.write(campaign(*shots, channels=list(tiny)))
    (location.settings.config / "channels.yaml").write_text(yaml.safe_dump(tiny), encoding="utf-8")


def test_a_large_set_that_follows_is_prepared_while_its_pictures_are_made(
    location: CodeLocation,
) -> None:
    write_large_campaign(location)
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS, tags={SET_FOLLOWS: "true"}).success
    folder = location.settings.home / "sets" / "winter"
    before = {path: path.stat().st_ino for path in folder.rglob("*.jpg")}
    assert before
    assert not (folder / "index.html").exists()

    assert location.materialize([NAMES.campaign_sets]).success

    assert len(list((folder / "images").rglob("*.jpg"))) == 128
    assert {path: path.stat().st_ino for path in before} == before, "none was written again"


def test_a_set_that_nobody_asked_for_is_not_prepared(location: CodeLocation) -> None:
    write_large_campaign(location)
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    assert not (location.settings.home / "sets").exists()


def test_requests_are_recorded_before_the_pictures_made_of_them(location: CodeLocation) -> None:
    write_large_campaign(location)
    location.sheets_made()

    assert location.materialize(PROMPT_ASSETS).success

    ids = {
        asset: {
            record.partition_key: record.storage_id
            for record in location.instance.fetch_materializations(asset, limit=100).records
        }
        for asset in PROMPT_ASSETS
    }
    for key in location.prompts():
        requested, made, fitted = (ids[asset][key] for asset in PROMPT_ASSETS)
        assert requested < made < fitted
    assert not any(location.stale(asset) for asset in PROMPT_ASSETS)


def test_the_log_says_how_many_are_bought_and_why(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen"), shot("garden")))
    location.sheets_made()

    def said() -> list[str]:
        result = location.materialize(PROMPT_ASSETS)
        logs = location.instance.all_logs(result.run_id)
        return [entry.user_message for entry in logs if not entry.is_dagster_event]

    assert "2 to buy: 2 new" in said()
    assert "nothing to buy" in said()
    location.write(campaign(shot("kitchen", scene="Ada reads in the kitchen"), shot("garden")))
    assert "1 to buy: 1 scene edited" in said()
