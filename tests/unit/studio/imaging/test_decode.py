"""What is accepted as a picture, what is refused, and in which words."""

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageCms

from nbp_dagster.studio.imaging.decode import UndecodableImage, decode_image
from tests.rigs.pictures import OTHER_KINDS, broken_pictures, draw_noise, draw_scene, encode

# Pillow warns of what we refuse by our own count of pixels; the warning is not what is tested.
pytestmark = pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")

SEEN = {
    **OTHER_KINDS,
    "empty": "nothing (0 bytes); accepted: PNG, JPEG, WebP, AVIF",
    "random bytes": "an unknown kind of data",
    "truncated jpeg": "a damaged or truncated JPEG",
    "truncated png": "a damaged or truncated PNG",
    "truncated webp": "a damaged or truncated WEBP",
    "truncated avif": "a damaged or truncated AVIF",
    "jpeg without its last 200 bytes": "a damaged or truncated JPEG",
    "avif without its last 200 bytes": "a damaged or truncated AVIF",
    "png header only": "a damaged or truncated PNG of 33 bytes",
    "jpeg marker only": "a damaged or truncated JPEG of 4 bytes",
    "corrupt png": "a damaged or truncated PNG",
    "avif of damaged pixels": "a damaged or truncated AVIF",
    "palette png without its palette": "a damaged or truncated PNG",
    "animated png": "5 frames",
    "animated webp": "5 frames",
    "animated avif": "5 frames",
    "12000x12000 png": "12000x12000 pixels; accepted: at most 40,000,000 pixels",
    "100000x100000 png": "far more than 40,000,000 pixels",
    "zipped text bomb": "a damaged or truncated PNG",
}


def test_every_broken_picture_has_its_words() -> None:
    assert SEEN.keys() == broken_pictures().keys()


@pytest.mark.parametrize("kind", broken_pictures())
def test_a_broken_picture_is_refused_in_one_line_that_names_it(kind: str) -> None:
    with pytest.raises(UndecodableImage) as caught:
        decode_image(broken_pictures()[kind](), what="reference images/mira.png")
    message = str(caught.value)
    assert message.startswith(f"reference images/mira.png: not a usable picture: {SEEN[kind]}")
    assert "\n" not in message
    assert "BytesIO" not in message


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF"])
def test_a_sound_picture_is_decoded_with_its_facts(kind: str) -> None:
    data = encode(draw_scene(120, 80), kind)
    decoded = decode_image(data, what="x")
    assert (decoded.format, decoded.width, decoded.height) == (kind, 120, 80)
    assert (decoded.image.mode, decoded.image.size) == ("RGB", (120, 80))
    assert decoded.bytes == len(data)


def test_too_many_bytes_are_refused_before_they_are_looked_at() -> None:
    with pytest.raises(UndecodableImage, match=r"101 bytes; accepted: at most 100"):
        decode_image(b"x" * 101, what="x", max_bytes=100)


def test_the_limit_of_pixels_is_inclusive() -> None:
    data = encode(Image.new("RGB", (20, 10)))
    assert decode_image(data, what="x", max_pixels=200).width == 20
    with pytest.raises(UndecodableImage, match="20x10 pixels"):
        decode_image(data, what="x", max_pixels=199)


def test_a_picture_that_lies_on_its_side_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to view
    image = Image.new("RGB", (40, 20), "white")
    image.paste("red", (0, 0, 10, 20))
    decoded = decode_image(encode(image, "PNG", exif=exif), what="x")
    assert (decoded.width, decoded.height) == (20, 40)
    assert decoded.image.getpixel((10, 2)) == (255, 0, 0)


