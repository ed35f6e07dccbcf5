"""Exact pixels, acceptable weight and kept marks for any picture and any channel."""

import io
from itertools import pairwise

import pytest
from PIL import Image, ImageChops, ImageStat

from nbp_dagster.briefs.channels import Channel, load_packaged_channels
from nbp_dagster.briefs.models import FileType
from nbp_dagster.studio.imaging.crop import LEAST_KEPT, Crop, choose_crop
from nbp_dagster.studio.imaging.encode import srgb_profile
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.imaging.resize import (
    Pyramid,
    RenditionTooLarge,
    build_pyramid,
    fit_image,
    render_channel,
)
from tests.rigs.pictures import draw_noise, draw_scene, encode

RATIOS = {"16:9": (896, 504), "9:16": (504, 896), "1:1": (640, 640), "21:9": (1050, 450)}
BOX = Image.Resampling.BOX
XMP = '<?xpacket begin="\ufeff"?><x/>'.encode()


def make_channel(
    width: int = 400, height: int = 300, *, file_type: FileType = "jpeg", max_bytes: int = 500_000
) -> Channel:
    ratio = "1:1" if width == height else "16:9" if width > height else "9:16"
    return Channel(
        id="test",
        name="Test",
        width=width,
        height=height,
        ratio=ratio,  # type: ignore[arg-type]  # a literal, chosen above
        file_type=file_type,
        max_bytes=max_bytes,
        source="test",
    )


