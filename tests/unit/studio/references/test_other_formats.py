"""Pictures of formats that people have are drawn anew for models, and what can't be says why."""

import io
import struct
import sys
import zlib
from collections.abc import Callable

import pytest
from PIL import Image, ImageCms

from nbp_dagster.studio.imaging.decode import UndecodableImage, decode_image
from nbp_dagster.studio.references.other_formats import MOST_SVG_BYTES, SVG_SIDE, make_plain
from nbp_dagster.studio.references.sendable import make_sendable

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
pytest.importorskip("resvg_py", reason="the extra svg is not installed")

SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20">%s</svg>'
RED = '<rect width="40" height="20" fill="#C81E3C"/>'
LIMIT = 40_000_000


def draw(mode: str = "RGB", size: tuple[int, int] = (40, 20)) -> Image.Image:
    image = Image.new("RGB", size, "#C81E3C").convert(mode)
    image.paste(Image.new("RGB", (size[0] // 2, size[1]), "#114477").convert(mode), (0, 0))
    return image


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def heic(image: Image.Image) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(image).save(out, quality=90)
    return out.getvalue()


def plain(data: bytes) -> Image.Image:
    made = make_plain(data, what="logo", max_pixels=LIMIT)
    assert made.startswith((b"\x89PNG", b"\xff\xd8\xff"))
    return decode_image(made, what="logo").image


@pytest.mark.parametrize(
    "make",
    [
        lambda: save(draw(), "TIFF"),
        lambda: save(draw(), "TIFF", compression="tiff_lzw"),
        lambda: save(draw(), "TIFF", big_tiff=True),
        lambda: save(draw("CMYK"), "TIFF"),
        lambda: save(draw("RGBA"), "TIFF"),
        lambda: save(draw().quantize(8), "GIF"),
        lambda: save(draw(), "BMP"),
        lambda: save(draw(), "AVIF", quality=95),
        lambda: heic(draw()),
    ],
)
def test_a_picture_comes_back_as_it_looks(make: Callable[[], bytes]) -> None:
    image = plain(make()).convert("RGB")

    assert image.size == (40, 20)
    for place, wanted in (((5, 10), (17, 68, 119)), ((35, 10), (200, 30, 60))):
        seen = image.getpixel(place)
        assert isinstance(seen, tuple)
        assert all(abs(a - b) <= 14 for a, b in zip(seen, wanted, strict=True)), seen


def test_what_models_take_is_left_as_it_is() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        data = save(draw(), kind)
        assert make_plain(data, what="logo", max_pixels=LIMIT) is data


def test_transparency_stays() -> None:
    empty = Image.new("RGBA", (40, 20), (0, 0, 0, 0))

    assert plain(save(empty, "TIFF")).getpixel((5, 5)) == (0, 0, 0, 0)


def test_a_large_photograph_is_a_jpeg_no_longer_than_is_sent() -> None:
    data = save(Image.effect_noise((4000, 3000), 40).convert("RGB"), "TIFF")

    made = make_sendable(data, what="photo")

    found = decode_image(made, what="photo")
    assert (found.format, found.width, found.height) == ("JPEG", 3072, 2304)


def wide_profile() -> bytes:
    """A colour profile that is not sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()


def deep_png() -> bytes:
    """16 bits a channel, which Pillow reads and does not write."""
    width, height = 4, 2
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    rows = (b"\0" + struct.pack(">3H", 0xC8FF, 0x1EFF, 0x3CFF) * width) * height
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )


@pytest.mark.parametrize(
    "data",
    [
        save(draw("CMYK"), "JPEG", quality=95),
        save(draw("L").convert("I;16"), "PNG"),
        save(draw(), "PNG", icc_profile=wide_profile()),
        save(draw(), "JPEG", icc_profile=wide_profile()),
        deep_png(),
    ],
)
def test_what_is_sent_is_8_bits_of_srgb(data: bytes) -> None:
    made = make_sendable(data, what="photo")

    with Image.open(io.BytesIO(made)) as opened:
        assert opened.mode in ("RGB", "RGBA")
        assert "icc_profile" not in opened.info
    assert made != data
    if made.startswith(b"\x89PNG"):
        assert made[24] == 8


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_what_is_srgb_already_is_sent_as_it_is(kind: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for data in (save(draw(), kind), save(draw(), kind, icc_profile=profile)):
        assert make_sendable(data, what="photo") is data


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (save(draw(), "TIFF", save_all=True, append_images=[draw()]), "save the page you mean"),
        (
            save(draw("P"), "GIF", save_all=True, append_images=[draw("L").convert("P")]),
            "2 frames; accepted: one still picture",
        ),
        (save(draw(), "TIFF")[:200], "a TIFF of 200 bytes that is damaged or cut short"),
        (save(draw(), "BMP")[:100], "a BMP of 100 bytes that is damaged"),
        (heic(draw())[:300], "a HEIC of 300 bytes that is damaged"),
        (save(Image.new("1", (9000, 9000)), "TIFF"), "9000x9000 pixels; accepted: at most"),
        # The first picture of a DNG, and of what cameras make, is a preview.
        (save(draw(), "TIFF", tiffinfo={50706: b"\1\4\0\0"}), "a camera's raw file"),
        (save(draw(), "TIFF", tiffinfo={254: 1}), "a camera's raw file"),
    ],
)
def test_what_is_no_one_sound_picture_says_what_it_is(data: bytes, words: str) -> None:
    with pytest.raises(UndecodableImage) as caught:
        make_plain(data, what="logo", max_pixels=LIMIT)

    assert words in caught.value.seen


def test_an_svg_is_drawn_large_with_its_shape() -> None:
    image = plain((SVG % RED).encode())

    assert image.size == (SVG_SIDE, SVG_SIDE // 2)
    # Rounded twice, as what is drawn is multiplied by its opacity.
    assert image.convert("RGB").getpixel((100, 100)) in ((200, 30, 60), (200, 30, 59))


def test_an_svg_keeps_what_is_empty_and_pictures_within_it() -> None:
    inside = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4"
    inside += "nGP4z8DwHwAFAAH/iZk9HQAAAABJRU5ErkJggg=="
    image = plain((SVG % f'<image href="{inside}" width="20" height="20"/>').encode())

    assert image.convert("RGBA").getpixel((1900, 100)) == (0, 0, 0, 0)
    assert image.convert("RGBA").getpixel((100, 100)) == (255, 0, 0, 255)


@pytest.mark.parametrize(
    ("inner", "words"),
    [
        ('<image href="/etc/passwd"/>', "names '/etc/passwd', outside itself"),
        ("<image xlink:href='file:///a.png'/>", "names 'file:///a.png'"),
        ('<image q:HREF = "https://x.example/a.png"/>', "names 'https://x.example/a.png'"),
        ('<image href="data:image/svg+xml;base64,AA"/>', "outside itself"),
        ('<image href="&#x2f;etc/a.png"/>', "outside itself"),
        ("<text>Solstice</text>", "convert its text to paths"),
        ("<svg:text >Solstice</svg:text>", "convert its text to paths"),
        ("<foreignObject></foreignObject>", "convert its text to paths"),
        ("<rect", "can't be drawn"),
    ],
)
def test_an_svg_that_needs_more_than_itself_is_refused(inner: str, words: str) -> None:
    with pytest.raises(UndecodableImage) as caught:
        make_plain((SVG % inner).encode(), what="logo", max_pixels=LIMIT)

    assert words in caught.value.seen


def test_entities_other_encodings_and_heavy_svgs_are_refused() -> None:
    entity = '<!DOCTYPE svg [<!ENTITY a "b">]>' + SVG % RED
    wide = b"<svg \xe9>"
    heavy = (SVG % (" " * MOST_SVG_BYTES)).encode()

    for data, words in ((entity.encode(), "entities"), (wide, "UTF-8"), (heavy, "at most")):
        with pytest.raises(UndecodableImage) as caught:
            make_plain(data, what="logo", max_pixels=LIMIT)
        assert words in caught.value.seen


@pytest.mark.parametrize("box", ["0 0 1 100000000", "0 0 100000000 1"])
def test_no_shape_of_an_svg_asks_for_more_than_its_square(box: str) -> None:
    data = (SVG % RED).replace("0 0 40 20", box).encode()

    assert max(plain(data).size) == SVG_SIDE


@pytest.mark.parametrize(
    ("module", "data", "extra"),
    [
        ("pillow_heif", b"\0\0\0\x18ftypheic" + bytes(40), "[heic]"),
        ("resvg_py", (SVG % RED).encode(), "[svg]"),
    ],
)
def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, module: str, data: bytes, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UndecodableImage) as caught:
        make_plain(data, what="logo", max_pixels=LIMIT)

    assert extra in caught.value.seen
