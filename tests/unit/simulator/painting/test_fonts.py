"""Copy whose letters Inter lacks is drawn in a font that has them."""

import shutil
from pathlib import Path

import fontpkg_noto_sans_arabic
import pytest
from PIL import Image, ImageChops, ImageFont, features

from nbp_dagster.simulator.painting.lettering.fonts import (
    INTER,
    find_font_file,
    runs_right_to_left,
)
from nbp_dagster.simulator.painting.lettering.text import draw_block, set_copy
from nbp_dagster.simulator.painting.painter import paint
from nbp_dagster.simulator.painting.prompt import Copy
from tests.rigs.fonts import CHINESE, HEBREW

ARABIC = fontpkg_noto_sans_arabic.ROOT / "files" / "NotoSansArabic[wdth,wght].ttf"
MORNING = "صباح هادئ يفوز"
PROMPT = 'The scene: a kitchen counter.\n\nThe headline reads "{}" and is the largest lettering.'
# Of no script; any font that a machine may have lacks it.
UNKNOWN = "\U0010fffd"
NEEDS_RAQM = pytest.mark.skipif(not features.check("raqm"), reason="this Pillow has no Raqm")


def require(font: Path) -> Path:
    if not font.exists():
        pytest.skip(f"no {font.name} here: run make test-fonts")
    return font


def draw(text: str, width: int = 600) -> Image.Image:
    """The text as a headline in a column of 600 pixels, black on white."""
    block = set_copy(Copy(text), width=width, height=400, headline_size=60)
    image = Image.new("RGB", (width, 400), "white")
    black = (0, 0, 0)
    draw_block(
        image, block, left=0, top=0, width=width, align="left", colour=black, pill=black,
        pill_text=black,
    )  # fmt: skip
    return image


def ink_box(image: Image.Image) -> tuple[int, int, int, int]:
    box = ImageChops.invert(image).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize("text", ["Slow mornings win", "Früh & süß – 5 €", "Медленное утро", ""])
def test_what_inter_has_is_drawn_in_inter(text: str) -> None:
    assert find_font_file(text) == INTER


def test_a_font_of_an_installed_wheel_is_found() -> None:
    assert find_font_file(MORNING) == ARABIC


def test_a_font_of_the_machine_is_found() -> None:
    require(CHINESE)
    require(HEBREW)

    assert find_font_file("早晨慢慢来") != INTER
    assert find_font_file("בקרים איטיים") != INTER


def test_the_folder_s_font_comes_before_what_is_installed(tmp_path: Path) -> None:
    own = tmp_path / "brands" / "fonts" / "Own.TTF"
    own.parent.mkdir(parents=True)
    shutil.copyfile(ARABIC, own)

    assert find_font_file(MORNING, tmp_path) == own


def test_a_plain_font_comes_before_a_bold_or_narrow_one(tmp_path: Path) -> None:
    for name in ("A-Bold.ttf", "A-Condensed.ttf", "A-Regular.ttf"):
        shutil.copyfile(ARABIC, tmp_path / name)

    assert find_font_file(MORNING, tmp_path).name == "A-Regular.ttf"


@pytest.mark.parametrize(
    "content", [b"", b"no font", ARABIC.read_bytes()[:2000], b"ttcf" + b"\0" * 60]
)
def test_what_is_no_font_is_passed_over(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.ttf").write_bytes(content)
    (tmp_path / "broken.ttc").write_bytes(content)
    (tmp_path / "folder.otf").mkdir()

    assert find_font_file(MORNING, tmp_path) == ARABIC


def test_letters_that_no_font_has_stay_with_inter(tmp_path: Path) -> None:
    assert find_font_file(UNKNOWN, tmp_path) == INTER
    assert paint(PROMPT.format(UNKNOWN), [], width=64, height=64).size == (64, 64)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (MORNING, True),
        ("5 בקרים", True),
        ("Mira", False),
        ("早晨", False),
        ("42 %", False),
        ("", False),
    ],
)
def test_the_first_letter_decides_the_direction(text: str, expected: bool) -> None:
    assert runs_right_to_left(text) is expected


@NEEDS_RAQM
def test_arabic_is_shaped_and_stands_at_the_right() -> None:
    image = draw(MORNING)

    left, _, right, _ = ink_box(image)
    assert right > 590
    assert left > 150
    # Joined letters are narrower than each in the shape that it has alone.
    font = ImageFont.truetype(str(ARABIC), 60)
    assert right - left < 0.9 * sum(font.getlength(letter) for letter in MORNING)


def test_latin_stands_at_the_left() -> None:
    assert ink_box(draw("Slow mornings win"))[0] < 20


def test_a_line_of_chinese_is_broken_between_its_letters() -> None:
    require(CHINESE)

    block = set_copy(Copy("早晨慢慢来，咖啡更香。"), width=240, height=400, headline_size=60)

    lines = [line.text for line in block.lines]
    assert "".join(lines) == "早晨慢慢来，咖啡更香。"
    assert len(lines) > 1
    assert block.width <= 240
    # Nothing of what may not begin a line begins one.
    assert not any(line.startswith(("，", "。")) for line in lines)


def test_a_picture_shows_its_own_words_and_not_the_box_of_a_missing_letter() -> None:
    first = paint(PROMPT.format(MORNING), [], width=256, height=256)
    same = paint(PROMPT.format(MORNING), [], width=256, height=256)

    assert ImageChops.difference(first, same).getbbox() is None
    # One box a letter is all that a font shows of what it lacks: other words look the same.
    one, other = draw("سلام"), draw("كتاب")
    assert ImageChops.difference(one, other).getbbox() is not None