def open_picture(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures' channels, 0 to 255."""
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


@pytest.mark.parametrize("channel", load_packaged_channels().values(), ids=lambda c: c.id)
def test_every_packaged_channel_gets_its_pixels_type_and_weight(channel: Channel) -> None:
    size = RATIOS["16:9" if channel.width > channel.height else "9:16"]
    rendition = render_channel(draw_scene(*size), channel, xmp=XMP)
    image = open_picture(rendition.data)
    assert image.size == (channel.width, channel.height) == (rendition.width, rendition.height)
    assert (image.format or "").lower() == channel.file_type == rendition.file_type
    assert len(rendition.data) <= channel.max_bytes


@pytest.mark.parametrize("size", [(1, 1), (3, 500), (500, 3), (640, 480), (127, 129)])
@pytest.mark.parametrize("frame", [(728, 90), (160, 600), (333, 251), (16, 16)])
def test_any_picture_fits_any_frame_exactly(size: tuple[int, int], frame: tuple[int, int]) -> None:
    fitted = fit_image(draw_noise(*size), width=frame[0], height=frame[1])
    assert (fitted.size, fitted.mode, fitted.info) == (frame, "RGB", {})


@pytest.mark.parametrize("source", RATIOS.values(), ids=RATIOS)
@pytest.mark.parametrize("frame", [(300, 250), (728, 90), (1080, 1920), (600, 314), (500, 500)])
def test_a_crop_keeps_all_of_one_side_and_most_of_the_picture(
    source: tuple[int, int], frame: tuple[int, int]
) -> None:
    crop = choose_crop(source, width=frame[0], height=frame[1])
    left, top, right, bottom = crop.box
    assert crop.kept >= LEAST_KEPT
    assert crop.kept == pytest.approx(
        (right - left) * (bottom - top) / (source[0] * source[1]), abs=1e-6
    )
    assert (left, right) == (0, source[0]) or (top, bottom) == (0, source[1])
    if crop.method == "inside":
        assert crop.box == (0, 0, *source)


def test_a_crop_down_loses_a_little_less_at_the_top_than_below() -> None:
    crop = choose_crop((900, 1600), width=1080, height=1350)
    lost_above, lost_below = crop.box[1], 1600 - crop.box[3]
    assert crop.method == "cover"
    assert lost_above == pytest.approx(0.45 * (lost_above + lost_below))


def test_an_enlarged_picture_says_so() -> None:
    assert choose_crop((100, 100), width=300, height=300).scale == 3


def test_a_banner_shows_the_whole_picture_on_a_ground_of_its_own_colours() -> None:
    """Where nobody knows what must be seen on it."""
    scene = draw_scene(896, 504)
    banner = fit_image(scene, width=728, height=90)
    sky, background = banner.getpixel((5, 5)), banner.getpixel((722, 85))
    assert difference(
        banner.crop((320, 0, 410, 90)), scene.resize((160, 90)).crop((36, 0, 126, 90))
    ) == pytest.approx(0, abs=12)
    assert sky[2] > sky[0]
    assert background[1] > background[0]


def test_a_banner_shows_a_strip_of_a_picture_whose_head_is_known() -> None:
    scene = draw_scene(896, 504)
    places = Places(original="x", heads=((0.4, 0.3, 0.6, 0.6),), subject=(0.3, 0.3, 0.7, 1.0))
    channel = load_packaged_channels()["display_728x90"]
    rendition = render_channel(scene, channel, places=places)
    left, _, right, _ = rendition.crop.place
    middle = (left + right) // 2
    shown = scene.crop(tuple(map(round, rendition.crop.box))).resize((right - left, 90))
    assert right - left > 200
    assert difference(
        rendition.image.crop((middle - 45, 0, middle + 45, 90)),
        shown.crop((middle - left - 45, 0, middle - left + 45, 90)),
    ) == pytest.approx(0, abs=12)


@pytest.mark.parametrize("ground", [None, (11, 61, 46)], ids=["edges", "out of focus"])
@pytest.mark.parametrize("size", [(728, 90), (120, 600)], ids=["wide", "tall"])
def test_the_ground_passes_into_the_picture_without_an_edge(
    size: tuple[int, int], ground: tuple[int, int, int] | None
) -> None:
    """Where the background joins, neighbours differ no more than they do inside the picture."""
    width, height = size
    scene = draw_scene(600, 600).reduce(6).resize((600, 600))
    channel = make_channel(width, height, file_type="png")
    rendition = render_channel(scene, channel, ground=ground)
    line = rendition.image.resize((width, 1) if width > height else (1, height), BOX)
    tones = line.convert("L").tobytes()
    steps = [abs(a - b) for a, b in pairwise(tones)]
    axis = 0 if width > height else 1
    start, end = rendition.crop.place[axis], rendition.crop.place[axis + 2]
    long = end - start
    inside = max(steps[start + long // 4 : end - long // 4])
    assert rendition.crop.method == "inside"
    assert max(steps[: start + long // 8]) <= max(inside, 8)


def test_the_ground_beside_a_photograph_is_out_of_focus_and_no_plain_colour() -> None:
    """Noise has no plain edge to grow a ground from."""
    picture = draw_noise(400, 400)
    picture.paste((220, 40, 40), (150, 40, 250, 360))
    places = Places(original="x", heads=((0.35, 0.1, 0.65, 0.9),), subject=(0.35, 0.1, 0.65, 1.0))
    channel = make_channel(728, 90, file_type="png")
    rendition = render_channel(picture, channel, places=places, ground=(11, 61, 46))
    ground = rendition.image.crop((0, 0, rendition.crop.place[0], 90))
    pixels = ground.resize((8, 1), BOX)
    assert rendition.crop.box[1] <= 40
    assert rendition.crop.box[3] >= 360
    assert (11, 61, 46) not in {pixels.getpixel((x, 0)) for x in range(8)}
    neighbours = pairwise(ground.convert("L").crop((0, 45, ground.width, 46)).tobytes())
    assert max(abs(a - b) for a, b in neighbours) <= 4


def test_words_do_not_fade_into_the_ground() -> None:
    """Lettering that reaches from edge to edge, on a picture that is shown whole for it."""
    picture = Image.new("RGB", (300, 400), (40, 200, 40))
    picture.paste((0, 0, 0), (6, 0, 12, 400))
    frame = make_channel(480, 480, file_type="png")
    data = render_channel(picture, frame, words=((0.02, 0.0, 0.98, 1.0),)).data
    image = open_picture(data)
    assert max(image.getpixel((70, 240))) < 20
    assert image.getpixel((420 - 20, 240)) == (40, 200, 40)


def test_a_lettered_banner_keeps_its_picture_at_the_end() -> None:
    crop = choose_crop((1600, 900), width=728, height=90, anchor="end")
    assert crop.place == (568, 0, 728, 90)
    assert choose_crop((900, 1600), width=160, height=600, anchor="end").place[3] == 600


def test_lettering_is_set_before_the_file_is_written() -> None:
    seen: list[tuple[int, int]] = []

    def letter(image: Image.Image, crop: Crop) -> Image.Image:
        seen.append(image.size)
        return Image.new("RGB", image.size, (250, 0, 0))

    rendition = render_channel(draw_scene(600, 400), make_channel(file_type="png"), typeset=letter)
    assert seen == [(400, 300)]
    assert open_picture(rendition.data).getpixel((0, 0)) == (250, 0, 0)


@pytest.mark.parametrize("has_place", [True, False])
def test_type_without_a_free_place_on_the_picture_stands_beside_it(has_place: bool) -> None:
    def letter(image: Image.Image, crop: Crop) -> Image.Image | None:
        return image if has_place else None

    def stand_beside(original: Pyramid) -> tuple[Image.Image, Crop]:
        crop = Crop("beside", (0, 0, 10, 10), 0.1, (0, 0, 40, 40), 4.0)
        return Image.new("RGB", (400, 300), (250, 0, 0)), crop

    rendition = render_channel(
        draw_scene(600, 400),
        make_channel(file_type="png"),
        typeset=letter,
        beside=stand_beside,
    )
    assert (rendition.crop.method == "beside") is not has_place
    assert (rendition.image.getpixel((0, 0)) == (250, 0, 0)) is not has_place


def test_what_is_transparent_becomes_white() -> None:
    fitted = fit_image(Image.new("RGBA", (50, 50), (255, 0, 0, 0)), width=20, height=20)
    assert fitted.getpixel((10, 10)) == (255, 255, 255)


def test_reduced_copies_lose_nothing_to_be_seen() -> None:
    scene = draw_scene(2400, 1350)
    fast = fit_image(build_pyramid(scene), width=640, height=360)
    slow = scene.resize((640, 360), Image.Resampling.LANCZOS)
    assert difference(fast, slow) < 0.8


@pytest.mark.parametrize(("file_type", "best"), [("jpeg", 95), ("webp", 95), ("avif", 90)])
def test_quality_goes_down_only_as_far_as_the_weight_asks(file_type: FileType, best: int) -> None:
    noise = draw_noise(400, 300)
    free = render_channel(noise, make_channel(file_type=file_type))
    assert free.settings.startswith(f"quality {best}")
    limit = len(free.data) * 6 // 10
    light = render_channel(noise, make_channel(file_type=file_type, max_bytes=limit))
    assert limit * 0.85 < len(light.data) <= limit
    assert not light.settings.startswith(f"quality {best}")


def test_a_jpeg_gives_up_fine_colour_before_it_gives_up_everything() -> None:
    noise = draw_noise(400, 300)
    least = render_channel(noise, make_channel(max_bytes=60_000))
    assert len(least.data) <= 60_000
    assert least.settings.endswith("4:2:0")


def test_a_heavy_png_is_reduced_to_a_palette() -> None:
    rendition = render_channel(
        draw_noise(400, 300), make_channel(file_type="png", max_bytes=160_000)
    )
    assert len(rendition.data) <= 160_000
    assert rendition.settings.endswith("colours")
    assert open_picture(rendition.data).mode == "P"


@pytest.mark.parametrize("file_type", ["jpeg", "png", "webp", "avif"])
def test_a_weight_that_can_not_be_met_names_channel_and_limit(file_type: FileType) -> None:
    channel = make_channel(file_type=file_type, max_bytes=1024)
    with pytest.raises(RenditionTooLarge, match=rf"channel test: 400x300 {file_type}.*1,024 bytes"):
        render_channel(draw_noise(400, 300), channel)


@pytest.mark.parametrize("max_bytes", [500_000, 160_000], ids=["free", "tight"])
@pytest.mark.parametrize("file_type", ["jpeg", "png", "webp", "avif"])
def test_profile_and_marks_are_in_every_file_and_nothing_else(
    file_type: FileType, max_bytes: int
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "prompt"
    source = open_picture(encode(draw_noise(400, 300), "JPEG", comment=b"prompt", exif=exif))
    channel = make_channel(file_type=file_type, max_bytes=max_bytes)
    data = render_channel(source, channel, xmp=XMP).data
    info = open_picture(data).info
    xmp = info["xmp"] if isinstance(info["xmp"], bytes) else info["xmp"].encode()
    assert info["icc_profile"] == srgb_profile()
    assert xmp == XMP
    assert "exif" not in info
    assert b"prompt" not in data


def test_the_same_picture_is_the_same_file() -> None:
    scene = draw_scene(300, 300)
    one, other = (render_channel(scene, make_channel()) for _ in range(2))
    assert one.sha256 == other.sha256


def test_the_profile_is_the_same_on_every_day() -> None:
    profile = srgb_profile()
    assert profile[24:36] == bytes((7, 224, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0))
    assert len(profile) == 588
