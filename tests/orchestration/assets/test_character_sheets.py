"""Sheets as assets: adopted, generated in several candidates, pinned; what a pin makes stale."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw

from nbp_dagster.assets.names import Names
from nbp_dagster.automation.schedules import find_due
from nbp_dagster.automation.stale_partitions import outdated_sheets
from nbp_dagster.cli.main import main
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.studio.plan import plan_campaigns
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
ADA, BEN = "hilltop/ada", "hilltop/ben"
ALL = "winter/{}/all/1x1/v1"
FRESH = {"character_sheets": {"config": {"fresh": True}}}


def character(name: str, **changes: Any) -> dict[str, Any]:
    """The brand with one character changed; its `auto_pin` is off unless given."""
    one = {key: value for key, value in BRAND["characters"][name].items() if key != "auto_pin"}
    return {**BRAND, "characters": {**BRAND["characters"], name: {**one, **changes}}}


def chosen_by_hand(location: CodeLocation, **changes: Any) -> None:
    """Ada's sheet in three candidates that wait; Ben pinned by himself; one shot of each."""
    location.write(
        campaign(shot("kitchen"), shot("garden", characters=["ben"])),
        brand=character("ada", candidates=3, **changes),
    )
    assert location.materialize([NAMES.brand_kits]).success
    assert location.materialize([NAMES.character_sheets]).success


