"""Which image files of briefs are no usable pictures."""

from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.studio.imaging.decode import UndecodableImage
from nbp_dagster.studio.references.supplied_files import LEAST_ALPHA, check_files, decode_once
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.pictures import encode


def supply_logo(folder: Path, image: Image.Image, kind: str) -> Path:
    write_briefs(folder, campaign(shot("kitchen")), brand={**BRAND, "logo": "logo.png"})
    (folder / "brands" / "logo.png").write_bytes(encode(image, kind))
    return folder


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
@pytest.mark.parametrize("alpha", [0, LEAST_ALPHA - 1])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_picture_in_which_nothing_can_be_seen_is_refused(
    tmp_path: Path, kind: str, alpha: int, mode: str
) -> None:
    ground = (200, 10, 60, alpha) if mode == "RGBA" else (200, alpha)
    folder = supply_logo(tmp_path, Image.new(mode, (300, 100), ground), kind)

    with pytest.raises(BriefError) as caught:
        check_files(load_briefs(folder))

    [problem] = caught.value.problems
    assert problem.key == "logo"
    assert "every pixel is transparent" in problem.message


ONE_COLOUR = [
    encode(Image.new("RGB", (300, 100), "white"), "PNG"),
    encode(Image.new("RGBA", (300, 100), (200, 10, 60, 255)), "PNG"),
    encode(Image.new("RGBA", (300, 100), (200, 10, 60, 90)), "WEBP", lossless=True),
    encode(Image.new("L", (300, 100), 128), "PNG"),
    encode(Image.new("RGB", (300, 100), "#114477"), "JPEG"),
]


@pytest.mark.parametrize("data", ONE_COLOUR, ids=["RGB", "opaque", "see-through", "grey", "JPEG"])
@pytest.mark.parametrize("place", ["logo", "style_references"])
def test_a_picture_of_one_colour_alone_is_refused(tmp_path: Path, data: bytes, place: str) -> None:
    named = "logo.png" if place == "logo" else ["logo.png"]
    write_briefs(tmp_path, campaign(shot("kitchen")), brand={**BRAND, place: named})
    (tmp_path / "brands" / "logo.png").write_bytes(data)

    with pytest.raises(BriefError) as caught:
        check_files(load_briefs(tmp_path))

    [problem] = caught.value.problems
    assert problem.key.startswith(place)
    assert problem.line is not None
    assert "every pixel has one colour" in problem.message


def test_a_white_rectangle_of_an_svg_is_refused() -> None:
    pytest.importorskip("resvg_py")
    data = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
        b'<rect width="40" height="20" fill="white"/></svg>'
    )

    with pytest.raises(UndecodableImage, match="every pixel has one colour"):
        decode_once(data, "a white rectangle", what="logo.svg")


def test_a_mark_of_one_colour_whose_shape_is_its_transparency_is_a_picture(tmp_path: Path) -> None:
    image = Image.new("RGBA", (300, 100), (255, 255, 255, 0))
    image.paste((255, 255, 255, 255), (100, 20, 200, 80))

    check_files(load_briefs(supply_logo(tmp_path, image, "PNG")))


def test_a_mark_on_a_transparent_ground_is_a_picture(tmp_path: Path) -> None:
    image = Image.new("RGBA", (300, 100), (0, 0, 0, 0))
    image.putpixel((150, 50), (255, 255, 255, 255))

    check_files(load_briefs(supply_logo(tmp_path, image, "PNG")))
