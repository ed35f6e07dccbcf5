"""What a file says beside its pixels."""

import io

import pytest
from PIL import Image

from nbp_dagster.briefs.channels import load_packaged_channels
from nbp_dagster.studio.imaging.encode import FileType, encode_picture, srgb_profile
from tests.rigs.pictures import draw_scene


def read_info(
    file_type: FileType, *, dpi: int | None, max_bytes: int = 500_000
) -> dict[str, object]:
    encoded = encode_picture(
        draw_scene(320, 240),
        file_type=file_type,
        max_bytes=max_bytes,
        icc=srgb_profile(),
        xmp=None,
        dpi=dpi,
    )
    assert encoded is not None
    assert len(encoded.data) <= max_bytes
    with Image.open(io.BytesIO(encoded.data)) as image:
        return {str(name): value for name, value in image.info.items()}


@pytest.mark.parametrize("file_type", ["jpeg", "png"])
@pytest.mark.parametrize("max_bytes", [500_000, 30_000])
def test_a_printed_picture_says_its_dots_an_inch(file_type: FileType, max_bytes: int) -> None:
    found = read_info(file_type, dpi=300, max_bytes=max_bytes)["dpi"]

    # PNG counts dots a metre.
    assert found == pytest.approx((300, 300), abs=0.1)


@pytest.mark.parametrize("file_type", ["jpeg", "png", "webp", "avif"])
def test_a_picture_for_screens_says_none(file_type: FileType) -> None:
    assert "dpi" not in read_info(file_type, dpi=None)


def test_the_packaged_a4_has_300_dots_an_inch() -> None:

    dots = {channel.id: channel.dpi for channel in load_packaged_channels().values()}

    assert dots.pop("print_a4") == 300
    assert set(dots.values()) == {None}
