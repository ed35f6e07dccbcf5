"""Each check of an original: a picture that passes, and one that fails for its reason only."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.briefs.vocabulary import ColourTarget
from nbp_dagster.prompts.picture_sizes import PIXELS_AT_1K
from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.check_table import Check, CheckResult, fail_table, run_table
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.logo import LogoTemplate, match_logo, prepare_logo
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.original_checks import (
    LEAST_LIKE_LOGO,
    ORIGINAL_CHECKS,
    OriginalInput,
)
from nbp_dagster.studio.checks.rendition_checks import RENDITION_CHECKS
from nbp_dagster.studio.checks.set_checks import SET_CHECKS
from nbp_dagster.studio.imaging.resize import build_pyramid
from tests.rigs.pictures import draw_scene

IMAGES = Path(__file__).parents[4] / "assets_config" / "brands" / "images"
PALETTE = {"primary": "#14707A", "accent": "#FFC53D", "neutral": "#FFF1DD", "ink": "#4A2A22"}


def load_emblem(brand: str = "pennyway") -> LogoTemplate:
    template = prepare_logo(Image.open(IMAGES / f"{brand}_logo.png"))
    assert template is not None
    return template


@cache
def original(fault: str = "") -> OriginalInput:
    """A poster as the painter draws it for a brand with a logo."""
    prompt = (
        "Flat vector illustration. Palette: #14707A, #FFC53D, #FFF1DD, #4A2A22.\n"
        "RenderContext: a quiet kitchen with a cup on the counter.\n"
        "Image 1: logo of Pennyway. It decides the drawing of the logo."
    )
    faults = frozenset([fault] if fault else [])
    logo = (IMAGES / "pennyway_logo.png").read_bytes()
    picture = paint(prompt, [logo], width=1024, height=1024, faults=faults)
    return OriginalInput(
        prompt_key="winter/park/all/1x1/v1",
        pyramid=build_pyramid(picture),
        file_type="png",
        labelled="png",
        ratio="1:1",
        resolution="1K",
        palette=PALETTE,
        logo=load_emblem,
    )


def judge(subject: OriginalInput, blocking: Sequence[str] = ()) -> dict[str, CheckResult]:
    return {
        result.name: result for result in run_table(ORIGINAL_CHECKS, subject, blocking=blocking)
    }


def failed(subject: OriginalInput) -> set[str]:
    return {name for name, result in judge(subject).items() if result.verdict == "failed"}


def show(picture: Image.Image) -> OriginalInput:
    """The picture in place of the poster, for a brand of its own colours and without a logo."""
    corner = picture.getpixel((0, 0))
    palette = {"background": "#{:02X}{:02X}{:02X}".format(*corner)}
    return replace(original(), pyramid=build_pyramid(picture), palette=palette, logo=None)


def test_a_good_original_passes_every_check() -> None:
    assert {result.verdict for result in judge(original()).values()} == {"passed"}


def gradient() -> Image.Image:
    return Image.linear_gradient("L").resize((1024, 1024)).convert("RGB")


@pytest.mark.parametrize(
    "blank", [Image.new("RGB", (1024, 1024), "#E8E8E8"), gradient()], ids=["one colour", "gradient"]
)
def test_a_picture_of_nothing_is_blank_and_can_never_be_used(blank: Image.Image) -> None:
    subject = replace(
        show(blank), palette={"white": "#FFFFFF", "black": "#000000", "grey": "#808080"}
    )
    assert failed(subject) - {"palette_coverage"} == {"not_blank"}
    assert judge(subject)["not_blank"].severity == "error"


def test_one_thing_on_a_plain_ground_is_not_blank() -> None:
    page = Image.new("RGB", (1024, 1024), "white")
    ImageDraw.Draw(page).ellipse((400, 400, 640, 640), fill="#B0B0B0")
    assert failed(show(page)) == set()


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"ratio": "4:5"}, "1024x1024 pixels, 25.0% off"),
        ({"resolution": "2K"}, "1024x1024 pixels, 0.0% off"),
    ],
    ids=["other ratio", "too few pixels"],
)
def test_what_was_not_asked_for_fails_its_size_alone(changes: dict[str, Any], seen: str) -> None:
    subject = replace(original(), **changes)
    assert failed(subject) == {"asked_size"}
    assert seen in judge(subject)["asked_size"].sentence


def test_sizes_that_the_models_maker_documents_pass() -> None:
    """Near the ratio asked for, not at it; 1408x768 is what the model draws at times."""
    for ratio, size in (*PIXELS_AT_1K.items(), ("16:9", (1408, 768))):
        page = show(original().pyramid.levels[0].resize(size))
        assert "asked_size" not in failed(replace(page, ratio=ratio))


@pytest.mark.parametrize(("asked", "drawn"), [("4:5", "3:4"), ("3:4", "4:5"), ("5:4", "4:3")])
def test_the_nearest_other_ratio_is_another_size(asked: str, drawn: str) -> None:
    page = show(original().pyramid.levels[0].resize(PIXELS_AT_1K[drawn]))
    assert failed(replace(page, ratio=asked)) == {"asked_size"}


def test_a_picture_in_black_and_white_says_nothing_of_a_brand() -> None:
    page = Image.new("RGB", (1024, 1024), "#FAF7F0")
    draw = ImageDraw.Draw(page)
    draw.ellipse((100, 100, 900, 900), fill="#111111")
    palette = {"coral": "#FF6F61", "black": "#111111", "paper": "#FAF7F0"}
    subject = replace(show(page), palette=palette)
    assert failed(subject) == {"palette_coverage"}
    result = judge(subject)["palette_coverage"]
    assert result.figures["palette_share"] > 0.9
    assert result.figures["coloured_share"] == 0.0
    draw.rectangle((0, 0, 300, 60), fill="#FF6F61")
    assert failed(replace(subject, pyramid=build_pyramid(page))) == set()


def test_a_palette_of_neutrals_is_not_judged_without_targets() -> None:
    page = Image.new("RGB", (1024, 1024), "#FAF7F0")
    ImageDraw.Draw(page).ellipse((100, 100, 900, 900), fill="#111111")
    subject = replace(show(page), palette={"black": "#111111", "paper": "#FAF7F0"})
    assert judge(subject)["palette_coverage"].verdict == "skipped"
    target = {"black": ColourTarget(least=0.3)}
    assert judge(replace(subject, targets=target))["palette_coverage"].verdict == "passed"


def test_a_jpeg_that_was_called_a_png_fails_its_label_alone() -> None:
    subject = replace(original(), file_type="jpeg")
    assert failed(subject) == {"labelled_type"}
    assert "sent as png" in judge(subject)["labelled_type"].sentence
    assert judge(replace(subject, labelled=""))["labelled_type"].verdict == "skipped"


def test_other_colours_fail_the_palette_and_only_warn_without_targets() -> None:
    subject = original("off-palette")
    assert failed(subject) == {"palette_coverage"}
    result = judge(subject, ["palette_coverage"])["palette_coverage"]
    assert result.severity == "warn"
    assert set(result.figures) == {"palette_share", "coloured_share"} | {
        f"{kind}_{name}" for kind in ("share", "nearest") for name in PALETTE
    }


def test_a_target_that_is_missed_is_named_with_its_figures_and_may_block() -> None:
    halves = Image.new("RGB", (1024, 1024), "#14707A")
    halves.paste("#FFF1DD", (0, 0, 1024, 300))
    subject = replace(show(halves), palette=PALETTE, targets={"accent": ColourTarget(least=0.02)})
    result = judge(subject, ["palette_coverage"])["palette_coverage"]
    assert (result.verdict, result.severity) == ("failed", "error")
    assert "accent covers 0.0% of at least 2.0%" in result.sentence
    assert result.figures["nearest_accent"] > 20
    assert (result.subjects, result.figures["off_target"]) == (("more accent",), 0.02)
    too_much = replace(subject, targets={"primary": ColourTarget(least=0.1, most=0.5)})
    excess = judge(too_much)["palette_coverage"]
    assert "primary covers 70.8% of at most 50.0%" in excess.sentence
    assert excess.subjects == ("less primary",)
    met = replace(subject, targets={"primary": ColourTarget(least=0.6)})
    assert failed(met) == set()


def test_a_missing_logo_fails_alone_and_never_blocks() -> None:
    subject = original("missing-logo")
    assert failed(subject) == {"logo_present"}
    assert judge(subject, ["logo_present"])["logo_present"].severity == "warn"


def test_a_logo_that_was_not_sent_or_shows_nothing_is_not_looked_for() -> None:
    assert judge(replace(original(), logo=None))["logo_present"].verdict == "skipped"
    clear = prepare_logo(Image.new("RGBA", (64, 64)))
    plain = prepare_logo(Image.new("RGB", (64, 64), "white"))
    assert (clear, plain) == (None, None)
    assert judge(replace(original(), logo=lambda: clear))["logo_present"].verdict == "skipped"


def test_a_logo_is_found_at_its_size_in_other_colours_and_another_one_is_not() -> None:
    picture = original("missing-logo").pyramid.levels[1].copy()
    logo = Image.open(IMAGES / "solstice_logo.png").convert("RGBA").resize((120, 120))
    # In white on what is there, as a model may well draw it.
    negative = Image.eval(logo.convert("L"), lambda level: 255 - level).convert("RGB")
    picture.paste(negative, (40, 330), logo.getchannel("A"))
    likeness, width = match_logo(picture, load_emblem("solstice"))
    assert likeness > LEAST_LIKE_LOGO
    assert width == pytest.approx(120 / 512, abs=0.03)
    assert match_logo(picture, load_emblem("pennyway"))[0] < 0.6


class Broken:
    """Whatever is asked of it, it raises."""

    prompt_key = "winter/park/all/1x1/v1"

    def __getattr__(self, name: str) -> Any:
        raise ZeroDivisionError(f"no {name}")


@pytest.mark.parametrize(
    "table",
    [RENDITION_CHECKS, ORIGINAL_CHECKS, CHARACTER_CHECKS, OCR_CHECKS, EDIT_CHECKS, SET_CHECKS],
)
def test_a_check_that_crashes_has_failed_and_the_others_still_run(
    table: tuple[Check[Any], ...],
) -> None:
    for results in (
        run_table(table, Broken(), blocking=()),
        fail_table(table, ZeroDivisionError("no scorer"), prompt_key="p", blocking=()),
    ):
        assert [result.name for result in results] == [check.name for check in table]
        assert {result.verdict for result in results} == {"failed"}
        assert all("crashed: ZeroDivisionError: no " in result.sentence for result in results)


@pytest.mark.parametrize("share", [0.03, 0.04, 0.1, 0.3, 0.45, 0.6])
def test_a_logo_is_found_at_any_size_from_a_corner_to_most_of_the_picture(share: float) -> None:
    page = draw_scene(1024, 768)
    size = round(share * 1024)
    logo = Image.open(IMAGES / "solstice_logo.png").convert("RGBA").resize((size, size))
    plate = Image.new("RGB", (size + size // 5,) * 2, "#F5F2EB")
    plate.paste(logo, (size // 10, size // 10), logo.getchannel("A"))
    page.paste(plate, (31, 23))
    likeness, width = match_logo(page, load_emblem("solstice"))
    assert likeness > LEAST_LIKE_LOGO
    assert width == pytest.approx(share, rel=0.2)
    assert match_logo(page, load_emblem("pennyway"))[0] < LEAST_LIKE_LOGO
