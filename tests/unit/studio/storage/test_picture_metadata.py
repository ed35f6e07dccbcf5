"""What of a picture file is metadata, and that nothing else goes."""

import io
import struct
from collections.abc import Mapping

import pytest
from PIL import ExifTags, Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from nbp_dagster.studio.storage.picture_metadata import strip_known_metadata, strip_metadata
from tests.rigs.pictures import broken_pictures, draw_noise, draw_scene, encode

SCENE = draw_scene(96, 64)
PROFILE = b"a colour profile of no meaning" * 4
KINDS: Mapping[str, Mapping[str, object]] = {
    "PNG": {},
    "JPEG": {"quality": 90},
    "WEBP": {"quality": 90},
}


def exif(turn: int = 1) -> bytes:
    data = Image.Exif()
    data[ExifTags.Base.Orientation] = turn
    data[ExifTags.Base.Make] = "TestCam"
    data.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return data.tobytes()


def decode(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        return opened


@pytest.mark.parametrize("kind", KINDS)
def test_metadata_changes_nothing(kind: str) -> None:
    plain = encode(SCENE, kind, **KINDS[kind])
    noted = encode(SCENE, kind, **KINDS[kind], exif=exif(), xmp=b"<x:xmpmeta/>")

    assert noted != plain
    assert strip_metadata(noted) == strip_metadata(plain) == plain
    assert b"TestCam" not in strip_metadata(noted)


@pytest.mark.parametrize("mode", ["RGBA", "RGB"])
@pytest.mark.parametrize("lossless", [True, False])
def test_metadata_of_webp_changes_nothing_with_and_without_transparency(
    mode: str, lossless: bool
) -> None:
    image = SCENE.convert(mode)
    if mode == "RGBA":
        image.putpixel((3, 3), (1, 2, 3, 0))
    plain = encode(image, "WEBP", lossless=lossless)
    noted = encode(image, "WEBP", lossless=lossless, exif=exif(), xmp=b"<x:xmpmeta/>")

    assert strip_metadata(noted) == strip_metadata(plain)
    assert decode(strip_metadata(noted)).tobytes() == decode(plain).tobytes()


def test_texts_and_times_of_png_are_cut() -> None:
    notes = PngInfo()
    notes.add_text("Software", "an editor")
    notes.add_itxt("Comment", "of the last holiday", zip=True)
    notes.add(b"tIME", b"\x07\xea\x01\x02\x03\x04\x05")

    assert strip_metadata(encode(SCENE, "PNG", pnginfo=notes)) == encode(SCENE, "PNG")


def test_content_credentials_and_parts_of_programs_own_are_cut() -> None:
    notes = PngInfo()
    notes.add(b"caBX", b"jumb: signed by Ada Example")
    notes.add(b"vpAg", b"a program's own")
    webp = encode(SCENE, "WEBP", lossless=True, xmp=b"<x/>")
    chunk = b"C2PA" + struct.pack("<I", 4) + b"jumb"
    size = struct.unpack_from("<I", webp, 4)[0] + len(chunk)
    signed = webp[:4] + struct.pack("<I", size) + webp[8:] + chunk

    assert strip_metadata(encode(SCENE, "PNG", pnginfo=notes)) == encode(SCENE, "PNG")
    assert strip_metadata(signed) == strip_metadata(webp)
    assert b"jumb" in strip_known_metadata(signed)


def test_colours_of_png_stay() -> None:
    notes = PngInfo()
    notes.add(b"gAMA", struct.pack(">I", 45455))
    notes.add(b"sRGB", b"\0")
    tagged = encode(SCENE, "PNG", pnginfo=notes, icc_profile=PROFILE)

    assert strip_metadata(tagged) == tagged


def test_comments_and_what_follows_a_jpeg_are_cut() -> None:
    plain = encode(SCENE, "JPEG", progressive=True)
    noted = encode(SCENE, "JPEG", progressive=True, comment=b"of the last holiday")
    many = encode(SCENE, "MPO", save_all=True, append_images=[draw_noise(48, 32)])

    assert strip_metadata(noted) == plain
    assert strip_metadata(plain + b"\0\0ftypmp42 a film") == plain
    assert strip_metadata(many) == strip_metadata(encode(SCENE, "JPEG"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", range(2, 9))
def test_how_a_picture_is_turned_stays(kind: str, turn: int) -> None:
    noted = encode(SCENE, kind, **KINDS[kind], exif=exif(turn))

    stripped = strip_metadata(noted)

    assert b"TestCam" not in stripped
    assert strip_metadata(stripped) == stripped
    upright = ImageOps.exif_transpose(decode(noted))
    assert ImageOps.exif_transpose(decode(stripped)).tobytes() == upright.tobytes()
    assert stripped != strip_metadata(encode(SCENE, kind, **KINDS[kind]))


def test_a_turn_that_is_written_in_32_bits_stays() -> None:
    wide = struct.pack(">4sIHHHIII", b"MM\0*", 8, 1, ExifTags.Base.Orientation, 4, 1, 6, 0)
    noted = encode(SCENE, "JPEG", quality=90, exif=b"Exif\0\0" + wide)
    upright = ImageOps.exif_transpose(decode(noted))
    assert upright.size == SCENE.size[::-1]

    assert ImageOps.exif_transpose(decode(strip_metadata(noted))).tobytes() == upright.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_the_colour_profile_stays(kind: str) -> None:
    noted = encode(SCENE, kind, **KINDS[kind], icc_profile=PROFILE, exif=exif())

    assert decode(strip_metadata(noted)).info["icc_profile"] == PROFILE


@pytest.mark.parametrize("kind", broken_pictures())
def test_a_broken_picture_stays_broken(kind: str) -> None:
    data = broken_pictures()[kind]()

    stripped = strip_metadata(data)

    assert len(stripped) <= len(data)
    assert strip_metadata(stripped) == stripped


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_anywhere_is_no_error(kind: str) -> None:
    data = encode(SCENE, kind, **KINDS[kind], exif=exif(6))

    for length in range(0, len(data), 7):
        strip_metadata(data[:length])