@pytest.fixture
def nbp(location: CodeLocation, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command in this process, on the location's state."""
    settings = location.settings
    monkeypatch.setenv("NBP_MODE", "live")
    monkeypatch.setenv("NBP_HOME", str(settings.home))
    monkeypatch.setenv("NBP_CONFIG", str(settings.config))
    monkeypatch.setenv("OXEN_BASE_URL", settings.oxen_base_url)

    def run(*words: str) -> Result:
        return CliRunner().invoke(main, list(words))

    return run


def listed(nbp: Any, key: str) -> Mapping[str, Any]:
    return next(item for item in json.loads(nbp("sheets", "--json").output) if item["key"] == key)


def test_candidates_are_bought_in_one_call_and_wait_for_a_person(
    location: CodeLocation, nbp: Any
) -> None:
    chosen_by_hand(location)

    posts = [
        item for item in location.service.requests("/api/ai/queue") if item["method"] == "POST"
    ]
    ada = listed(nbp, ADA)
    assert (len(posts), location.service.bills) == (2, 4)
    assert [item["number"] for item in ada["candidates"]] == [1, 2, 3]
    assert len({item["digest"] for item in ada["candidates"]}) == 3
    assert (ada["pinned"], ada["waits_for_pin"]) == (None, True)
    assert listed(nbp, BEN)["history"][0]["action"] == "automatic"


def test_pictures_of_an_unpinned_sheet_fail_before_any_post_and_all_others_are_made(
    location: CodeLocation,
) -> None:
    """The plan and the schedule say beforehand what is waited for."""
    chosen_by_hand(location)

    with open_studio(location.settings) as studio:
        plan = plan_campaigns(studio, ["winter"])
        due = find_due(studio, location.instance, NAMES, campaign_id="winter")

    by_key = {image.key: image for image in plan.images}
    assert by_key[ADA].standing == "waits_for_pin"
    assert by_key[BEN].standing == "made"
    kitchen = by_key[ALL.format("kitchen")]
    assert (kitchen.standing, kitchen.price_usd) == ("waits_for_pin", 0)
    assert plan.after_pins == (1, kitchen.later_usd)
    assert "nbp sheets pin hilltop/ada 1|2|3" in kitchen.reason
    assert not due.is_launched
    assert "waits for the sheet of hilltop/ada to be pinned" in due.reason

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert location.service.bills == 4 + 1
    assert location.materialized(NAMES.generated_images) == {ALL.format("garden")}
    [failure] = [event for event in result.all_events if event.is_step_failure]
    said = str(failure.step_failure_data.error_display_string)
    assert "waits for the sheet of hilltop/ada to be pinned" in said
    assert "nbp sheets pin hilltop/ada 1|2|3" in said


def test_the_plan_asks_for_every_candidate_before_they_are_made(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen")), brand=character("ada", candidates=3))

    with open_studio(location.settings) as studio:
        sheet = plan_campaigns(studio, ["winter"]).images[0]

    assert (sheet.standing, str(sheet.price_usd)) == ("to_make", "0.45")
    assert sheet.reason == "3 candidates in one call"


def test_a_new_pin_makes_exactly_its_descendants_stale(location: CodeLocation, nbp: Any) -> None:
    chosen_by_hand(location)
    assert "are stale now" in nbp("sheets", "pin", ADA, "2").output
    again = nbp("sheets", "pin", ADA, "2")
    assert again.exit_code == 0
    assert "is the sheet already (pinned); nothing changes" in again.output
    assert "stale" not in again.output
    for assets in ([NAMES.character_sheets], PROMPT_ASSETS):
        assert location.materialize(assets).success
    bills = location.service.bills

    assert nbp("sheets", "pin", ADA, "3", "--reason", "kinder eyes").exit_code == 0
    assert location.materialize([NAMES.character_sheets]).success
    assert location.stale(NAMES.image_requests) == {ALL.format("kitchen")}
    assert location.materialize([NAMES.image_requests]).success

    assert location.stale(NAMES.generated_images) == {ALL.format("kitchen")}
    assert location.service.bills == bills
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.bills == bills + 1
    assert location.stale(NAMES.generated_images) == set()


def test_a_rollback_brings_the_earlier_pictures_back_for_nothing(
    location: CodeLocation, nbp: Any
) -> None:
    chosen_by_hand(location)
    for number in ("1", "2"):
        assert nbp("sheets", "pin", ADA, number).exit_code == 0
        assert location.materialize(PROMPT_ASSETS).success
    bills = location.service.bills

    assert nbp("sheets", "rollback", ADA).exit_code == 0
    assert location.materialize(PROMPT_ASSETS).success

    ada = listed(nbp, ADA)
    assert ada["pinned"] == ada["candidates"][0]["digest"]
    assert [item["action"] for item in ada["history"]] == ["pinned", "pinned", "rolled_back"]
    assert location.service.bills == bills


def test_other_traits_are_another_sheet_that_has_to_be_chosen(
    location: CodeLocation, nbp: Any
) -> None:
    """The old ones stay listed, and one of them can be pinned for the new traits on purpose."""
    chosen_by_hand(location)
    nbp("sheets", "pin", ADA, "1")
    old = listed(nbp, ADA)["pinned"]

    chosen_by_hand(location, traits=["woman in her sixties", "white bob"])

    ada = listed(nbp, ADA)
    assert (ada["pinned"], len(ada["candidates"])) == (None, 6)
    assert [item["of_present_traits"] for item in ada["candidates"]] == [False] * 3 + [True] * 3
    assert "4|5|6" in ada["state"]
    nbp("sheets", "pin", ADA, "1")
    assert listed(nbp, ADA)["pinned"] == old


def test_a_sheet_that_is_pinned_or_waits_is_not_asked_for_by_every_run(
    location: CodeLocation, nbp: Any
) -> None:
    chosen_by_hand(location)

    def outdated() -> list[str]:
        with open_studio(location.settings) as studio:
            return outdated_sheets(location.instance, studio, NAMES, [ADA, BEN])

    assert outdated() == []
    nbp("sheets", "pin", ADA, "1")
    assert outdated() == [ADA]
    location.materialize([NAMES.character_sheets])
    assert outdated() == []
    location.write(brand=character("ada", candidates=4))
    assert outdated() == [ADA]


def test_a_candidate_that_fails_holds_back_no_other(location: CodeLocation, nbp: Any) -> None:
    location.service.script({"kind": "fail", "times": 1, "prompt": "Ada"})

    chosen_by_hand(location)

    assert len(listed(nbp, ADA)["candidates"]) == 2


def test_bought_again_on_purpose_the_new_one_is_pinned_where_nobody_chooses(
    location: CodeLocation, nbp: Any
) -> None:
    location.sheets_made()
    before = listed(nbp, ADA)["pinned"]

    assert location.materialize([NAMES.character_sheets], op_config=FRESH).success

    after = listed(nbp, ADA)
    assert after["pinned"] == after["candidates"][1]["digest"] != before
    assert nbp("sheets", "rollback", ADA).exit_code == 0
    assert listed(nbp, ADA)["pinned"] == before


def test_a_run_that_died_before_it_pinned_is_made_good_by_the_next(
    location: CodeLocation, nbp: Any
) -> None:
    """Candidates made while nobody was to choose are pinned as soon as pictures need one."""
    chosen_by_hand(location)
    location.write(brand=character("ada", candidates=3, auto_pin=True))

    assert location.materialize(PROMPT_ASSETS).success

    ada = listed(nbp, ADA)
    assert ada["pinned"] == ada["candidates"][0]["digest"]
    assert ada["history"][0]["action"] == "automatic"


def test_a_wrong_word_is_told_in_one_line(location: CodeLocation, nbp: Any) -> None:
    chosen_by_hand(location)
    told = {
        ("pin", "hilltop/adda", "1"): "nbp: 'hilltop/adda' is no character; accepted: ",
        ("show", "hilltop/adda"): "did you mean hilltop/ada?",
        ("pin", ADA, "9"): "nbp: hilltop/ada: no candidate '9'; there are: 1 (",
        ("pin", ADA, "0123456789abcdef"): "no candidate '0123456789abcdef'",
        ("pin", ADA, "beef"): "no candidate 'beef'",
        ("rollback", ADA): "no sheet was pinned before the present one",
    }
    for words, said in told.items():
        done = nbp("sheets", *words)

        assert done.exit_code == 1
        assert said in done.output
        assert len(done.output.strip().splitlines()) == 1


def test_show_names_the_files_and_writes_a_page_of_them(location: CodeLocation, nbp: Any) -> None:
    chosen_by_hand(location)
    digest = listed(nbp, ADA)["candidates"][1]["digest"]
    assert nbp("sheets", "pin", ADA, digest[:10], "--reason", "kinder eyes").exit_code == 0

    done = nbp("sheets", "show", ADA)
    shown = json.loads(nbp("sheets", "show", ADA, "--json").output)

    assert done.exit_code == 0
    assert all(item["file"] in done.output for item in shown["candidates"])
    assert all(Path(item["file"]).is_file() for item in shown["candidates"])
    page = Path(shown["page"]).read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == 3
    assert page.count('class="pinned"') == 1
    assert shown["pinned"] == digest

    # And the same in Dagster's UI.
    location.materialize([NAMES.character_sheets])

    facts = location.latest(NAMES.character_sheets, ADA).metadata
    assert {"candidate 1", "candidate 2 (pinned)", "candidate 3"} <= facts.keys()
    assert str(facts["side by side"].value).count("data:image/webp") == 3
    assert "kinder eyes" in str(facts["pinned"].value)
    assert all(
        len(str(value.value)) < 1000
        for name, value in facts.items()
        if name.startswith("candidate ")
    )


def drawn(folder: Path, name: str, colour: str) -> str:
    image = Image.new("RGB", (300, 400), "white")
    ImageDraw.Draw(image).ellipse((60, 40, 240, 360), fill=colour)
    folder.mkdir(parents=True, exist_ok=True)
    image.save(folder / name)
    return f"images/{name}"


def supplied(location: CodeLocation, *, wave: str = "red") -> None:
    """Ada by three images, Ben generated; one shot of each."""
    folder = location.settings.config / "brands" / "images"
    references = [
        drawn(folder, name, colour)
        for name, colour in (("face.png", "navy"), ("front.png", "teal"), ("wave.png", wave))
    ]
    location.write(
        campaign(shot("kitchen"), shot("garden", characters=["ben"])),
        brand=character("ada", references=references),
    )


def test_several_supplied_images_are_one_reference_of_a_request(
    location: CodeLocation, nbp: Any
) -> None:
    supplied(location)
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success

    asked = [
        item for item in location.service.requests("/api/ai/queue") if item["method"] == "POST"
    ]
    with open_studio(location.settings) as studio:
        [kitchen, _] = studio.compile(studio.prompts).orders.values()
        [card] = [item for item in kitchen.request.references if item.role == "identity"]
        is_stored = studio.store.has(card.digest)
        data = studio.references.read(card.source, card.digest)
    assert (card.role, card.source) == ("identity", "card:hilltop/ada")
    # A card is known by its recipe, and drawn where it is needed.
    assert not is_stored
    assert data.startswith(b"\x89PNG")
    assert len(asked) == 3
    ada = location.latest(NAMES.character_sheets, ADA).metadata
    assert ada["origin"].value == "adopted"
    assert "edit these instead" in nbp("sheets", "pin", ADA, "1").output
    assert nbp("sheets", "show", ADA).exit_code == 0


def test_another_supplied_image_makes_exactly_its_descendants_stale(location: CodeLocation) -> None:
    supplied(location)
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success

    supplied(location, wave="green")
    for asset in (NAMES.brand_kits, NAMES.character_sheets, NAMES.image_requests):
        assert location.materialize([asset]).success

    assert location.stale(NAMES.generated_images) == {ALL.format("kitchen")}


def test_a_supplied_image_that_is_none_is_told_before_anything_is_bought(
    location: CodeLocation,
) -> None:
    supplied(location)
    broken = location.settings.config / "brands" / "images" / "wave.png"
    broken.write_bytes(broken.read_bytes()[:200])
    location.materialize([NAMES.brand_kits])

    result = location.materialize([NAMES.character_sheets], [ADA])

    assert not result.success
    assert location.service.bills == 0


def test_a_pinned_image_that_is_lost_is_told_with_what_to_do(
    location: CodeLocation, nbp: Any
) -> None:
    """One of a candidate that is still asked for is fetched again, free; another one can't be."""
    chosen_by_hand(location)
    nbp("sheets", "pin", ADA, "3")
    location.write(brand=character("ada", candidates=1))
    Path(listed(nbp, ADA)["candidates"][2]["file"]).unlink()
    bills = location.service.bills

    result = location.materialize([NAMES.character_sheets], [ADA])

    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert "is not in the store" in str(failure.step_failure_data.error_display_string)
    assert location.service.bills == bills


def test_assets_that_never_spend_pin_nothing(location: CodeLocation, nbp: Any) -> None:
    chosen_by_hand(location)
    location.write(brand=character("ada", candidates=3, auto_pin=True))

    location.materialize([NAMES.image_requests])

    assert listed(nbp, ADA)["history"] == []
