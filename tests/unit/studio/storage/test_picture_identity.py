"""What a picture is known by: its pixels as they are coded, and nothing that is said about them."""

import io
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo

from nbp_dagster.studio.storage.picture_identity import hash_formerly, hash_picture
from nbp_dagster.studio.storage.picture_metadata import strip_metadata
from tests.rigs.pictures import draw_scene, encode

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")

SCENE = draw_scene(96, 64)
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'


def exif() -> bytes:
    data = Image.Exif()
    data[ExifTags.Base.Make] = "TestCam"
    return data.tobytes()


def heic(image: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=80, **options)
    return out.getvalue()


def tiff(image: Image.Image, **options: object) -> bytes:
    return encode(image, "TIFF", **options)


def svg(colour: str, notes: str = "", attributes: str = "") -> bytes:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20" '
        f'xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" {attributes}>{notes}'
        f'<rect width="40" height="20" fill="{colour}"/></svg>'
    ).encode()


def with_alpha(image: Image.Image) -> Image.Image:
    image = image.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def dotted(bmp: bytes) -> bytes:
    """Return a BMP that says another number of dots a metre."""
    return bmp[:38] + (11811).to_bytes(4, "little") * 2 + bmp[46:]


NOTES = (
    "<!-- kept by an editor --><title>Logo</title><metadata><rating>5</rating></metadata>"
    '<inkscape:page x="0"/><?editor state?>'
)
MAKERS: Mapping[str, tuple[Callable[[Image.Image], bytes], Callable[[Image.Image], bytes]]] = {
    "TIFF": (tiff, lambda image: tiff(image, tiffinfo={270: "a keyword", 0x4746: 5}, dpi=(72, 72))),
    "BigTIFF": (
        lambda image: tiff(image, big_tiff=True),
        lambda image: tiff(image, big_tiff=True, tiffinfo={270: "a keyword", 0x4746: 5}),
    ),
    "packed TIFF": (
        lambda image: tiff(image, compression="tiff_lzw"),
        lambda image: tiff(image, compression="tiff_lzw", tiffinfo={315: "Somebody"}),
    ),
    "GIF": (
        lambda image: encode(image, "GIF"),
        lambda image: encode(image, "GIF", comment="a keyword"),
    ),
    "BMP": (
        lambda image: encode(image, "BMP"),
        lambda image: dotted(encode(image, "BMP")),
    ),
    "AVIF": (
        lambda image: encode(image, "AVIF", quality=80),
        lambda image: encode(image, "AVIF", quality=80, exif=exif(), xmp=XMP),
    ),
    "transparent AVIF": (
        lambda image: encode(with_alpha(image), "AVIF", quality=80),
        lambda image: encode(with_alpha(image), "AVIF", quality=80, exif=exif(), xmp=XMP),
    ),
    "HEIC": (heic, lambda image: heic(image, exif=exif(), xmp=XMP)),
    "JPEG": (
        lambda image: encode(image, "JPEG"),
        lambda image: encode(image, "JPEG", exif=exif()),
    ),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_what_is_said_of_a_picture_makes_it_no_other(kind: str) -> None:
    make_plain, make_noted = MAKERS[kind]
    plain, noted = make_plain(SCENE), make_noted(SCENE)

    assert plain != noted
    assert hash_picture(plain) == hash_picture(noted)


@pytest.mark.parametrize("kind", MAKERS)
def test_another_picture_is_another(kind: str) -> None:
    make_plain, make_noted = MAKERS[kind]
    other = SCENE.copy()
    other.paste((200, 30, 60), (0, 0, 24, 24))

    digests = {hash_picture(make(image)) for make in (make_plain, make_noted) for image in (other,)}
    assert len(digests) == 1
    assert hash_picture(make_plain(SCENE)) not in digests


def test_the_transparency_of_an_avif_is_part_of_it() -> None:
    half = with_alpha(SCENE)
    half.putalpha(128)

    assert hash_picture(encode(half, "AVIF")) != hash_picture(encode(with_alpha(SCENE), "AVIF"))


@pytest.mark.parametrize("tag", [274, 34675])
def test_how_a_tiff_is_turned_and_coloured_is_part_of_it(tag: int) -> None:
    assert hash_picture(tiff(SCENE, tiffinfo={tag: 6 if tag == 274 else b"profile"})) != (
        hash_picture(tiff(SCENE))
    )


def test_what_a_palette_of_a_gif_holds_is_part_of_it() -> None:
    dark, light = (Image.new("P", (8, 8)) for _ in range(2))
    dark.putpalette([10, 10, 10] * 4)
    light.putpalette([240, 240, 240] * 4)

    assert hash_picture(encode(dark, "GIF")) != hash_picture(encode(light, "GIF"))


def test_an_svg_is_what_it_draws() -> None:
    plain = svg("#112233")

    assert hash_picture(svg("#112233", NOTES, 'inkscape:version="1.3"')) == hash_picture(plain)
    assert hash_picture(plain.replace(b"><rect", b">\n  <rect")) == hash_picture(plain)
    assert hash_picture(svg("#112234")) != hash_picture(plain)


@pytest.mark.parametrize(
    "data",
    [
        svg("red").replace(b"</svg>", b"</g>"),
        b'<!DOCTYPE svg [<!ENTITY a "b">]>' + svg("red"),
        b"<svg" + b">" + b"<g>" * 40_000 + b"</g>" * 40_000 + b"</svg>",
    ],
)
def test_an_svg_that_is_not_taken_is_known_by_its_bytes(data: bytes) -> None:
    assert hash_picture(data) == hash_formerly(data)[-1]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_formats_that_models_take_keep_the_identity_that_pictures_were_paid_with(kind: str) -> None:
    data = encode(SCENE, kind, exif=exif())
    known, stripped, whole = hash_formerly(data)

    assert hash_picture(data) == known == stripped != whole
    assert hash_picture(strip_metadata(data)) == stripped


def test_others_were_known_by_their_bytes() -> None:
    data = tiff(SCENE)
    known, stripped, whole = hash_formerly(data)
    assert stripped == whole != hash_picture(data) == known


def test_a_png_with_content_credentials_was_known_with_them() -> None:
    notes = PngInfo()
    notes.add(b"caBX", b"who made it, and with what")
    data = encode(SCENE, "PNG", pnginfo=notes)
    known, stripped, _ = hash_formerly(data)

    assert known == stripped != hash_picture(data) == hash_picture(encode(SCENE, "PNG"))


@pytest.mark.parametrize("kind", MAKERS)
def test_damage_is_no_error(kind: str) -> None:
    """The decoder judges a damaged file; here it is only known by something."""
    chance, data = random.Random(kind), MAKERS[kind][1](SCENE)
    for length in {*range(0, 600, 7), *range(600, len(data), 97)}:
        assert len(hash_picture(data[:length])) == 64
    for _ in range(300):
        damaged = bytearray(data)
        for _ in range(3):
            damaged[chance.randrange(min(len(data), 900))] = chance.randrange(256)
        assert len(hash_picture(bytes(damaged))) == 64


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("kind", ["TIFF", "packed TIFF", "GIF", "AVIF", "HEIC", "JPEG"])
def test_a_rating_that_exiftool_writes_makes_no_other_picture(kind: str, tmp_path: Path) -> None:
    data = MAKERS[kind][1](SCENE)
    file = tmp_path / f"picture.{kind.split()[-1].lower()}"
    file.write_bytes(data)
    subprocess.run(
        ["exiftool", "-q", "-overwrite_original", "-XMP:Rating=5", "-XMP-dc:Subject=kept", file],
        check=True,
        timeout=60,
    )

    assert file.read_bytes() != data
    assert hash_picture(file.read_bytes()) == hash_picture(data)
