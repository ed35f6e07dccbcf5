"""The sensor notices edits by their content, and launches the free assets they touch."""

import json
import os
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.automation.sensors import build_briefs_sensor, build_free_jobs
from nbp_dagster.briefs.load import load_briefs
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import CodeLocation
from tests.rigs.daemon import (
    ADA,
    ATTIC,
    GARDEN,
    KITCHEN,
    BriefsSensor,
    all_made,
    range_of,
)

NAMES = Names()
SHOTS = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))
EDITED = (SHOTS[0], shot("garden", scene="Ada waters roses"), SHOTS[2])
UNCHANGED = "no brief has changed"


@pytest.fixture
def sensor(location: CodeLocation) -> BriefsSensor:
    """Everything is made, and the sensor has seen it."""
    all_made(location)
    sensor = BriefsSensor(location)
    assert sensor.tick() == UNCHANGED
    return sensor


def brand_with(**ada: object) -> dict[str, object]:
    """The brand, with another Ada."""
    characters = BRAND["characters"]
    return {**BRAND, "characters": {**characters, "ada": {**characters["ada"], **ada}}}


def requested(found: list[dg.RunRequest] | str) -> list[dg.RunRequest]:
    assert not isinstance(found, str), found
    return found


def test_an_edited_scene_has_the_campaigns_requests_recorded(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    location.write(campaign(*EDITED))

    [request] = requested(sensor.tick())

    assert request.job_name == "read_requests"
    assert range_of(request) == (KITCHEN, ATTIC)
    assert request.tags["nbp/reason"] == "requests of winter: 1 of 3 changed"
    bills = location.service.bills
    assert sensor.launch(request).success
    assert location.service.bills == bills
    assert location.stale(NAMES.generated_images) == {GARDEN}
    assert sensor.tick() == UNCHANGED


def test_an_edited_style_has_kit_and_requests_recorded(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    location.write(brand={**BRAND, "typography": "slab serif", "voice": "loud"})

    [kit] = requested(sensor.tick())

    # Neither voice nor the lettering of wordless pictures is asked of the model.
    assert kit.job_name == "read_brands"
    assert range_of(kit) == ("hilltop", "hilltop")
    location.write(brand={**BRAND, "style": "dark woodcut"})
    jobs = [request.job_name for request in requested(sensor.tick())]
    assert jobs[0] == "read_brands"


def test_an_edited_trait_waits_for_the_sheet_and_then_goes_on(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    location.write(brand=brand_with(traits=["woman in her sixties", "white bob"]))

    [kit] = requested(sensor.tick())

    assert kit.job_name == "read_brands"
    assert sensor.launch(kit).success
    assert ADA in location.stale(NAMES.character_sheets)
    waits = sensor.tick()
    assert isinstance(waits, str)
    assert waits.startswith(f"winter waits for the character sheet of {ADA}")
    asked = len(location.service.requests(""))
    assert sensor.tick() == waits
    assert len(location.service.requests("")) == asked
    assert location.materialize([NAMES.character_sheets]).success
    [request] = requested(sensor.tick())
    assert request.job_name == "read_requests"
    assert sensor.launch(request).success
    assert location.stale(NAMES.generated_images) == {KITCHEN, GARDEN}
    assert sensor.tick() == UNCHANGED


def test_an_edit_taken_back_ends_the_wait(location: CodeLocation, sensor: BriefsSensor) -> None:
    location.write(brand=brand_with(traits=["woman in her sixties", "white bob"]))
    requested(sensor.tick())
    assert "waits for the character sheet" in str(sensor.tick())
    location.write(brand=BRAND)

    assert sensor.tick() == "changed: brands/hilltop"
    assert sensor.tick() == UNCHANGED


BROKEN = "id: broken\nobjective: [\n"


def write_summer(location: CodeLocation) -> None:
    summer = {**campaign(shot("beach", characters=[])), "id": "summer"}
    path = location.settings.config / "campaigns" / "summer.yaml"
    path.write_text(json.dumps(summer), "utf-8")


def test_a_broken_brief_is_told_and_the_sound_ones_are_followed(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    write_summer(location)
    sensor.reload()
    sensor.tick()
    path = location.settings.config / "campaigns" / "summer.yaml"
    path.write_text(BROKEN, "utf-8")
    location.write(campaign(*EDITED))

    [request] = requested(sensor.tick())

    assert request.tags["nbp/reason"] == "requests of winter: 1 of 3 changed"
    assert sensor.launch(request).success
    told = sensor.tick()
    assert isinstance(told, str)
    assert told.startswith("left out until it is corrected: campaigns/summer.yaml:")
    assert "gone" not in told, "its partitions stay until it is corrected or removed"
    assert "removed" not in told
    write_summer(location)
    assert sensor.tick() == UNCHANGED
    path.write_text(json.dumps({**campaign(shot("pier", characters=[])), "id": "summer"}), "utf-8")
    assert "changed: campaigns/summer" in str(sensor.tick())


def test_a_broken_brief_that_is_removed_is_gone(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    write_summer(location)
    sensor.reload()
    sensor.tick()
    path = location.settings.config / "campaigns" / "summer.yaml"
    path.write_text(BROKEN, "utf-8")
    sensor.tick()
    path.unlink()

    told = str(sensor.tick())

    assert "campaigns/summer (removed)" in told
    assert "gone: summer/beach/all/1x1/v1" in told


def test_a_run_stops_at_a_broken_brief_of_its_own_alone(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    write_summer(location)
    definitions = location.definitions()
    path = location.settings.config / "campaigns" / "summer.yaml"
    path.write_text(BROKEN, "utf-8")

    def run(partition: str) -> dg.ExecuteInProcessResult:
        job = definitions.get_repository_def().get_job("read_requests")
        return job.execute_in_process(
            instance=location.instance,
            raise_on_error=False,
            partition_key=partition,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    assert run(KITCHEN).success
    failed = run("summer/beach/all/1x1/v1")
    [failure] = [event for event in failed.all_events if event.is_step_failure]
    told = failure.step_failure_data.user_failure_data
    assert told is not None
    assert "campaigns/summer.yaml:" in (told.description or "")


def test_a_touched_file_is_no_change(location: CodeLocation, sensor: BriefsSensor) -> None:
    before = sensor.cursor
    for path in location.settings.config.rglob("*.yaml"):
        os.utime(path, (1, 1))

    assert sensor.tick() == UNCHANGED
    assert sensor.cursor == before


def test_a_comment_is_a_change_of_the_brief_that_touches_no_request(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    path = location.settings.config / "campaigns" / "winter.yaml"
    path.write_text(path.read_text() + "# looked over\n", encoding="utf-8")

    assert sensor.tick() == "changed: campaigns/winter"


def test_the_same_change_has_the_same_run_key_until_the_cursor_moves(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    before = sensor.cursor
    location.write(campaign(*EDITED))
    [first] = requested(sensor.tick())
    sensor.cursor = before

    [again] = requested(sensor.tick())

    assert again.run_key == first.run_key


def test_an_edit_taken_back_and_made_again_is_launched_each_time(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    keys = []
    for shots in (EDITED, SHOTS, EDITED, SHOTS):
        location.write(campaign(*shots))
        [request] = requested(sensor.tick())
        assert sensor.launch(request).success
        keys.append(request.run_key)

    assert len(set(keys)) == 4
    assert location.stale(NAMES.generated_images) == set()


def test_a_new_shot_asks_for_a_reload_until_it_is_done(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    location.write(campaign(*SHOTS, shot("cellar", characters=[])))

    for _ in range(2):
        reason = sensor.tick()
        assert isinstance(reason, str)
        assert "new: winter/cellar/all/1x1/v1. Reload definitions" in reason
    sensor.reload()
    assert sensor.tick() == UNCHANGED


def test_a_removed_shot_asks_for_a_reload(location: CodeLocation, sensor: BriefsSensor) -> None:
    location.write(campaign(SHOTS[0], SHOTS[2]))

    reason = sensor.tick()

    assert isinstance(reason, str)
    assert f"gone: {GARDEN}. Reload definitions" in reason


def test_a_removed_campaign_is_named(location: CodeLocation, sensor: BriefsSensor) -> None:
    (location.settings.config / "campaigns" / "winter.yaml").unlink()

    reason = sensor.tick()

    assert isinstance(reason, str)
    assert "changed: campaigns/winter (removed)" in reason
    assert "Reload definitions" in reason


def test_a_webserver_is_asked_once_to_reload(location: CodeLocation, sensor: BriefsSensor) -> None:
    asked = []

    def reload(location: str) -> str:
        asked.append(location)
        return f"reloaded {location}"

    asking = build_briefs_sensor(
        load_briefs(location.settings.config),
        NAMES,
        jobs=build_free_jobs(NAMES),
        status=dg.DefaultSensorStatus.RUNNING,
        reload=reload,
    )
    location.write(campaign(*SHOTS, shot("cellar", characters=[])))

    first, second = sensor.tick(asking), sensor.tick(asking)

    assert asked == ["nbp_dagster"]
    assert "new: winter/cellar/all/1x1/v1. reloaded nbp_dagster" in first
    assert "if this stays, reload definitions yourself" in second


def test_a_broken_brief_is_told_and_looked_at_again(
    location: CodeLocation, sensor: BriefsSensor
) -> None:
    before = sensor.cursor
    path = location.settings.config / "campaigns" / "winter.yaml"
    path.write_text(path.read_text() + "varients: 2\n", encoding="utf-8")

    reason = sensor.tick()

    assert isinstance(reason, str)
    assert "campaigns/winter.yaml" in reason
    assert "unknown key" in reason
    assert sensor.cursor == before
    location.write(campaign(*EDITED))
    assert len(requested(sensor.tick())) == 1


def test_what_nobody_ever_made_is_not_followed(location: CodeLocation) -> None:
    sensor = BriefsSensor(location)
    assert sensor.tick() == UNCHANGED
    location.write(campaign(*EDITED), brand={**BRAND, "style": "dark woodcut"})

    assert sensor.tick() == "changed: brands/hilltop, campaigns/winter"


def test_the_first_tick_follows_an_edit_made_before_it(location: CodeLocation) -> None:
    all_made(location)
    location.write(campaign(*EDITED))

    [request] = requested(BriefsSensor(location).tick())

    assert request.job_name == "read_requests"


def test_an_edited_reference_image_is_a_change(location: CodeLocation, tmp_path: Path) -> None:
    image = location.settings.config / "brands" / "images" / "ada.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + b"first")
    location.write(brand=brand_with(references=["images/ada.png"], auto_pin=False))
    assert location.materialize([NAMES.brand_kits]).success
    sensor = BriefsSensor(location)
    assert sensor.tick() == UNCHANGED
    image.write_bytes(b"\x89PNG\r\n\x1a\n" + b"second")

    [kit] = requested(sensor.tick())

    assert kit.job_name == "read_brands"
    assert kit.tags["nbp/reason"] == "brand kit of hilltop"
