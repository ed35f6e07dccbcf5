"""The contact sheet shows every thumbnail at its ratio, whatever the size of the set."""

import io

import pytest
from PIL import Image

from nbp_dagster.studio.imaging.contact_sheet import (
    MOST_ON_A_SHEET,
    divide_sheets,
    draw_contact_sheet,
    fit_label,
    load_font,
)
from nbp_dagster.studio.imaging.decode import UndecodableImage

PAPER = (251, 250, 247)


def thumb(width: int, height: int, colour: str = "#C00000") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def draw(count: int, *, width: int = 64, height: int = 64) -> Image.Image:
    entries = [(f"picture {number}", thumb(width, height)) for number in range(count)]
    return Image.open(io.BytesIO(draw_contact_sheet(entries, title="Spring launch")))


def red_box(image: Image.Image) -> tuple[int, int, int, int]:
    """The box around everything red: what was pasted, without type and paper."""
    red, green, _ = image.convert("RGB").split()
    mask = Image.merge("RGB", (red, green, green)).convert("HSV").getchannel("S")
    box = mask.point(lambda value: 255 if value > 200 else 0).getbbox()
    assert box is not None
    return box


def test_the_sheet_is_one_rgb_jpeg() -> None:
    image = draw(3)
    assert (image.format, image.mode) == ("JPEG", "RGB")


@pytest.mark.parametrize(("width", "height"), [(64, 64), (36, 64), (96, 12)])
def test_a_thumbnail_keeps_its_ratio(width: int, height: int) -> None:
    left, top, right, bottom = red_box(draw(1, width=width, height=height))
    assert (right - left) / (bottom - top) == pytest.approx(width / height, rel=0.03)
    assert max(right - left, bottom - top) == pytest.approx(320, abs=2)


def test_entries_run_along_rows_in_their_order() -> None:
    entries = [("a", thumb(64, 64, "#C00000")), ("b", thumb(64, 64, "#0000C0"))]
    image = Image.open(io.BytesIO(draw_contact_sheet(entries, title="t"))).convert("RGB")
    left, top, right, bottom = red_box(image)
    middle = (top + bottom) // 2
    assert image.getpixel((right + (right - left) // 2, middle))[2] > 150  # type: ignore[index]


def test_an_empty_set_has_a_sheet_with_its_title() -> None:
    colours = draw(0).convert("RGB").getextrema()
    assert colours[0][0] < 80  # type: ignore[index]


def test_a_full_sheet_fits_a_jpeg() -> None:
    entries = [("picture", thumb(8, 8))] * MOST_ON_A_SHEET
    image = Image.open(io.BytesIO(draw_contact_sheet(entries, title="t")))
    assert max(image.size) < 10_000
    assert image.width * image.height < 40_000_000


@pytest.mark.parametrize("pictures", [0, 1, MOST_ON_A_SHEET, MOST_ON_A_SHEET + 1, 9_999, 10_000])
def test_every_picture_of_a_set_is_on_one_sheet(pictures: int) -> None:
    sheets = divide_sheets(pictures)
    assert [number for places in sheets.values() for number in places] == list(range(pictures))
    sizes = [len(places) for places in sheets.values()]
    assert max(sizes) <= MOST_ON_A_SHEET
    assert max(sizes) - min(sizes) <= 1


def test_sheets_are_named_in_their_order() -> None:
    assert list(divide_sheets(MOST_ON_A_SHEET)) == ["contact_sheet.jpg"]
    assert list(divide_sheets(2 * MOST_ON_A_SHEET + 1)) == [
        "contact_sheet.jpg",
        "contact_sheet_2.jpg",
        "contact_sheet_3.jpg",
    ]


def test_a_label_too_long_for_its_cell_ends_in_an_ellipsis() -> None:
    font = load_font(16, 500)
    text = fit_label("a label much longer than the cell it belongs to", font, 120)
    assert text.endswith("…")
    assert font.getlength(text) <= 120
    assert fit_label("short", font, 120) == "short"


def test_transparent_thumbnails_are_laid_on_a_ground() -> None:
    buffer = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(buffer, "PNG")
    image = Image.open(io.BytesIO(draw_contact_sheet([("clear", buffer.getvalue())], title="t")))
    middle = image.convert("RGB").getpixel((80 + 160, image.height - 80 - 53 - 160))
    assert middle != PAPER
    assert min(middle) > 200  # type: ignore[type-var, arg-type]


def test_a_thumbnail_that_is_no_picture_is_named_by_its_label() -> None:
    with pytest.raises(UndecodableImage, match="thumbnail of kitchen"):
        draw_contact_sheet([("kitchen", b"<html>")], title="t")