def test_an_unreadable_exif_block_does_not_cost_the_picture() -> None:
    data = encode(Image.new("RGB", (8, 8)), "WEBP", exif=b"Exif\0\0" + b"\xff" * 40)
    assert decode_image(data, what="x").width == 8


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (Image.new("L", (4, 4), 9), "RGB"),
        (Image.new("1", (4, 4)), "RGB"),
        (Image.new("LA", (4, 4), (9, 100)), "RGBA"),
        (Image.new("RGBA", (4, 4), (9, 9, 9, 100)), "RGBA"),
        (Image.new("RGBA", (4, 4), (9, 9, 9, 255)), "RGB"),
        (draw_noise(4, 4).quantize(8), "RGB"),
    ],
    ids=["grey", "bilevel", "grey and alpha", "alpha", "opaque alpha", "palette"],
)
def test_every_mode_becomes_rgb_or_rgba(image: Image.Image, mode: str) -> None:
    assert decode_image(encode(image), what="x").image.mode == mode


def test_sixteen_bit_grey_keeps_its_tone() -> None:
    decoded = decode_image(encode(Image.new("I;16", (4, 4), 0x8000)), what="x")
    assert decoded.image.getpixel((0, 0)) == (128, 128, 128)


def test_a_cmyk_jpeg_is_read_as_colours() -> None:
    decoded = decode_image(encode(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), what="x")
    red, green, blue = decoded.image.getpixel((4, 4))
    assert red > 200
    assert max(green, blue) < 60


def test_colours_of_another_profile_are_converted_to_srgb() -> None:
    """The profile is sRGB with red and blue exchanged, under a name that does not say sRGB."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = srgb.replace("sRGB".encode("utf-16-be"), "xRGB".encode("utf-16-be"))
    profile = profile.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    data = encode(Image.new("RGB", (8, 8), (200, 100, 50)), icc_profile=profile)
    assert decode_image(data, what="x").image.getpixel((0, 0)) == (50, 100, 200)


@pytest.mark.parametrize("profile", [b"not a profile", b""], ids=["broken", "empty"])
def test_a_broken_profile_leaves_the_pixels_alone(profile: bytes) -> None:
    data = encode(Image.new("RGB", (8, 8), (200, 100, 50)), icc_profile=profile)
    assert decode_image(data, what="x").image.getpixel((0, 0)) == (200, 100, 50)


def test_an_srgb_profile_leaves_the_pixels_alone() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encode(Image.new("RGB", (8, 8), (200, 100, 50)), icc_profile=profile)
    assert decode_image(data, what="x").image.getpixel((0, 0)) == (200, 100, 50)


def test_nothing_but_pixels_comes_through() -> None:
    data = encode(Image.new("RGB", (8, 8)), "JPEG", comment=b"secret", xmp=b"<x/>", dpi=(72, 72))
    assert decode_image(data, what="x").image.info == {}


def test_a_picture_with_a_file_behind_it_is_just_the_picture() -> None:
    data = encode(Image.new("RGB", (8, 8))) + b"PK\x03\x04rest"
    assert decode_image(data, what="x").width == 8


def test_many_threads_decode_at_once() -> None:
    sound, broken = encode(draw_noise(64, 64)), broken_pictures()["truncated avif"]()

    def attempt(number: int) -> str:
        try:
            decoded = decode_image(sound if number % 2 else broken, what="x")
        except UndecodableImage as error:
            return error.seen[:9]
        return hashlib.sha256(decoded.image.tobytes()).hexdigest()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(attempt, range(64)))
    pixels = decode_image(sound, what="x").image.tobytes()
    assert answers == ["a damaged", hashlib.sha256(pixels).hexdigest()] * 32


def test_a_heic_is_named() -> None:
    with pytest.raises(UndecodableImage, match="a HEIC;"):
        decode_image(b"\0\0\0\x18ftypheic" + bytes(40), what="x")


def test_the_first_picture_of_a_multi_picture_jpeg_is_the_picture() -> None:
    """As cameras write them: a preview, a depth map or a gain map stands behind the picture."""
    first, second = draw_scene(96, 64), draw_noise(48, 32)
    data = encode(first, "MPO", save_all=True, append_images=[second], quality=95)

    decoded = decode_image(data, what="a photograph")

    assert (decoded.format, decoded.width, decoded.height) == ("JPEG", 96, 64)
    alone = decode_image(encode(first, "JPEG", quality=95), what="the same alone").image
    assert decoded.image.tobytes() == alone.tobytes()
    with pytest.raises(UndecodableImage):
        decode_image(data[: len(data) // 8], what="a photograph")
