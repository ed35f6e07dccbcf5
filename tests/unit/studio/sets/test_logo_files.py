"""A logo file is the brand's logo in the platform's square, with nothing added and no mark."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.platform_logos import LOGO_RULES
from nbp_dagster.studio.imaging.decode import UndecodableImage, decode_image
from nbp_dagster.studio.manifest.value_types import LogoFacts
from nbp_dagster.studio.sets.logo_files import TRANSPARENT, fit_logo, make_logo_files
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

[RULE] = LOGO_RULES


@dataclass(frozen=True)
class Supplied:
    digest: str
    read: Callable[[], bytes]


def draw(
    size: tuple[int, int] = (2000, 1000),
    box: tuple[int, int, int, int] = (0, 0, 2000, 1000),
    ink: str = "#114477",
    ground: str | tuple[int, int, int, int] = (0, 0, 0, 0),
) -> Image.Image:
    logo = Image.new("RGBA", size, ground)
    ImageDraw.Draw(logo).ellipse(box, fill=ink)
    return logo


def make(
    folder: Path, logo: Image.Image | bytes | None, *, channel: str = "google_square"
) -> tuple[tuple[LogoFacts, ...], dict[str, bytes]]:
    briefs = load_briefs(write_briefs(folder, campaign(shot("kitchen"), channels=[channel])))
    kept: dict[str, bytes] = {}
    if isinstance(logo, Image.Image):
        out = io.BytesIO()
        logo.save(out, "PNG")
        logo = out.getvalue()

    def keep(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        kept[digest] = data
        return digest

    supplied = None if logo is None else Supplied("ab" * 32, lambda: logo)
    return make_logo_files(briefs, "winter", lambda _: supplied, keep), kept


def test_the_file_is_what_the_platform_asks_for(tmp_path: Path) -> None:
    [facts], kept = make(tmp_path, draw())

    data = kept[facts.sha256]
    file = Image.open(io.BytesIO(data))
    assert (file.format, file.size) == ("PNG", (1200, 1200))
    assert facts.bytes == len(data) <= 150_000
    assert (facts.file, facts.platform) == ("logos/google_logo.png", RULE.platform)
    assert facts.source_sha256 == "ab" * 32
    assert facts.scale < 1


def test_it_carries_no_mark_of_ai(tmp_path: Path) -> None:
    [facts], kept = make(tmp_path, draw())

    assert facts.ai_generated is False
    data = kept[facts.sha256]
    assert b"c2pa" not in data
    assert b"XML:com.adobe.xmp" not in data
    assert set(Image.open(io.BytesIO(data)).info) <= {"icc_profile", "transparency"}


@pytest.mark.parametrize(
    ("channel", "files"),
    [("google_square", 1), ("google_vertical", 1), ("display_300x250", 0), ("instagram_feed", 0)],
)
def test_only_channels_of_the_platform_bring_a_file(
    tmp_path: Path, channel: str, files: int
) -> None:
    assert len(make(tmp_path, draw(), channel=channel)[0]) == files


def test_a_brand_without_a_logo_has_no_file(tmp_path: Path) -> None:
    assert make(tmp_path, None) == ((), {})


def test_what_is_drawn_on_nothing_stays_in_the_middle_that_every_device_shows() -> None:
    _, square = fit_logo(draw(), RULE)

    left, top, right, bottom = square.getchannel("A").getbbox() or (0, 0, 0, 0)
    assert abs(left - 120) <= 1
    assert abs(right - 1080) <= 1
    assert abs((top + bottom) / 2 - 600) <= 1
    assert abs((bottom - top) - 480) <= 2


def test_a_logo_with_wide_margins_keeps_them() -> None:
    _, square = fit_logo(draw(box=(800, 400, 1200, 600)), RULE)

    box = square.getchannel("A").getbbox()
    # The filter that makes it smaller reaches three pixels over the edge.
    assert box is not None
    assert all(abs(a - b) <= 3 for a, b in zip(box, (480, 540, 720, 660), strict=True))


def test_what_lies_to_one_side_still_lies_within_the_middle() -> None:
    _, square = fit_logo(draw(box=(0, 0, 300, 300)), RULE)

    box = square.getchannel("A").getbbox()
    assert box is not None
    assert min(box[:2]) >= 119
    assert max(box[2:]) <= 1081


def test_the_ground_of_a_badge_goes_on_around_it() -> None:
    _, square = fit_logo(draw(ground="#F4F0E8", box=(500, 200, 1500, 800)), RULE)

    assert square.getpixel((600, 3)) == (0xF4, 0xF0, 0xE8, 255)
    assert square.getpixel((0, 600)) == (0xF4, 0xF0, 0xE8, 255)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [("#114477", TRANSPARENT), ("#000000", TRANSPARENT), ("#FFFFFF", "#114477")],
)
def test_a_logo_that_white_would_swallow_stands_on_a_brand_colour(
    tmp_path: Path, ink: str, ground: str
) -> None:
    [facts], kept = make(tmp_path, draw(ink=ink))

    assert facts.ground == ground
    picture = Image.open(io.BytesIO(kept[facts.sha256])).convert("RGBA")
    corner = picture.getpixel((2, 2))
    assert corner == ((0x11, 0x44, 0x77, 255) if ground != TRANSPARENT else (0, 0, 0, 0))


def test_a_logo_that_no_one_colour_suits_stays_as_it_is(tmp_path: Path) -> None:
    logo = draw(box=(0, 0, 900, 1000), ink="#0B2030")
    ImageDraw.Draw(logo).ellipse((1000, 0, 1999, 999), fill="#FFE9A0")

    [facts], _ = make(tmp_path, logo)

    assert facts.ground == TRANSPARENT


def test_enlarging_is_said(tmp_path: Path) -> None:
    [facts], _ = make(tmp_path, draw(size=(200, 100), box=(0, 0, 199, 99)))

    assert facts.scale == pytest.approx(4.8, abs=0.05)


def test_a_logo_like_a_photograph_holds_the_limit_as_a_smaller_square(tmp_path: Path) -> None:
    noise = Image.effect_noise((1500, 1500), 90)
    photo = Image.merge("RGB", (noise, noise.rotate(90), noise.rotate(180)))

    [facts], kept = make(tmp_path, photo)

    assert facts.bytes <= 150_000
    assert 128 <= facts.width < 1200
    assert decode_image(kept[facts.sha256], what="logo").width == facts.width


def test_what_is_no_picture_is_one_error_that_names_the_brand(tmp_path: Path) -> None:
    with pytest.raises(UndecodableImage, match=f"logo of {BRAND['id']}"):
        make(tmp_path, b"<html>sign in</html>")
