"""Which image files of briefs are no usable pictures."""

from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.studio.references.supplied_files import LEAST_ALPHA, check_files
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


def test_a_mark_on_a_transparent_ground_is_a_picture(tmp_path: Path) -> None:
    image = Image.new("RGBA", (300, 100), (0, 0, 0, 0))
    image.putpixel((150, 50), (255, 255, 255, 255))

    check_files(load_briefs(supply_logo(tmp_path, image, "PNG")))
