"""Reference images that must not be used: one clear line each, and nothing is bought."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nbp_dagster.briefs.images import ACCEPTED
from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.cli.choice import choose_prompts
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.run import run_prompts
from nbp_dagster.cli.run_summary import RunOptions
from nbp_dagster.file_kinds import DRAWN_KINDS
from nbp_dagster.studio.ledger.orders import Outcome, OutcomeCounts
from nbp_dagster.studio.plan import plan_campaigns
from nbp_dagster.studio.references.supplied_files import check_files
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.code_location import NAMES, PROMPT_ASSETS, CodeLocation
from tests.rigs.pictures import OTHER_KINDS, broken_pictures, draw_noise, draw_scene, encode

PICTURES = broken_pictures()
REFUSED = {name: kind for name, kind in OTHER_KINDS.items() if kind not in DRAWN_KINDS}
# What the file is; what the line says of it. All are called `.png`.
BY_DECODING = {
    "truncated png": "a damaged or truncated PNG",
    "truncated jpeg": "a damaged or truncated JPEG",
    "truncated webp": "a damaged or truncated WEBP",
    "png header only": "a damaged or truncated PNG",
    "corrupt png": "a damaged or truncated PNG",
    "animated webp": "5 frames; accepted: one still picture",
    "apng of 200 frames": "200 frames; accepted: one still picture",
    "110 megapixels and one line": "11000x10001 pixels; accepted: at most 110,000,000 pixels",
    "12000x12000 png": "12000x12000 pixels; accepted: at most 110,000,000 pixels",
    "100000x100000 png": "far more than 110,000,000 pixels",
    "zipped bomb of a colour profile": "a damaged or truncated PNG",
    "postscript behind png bytes": "a damaged or truncated PNG",
    "svg behind jpeg bytes": "a damaged or truncated JPEG",
}


def make_picture(kind: str) -> bytes:
    if kind == "apng of 200 frames":
        frames = [Image.new("RGB", (8, 8), (n, 0, 255 - n)) for n in range(200)]
        return encode(frames[0], "PNG", save_all=True, append_images=frames[1:], duration=20)
    if kind == "110 megapixels and one line":
        return encode(Image.new("1", (11000, 10001)), "PNG")
    if kind == "zipped bomb of a colour profile":
        return encode(draw_scene(8, 8), "PNG", icc_profile=bytes(8 * 1024 * 1024))
    if kind == "postscript behind png bytes":
        return b"\x89PNG\r\n\x1a\n" + PICTURES["postscript"]()
    if kind == "svg behind jpeg bytes":
        return b"\xff\xd8\xff\xe0" + PICTURES["svg"]()
    return PICTURES[kind]()


def products_of(images: Mapping[str, bytes], folder: Path) -> dict[str, Any]:
    """A brand whose products have these images, which are put into place."""
    products = {}
    for number, (name, data) in enumerate(images.items()):
        path = folder / "brands" / f"product{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        products[f"p{number}"] = {
            "name": f"P{number}", "description": name, "references": [path.name],
        }  # fmt: skip
    return {**BRAND, "products": products}


def put(location: CodeLocation, images: Mapping[str, bytes]) -> None:
    brand = products_of(images, location.settings.config)
    shots = [{**shot("kitchen"), "products": list(brand["products"])}]
    location.write(campaign(*shots), brand=brand)


def lines_of(error: BriefError) -> list[str]:
    return [str(problem) for problem in error.problems]


class Silent:
    """Hears what a run does, and says nothing."""

    tally = OutcomeCounts()

    def title(self, text: str) -> None: ...
    def begin(self, total: int) -> None: ...
    def advance(self, outcome: Outcome) -> None: ...
    def wait(self, why: str) -> None: ...


def test_a_file_disguised_as_a_picture_is_refused_when_the_briefs_are_read(
    tmp_path: Path,
) -> None:
    brand = products_of({kind: make_picture(kind) for kind in REFUSED}, tmp_path)
    write_briefs(tmp_path, campaign(shot("kitchen")), brand=brand)

    with pytest.raises(BriefError) as caught:
        load_briefs(tmp_path)

    lines = lines_of(caught.value)
    assert len(lines) == len(REFUSED)
    for number, seen in enumerate(REFUSED.values()):
        [line] = [one for one in lines if f"products.p{number}.references[0]: " in one]
        assert line.startswith("brands/hilltop.yaml:")
        assert f".png' - {seen}; accepted: {ACCEPTED}" in line


def test_a_plan_names_every_picture_that_cannot_be_used_and_asks_the_service_nothing(
    location: CodeLocation,
) -> None:
    put(location, {kind: make_picture(kind) for kind in BY_DECODING})
    briefs = load_briefs(location.settings.config)

    with pytest.raises(BriefError) as caught, open_studio(location.settings) as studio:
        plan_campaigns(studio, ["winter"])
    with pytest.raises(BriefError) as validated:
        check_files(briefs)

    lines = lines_of(caught.value)
    assert lines_of(validated.value) == lines
    assert len(lines) == len(BY_DECODING)
    for number, (kind, seen) in enumerate(BY_DECODING.items()):
        [line] = [one for one in lines if f"products.p{number}.references[0]: " in one]
        assert line.startswith("brands/hilltop.yaml:"), kind
        assert f"'product{number}.png' - not a usable picture: {seen}" in line, kind
        assert "\n" not in line
    assert location.service.requests("/api") == []


def test_a_run_stops_at_a_bad_picture_before_it_buys_a_sheet(location: CodeLocation) -> None:
    put(location, {"good": encode(draw_scene(64, 64)), "bad": make_picture("apng of 200 frames")})
    briefs = load_briefs(location.settings.config)

    chosen = choose_prompts(briefs, ["winter"])

    with pytest.raises(BriefError, match="200 frames"):
        run_prompts(location.settings, briefs, chosen, options=RunOptions(), listener=Silent())

    assert location.service.bills == 0
    assert location.service.requests("/api/ai/queue") == []


def test_the_step_of_sheets_stops_at_a_bad_picture_of_the_brand(location: CodeLocation) -> None:
    put(location, {"bad": make_picture("corrupt png")})

    assert location.materialize([NAMES.brand_kits]).success
    result = location.materialize([NAMES.character_sheets])

    [failure] = [event for event in result.all_events if event.is_step_failure]
    shown = failure.step_failure_data.error_display_string
    assert "products.p0.references[0]: 'product0.png' - not a usable picture" in shown
    assert location.service.bills == 0


def test_the_step_of_prompts_buys_nothing_for_a_bad_picture(location: CodeLocation) -> None:
    put(location, {"good": encode(draw_scene(64, 64))})
    location.sheets_made()
    sheets = location.service.bills
    put(location, {"bad": make_picture("truncated png")})

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    metadata = failure.step_failure_data.user_failure_data.metadata
    [row] = metadata["without_image"].records
    assert "not a usable picture: a damaged or truncated PNG" in row.data["reason"]
    assert location.service.bills == sheets


def test_a_bad_picture_of_one_character_holds_back_no_shot_without_it(
    location: CodeLocation,
) -> None:
    """Ben's image breaks after the briefs were made; Ada's shot is bought all the same."""
    path = location.settings.config / "brands" / "ben.png"
    path.write_bytes(encode(draw_scene(64, 64)))
    ben = {**BRAND["characters"]["ben"], "references": ["ben.png"], "auto_pin": False}
    brand = {**BRAND, "characters": {**BRAND["characters"], "ben": ben}}
    shots = (shot("kitchen"), shot("garden", characters=["ben"]))
    location.write(campaign(*shots), brand=brand)
    location.sheets_made()
    sheets = location.service.bills
    path.write_bytes(make_picture("animated webp"))

    result = location.materialize(PROMPT_ASSETS)

    assert not result.success
    assert location.service.bills == sheets + 1
    assert location.materialized(NAMES.generated_images) == {"winter/kitchen/all/1x1/v1"}


def test_a_picture_too_large_to_be_sent_is_told_before_anything_is_bought(
    location: CodeLocation,
) -> None:
    """One sound picture of more bytes than a request takes."""
    put(location, {"heavy": encode(draw_noise(2100, 2100))})

    with (
        pytest.raises(BriefError, match="accepted: at most 12000000 within a request"),
        open_studio(location.settings) as studio,
    ):
        plan_campaigns(studio, ["winter"])

    assert location.service.requests("/api") == []


@pytest.mark.parametrize("kind", ["plain", "with a bomb of text", "with 13 MB behind it"])
def test_a_sound_picture_is_planned(location: CodeLocation, kind: str) -> None:
    """What is metadata, or stands behind the picture, is cut before anything reads it."""
    good = encode(draw_scene(64, 64))
    data = {
        "plain": good,
        "with a bomb of text": make_picture("zipped text bomb"),
        "with 13 MB behind it": good + bytes(13_000_000),
    }[kind]
    put(location, {"good": data})
    check_files(load_briefs(location.settings.config))

    with open_studio(location.settings) as studio:
        planned = plan_campaigns(studio, ["winter"])

    assert [image.standing for image in planned.images] == ["to_make", "waits_for_sheet"]
