"""Composited copy: legible at every pixel, inside the safe area, nothing dropped in silence."""

from collections.abc import Mapping
from itertools import pairwise

import pytest
from PIL import Image, ImageChops

from nbp_dagster.briefs.channels import (
    Channel,
    SafeArea,
    is_banner,
    load_packaged_channels,
)
from nbp_dagster.studio.imaging.resize import fit_image
from nbp_dagster.studio.typography.blocks import Copy
from nbp_dagster.studio.typography.contrast import (
    choose_scheme,
    measure_contrast,
    measure_luminance,
    measure_worst_contrast,
    parse_colour,
)
from nbp_dagster.studio.typography.letters.type_scale import find_least_type
from nbp_dagster.studio.typography.letters.typeface import Typeface
from nbp_dagster.studio.typography.text_block import TextDoesNotFit, TypesetPicture, typeset
from nbp_dagster.studio.typography.text_layout import least_headline
from tests.rigs.pictures import draw_noise, draw_scene

PALETTE = {"primary": "#0B3D2E", "accent": "#F2B705", "neutral": "#F7F3EA"}
PALETTES = {
    "dark": PALETTE,
    "middle": {"primary": "#E4572E", "accent": "#17BEBB"},
    "light": {"primary": "#F9D7E0", "accent": "#5B2A86"},
    "one colour": {"night": "#101020"},
    "button like the background": {"primary": "#0B3D2E", "accent": "#0B3D2F"},
}
ENGLISH = {
    "headline": "Slow mornings win",
    "sub": "The new spring roast, background fresh for you every morning.",
    "call_to_action": "Shop the roast",
    "disclaimer": "Contains caffeine.",
}
GERMAN = {
    "headline": "Langsame Morgen gewinnen",
    "sub": "Die neue Frühlingsröstung, jeden Morgen frisch für Sie gemahlen.",
    "call_to_action": "Jetzt Röstung entdecken",
    "disclaimer": "Enthält Koffein.",
}
PLACEMENTS = tuple(load_packaged_channels().values())


def set_type(
    image: Image.Image,
    texts: Mapping[str, str] = ENGLISH,
    *,
    palette: Mapping[str, str] = PALETTE,
    safe_area: SafeArea | None = None,
    language: str = "en",
) -> TypesetPicture:
    return typeset(
        image,
        texts=texts,
        palette=palette,
        safe_area=safe_area or SafeArea(),
        language=language,
    )


@pytest.mark.parametrize("texts", [ENGLISH, GERMAN], ids=["en", "de"])
@pytest.mark.parametrize("channel", PLACEMENTS, ids=lambda channel: channel.id)
def test_every_packaged_channel_takes_the_copy(channel: Channel, texts: Mapping[str, str]) -> None:
    image = fit_image(draw_scene(640, 640), width=channel.width, height=channel.height)
    result = set_type(image, texts, safe_area=channel.safe_area)
    area = channel.safe_area
    assert result.image.size == image.size
    assert set(result.boxes) | set(result.left_out) == set(texts)
    assert set(result.left_out) <= {"sub"}
    assert min(result.contrasts.values()) >= 4.5
    for left, top, right, bottom in result.boxes.values():
        assert area.left <= left < right <= channel.width - area.right
        assert area.top <= top < bottom <= channel.height - area.bottom


@pytest.mark.parametrize("channel", PLACEMENTS, ids=lambda channel: channel.id)
def test_the_setter_keeps_to_the_least_sizes_that_the_check_asks_for(channel: Channel) -> None:
    size = (channel.width, channel.height)
    if is_banner(*size):
        return
    sizes = set_type(Image.new("RGB", size), GERMAN, safe_area=channel.safe_area).sizes
    assert min(sizes.values()) >= find_least_type(size)
    assert sizes["headline"] >= least_headline(size)
    assert sizes["call_to_action"] <= sizes["headline"]


@pytest.mark.parametrize("channel", PLACEMENTS, ids=lambda channel: channel.id)
def test_all_locales_of_a_channel_have_one_size(channel: Channel) -> None:
    copies = {"en": ENGLISH, "de": GERMAN}
    found = {
        name: typeset(
            draw_scene(channel.width, channel.height),
            texts=words,
            palette=PALETTE,
            safe_area=channel.safe_area,
            language=name,
            peers=tuple(Copy(tuple(copies[o].items()), o) for o in copies if o != name),
        ).sizes
        for name, words in copies.items()
    }
    assert found["en"]["headline"] == found["de"]["headline"]
    assert found["en"]["call_to_action"] == found["de"]["call_to_action"]


@pytest.mark.parametrize("channel", PLACEMENTS[:1] + PLACEMENTS[-6:], ids=lambda c: c.id)
def test_fields_do_not_overlap(channel: Channel) -> None:
    image = Image.new("RGB", (channel.width, channel.height))
    boxes = list(set_type(image, GERMAN, safe_area=channel.safe_area).boxes.values())
    for number, one in enumerate(boxes):
        for other in boxes[number + 1 :]:
            apart = one[2] <= other[0] or other[2] <= one[0]
            assert apart or one[3] <= other[1] or other[3] <= one[1]


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
@pytest.mark.parametrize("size", [(600, 314), (400, 500), (728, 90)])
def test_type_is_legible_on_noise_in_any_palette(
    size: tuple[int, int], palette: Mapping[str, str]
) -> None:
    result = set_type(draw_noise(*size), palette=palette)
    assert min(result.contrasts.values()) >= 4.5


@pytest.mark.parametrize("frame", [(600, 314), (400, 500)], ids=["landscape", "portrait"])
def test_nothing_is_drawn_outside_the_boxes(frame: tuple[int, int]) -> None:
    """On a plain background in the brand's colour no toning is needed: only type differs."""
    plain = Image.new("RGB", frame, PALETTE["primary"])
    result = set_type(plain, GERMAN, language="de")
    rest = result.image.copy()
    for left, top, right, bottom in result.boxes.values():
        rest.paste(
            plain.crop((0, 0, 1, 1)).resize((right - left + 2, bottom - top + 2)),
            (left - 1, top - 1),
        )
    assert ImageChops.difference(rest, plain).getbbox() is None
    for box in result.boxes.values():
        assert ImageChops.difference(result.image, plain).crop(box).getbbox() is not None


def test_the_contrast_that_is_reported_is_that_of_the_toned_picture() -> None:
    """With a full stop for a headline nearly all of its box's surroundings stay to be measured."""
    result = set_type(draw_noise(300, 250), {"headline": "."})
    left, top, right, bottom = result.boxes["headline"]
    beside = result.image.crop((left, top - 3, right, top - 1)).tobytes()
    ink = choose_scheme(PALETTE).ink
    exact = min(measure_contrast(tuple(beside[n : n + 3]), ink) for n in range(0, len(beside), 3))
    assert exact >= 4.5
    assert bottom > top


def test_copy_stands_in_the_calm_third_the_prompt_asks_for() -> None:
    landscape = set_type(draw_scene(1200, 628)).boxes
    assert max(box[2] for box in landscape.values()) <= 0.47 * 1200
    portrait = set_type(draw_scene(1080, 1350)).boxes
    assert portrait["headline"][3] <= 0.4 * 1350
    assert portrait["sub"][3] <= 0.4 * 1350
    assert portrait["call_to_action"][1] >= 0.6 * 1350


def test_a_story_s_button_stands_below_its_headline_and_leaves_no_patch_in_the_picture() -> None:
    """Meta covers the lower third of a story: a button above that would be on the faces."""
    channel = load_packaged_channels()["instagram_story"]
    scene = draw_noise(channel.width, channel.height)
    done = set_type(scene, safe_area=channel.safe_area)
    ordered = sorted(done.boxes.values(), key=lambda box: box[1])
    gaps = [other[1] - one[3] for one, other in pairwise(ordered)]
    assert list(done.boxes) == ["headline", "sub", "call_to_action", "disclaimer"]
    assert len(set(gaps)) == 1
    assert ordered[-1][3] <= channel.height / 2
    below = (0, round(0.65 * channel.height), channel.width, channel.height)
    assert ImageChops.difference(done.image.crop(below), scene.crop(below)).getbbox() is None


def test_the_picture_beside_the_copy_is_left_alone() -> None:
    scene = draw_scene(1200, 628)
    result = set_type(scene)
    right = (900, 0, 1200, 628)
    assert ImageChops.difference(result.image.crop(right), scene.crop(right)).getbbox() is None


def test_the_picture_that_was_given_is_not_changed() -> None:
    scene = draw_scene(300, 250)
    before = scene.tobytes()
    set_type(scene)
    assert scene.tobytes() == before


def test_a_banner_too_small_for_the_sub_line_says_it_left_it_out() -> None:
    result = set_type(draw_scene(320, 50))
    assert result.left_out == ("sub",)
    assert set(result.boxes) == {"headline", "call_to_action", "disclaimer"}


@pytest.mark.parametrize("field", ["headline", "call_to_action", "disclaimer"])
def test_a_field_without_room_is_named_and_raised(field: str) -> None:
    texts = {**ENGLISH, field: "Donaudampfschifffahrtsgesellschaftskapitänsmütze " * 4}
    with pytest.raises(TextDoesNotFit, match=rf"^{field} '.*no room at 10 px or more on 160x120"):
        set_type(draw_scene(160, 120), texts)


def test_fields_that_only_together_have_no_room_are_all_named() -> None:
    with pytest.raises(TextDoesNotFit, match=r"headline .*call_to_action .*disclaimer "):
        set_type(draw_scene(120, 40), ENGLISH)


def test_letters_the_typeface_lacks_are_named() -> None:
    with pytest.raises(TextDoesNotFit, match=r"headline \(ja\): no glyph for '朝をゆ' in Inter"):
        set_type(draw_scene(300, 250), {"headline": "朝をゆ, mornings"}, language="ja")


@pytest.mark.parametrize(
    "text",
    ["Größer & schöner – ¡Olé, señor! œuvre", "Žluťoučký kůň", "Доброе утро", "Καλημέρα"],
)
def test_european_letters_are_in_the_typeface(text: str) -> None:
    assert Typeface("en").find_missing(text) == ""


@pytest.mark.parametrize("texts", [{}, {"headline": "  "}], ids=["none", "blank"])
def test_without_copy_the_picture_stays_as_it_is(texts: Mapping[str, str]) -> None:
    scene = draw_scene(300, 250)
    result = set_type(scene, texts)
    assert result.image.tobytes() == scene.tobytes()
    assert (result.boxes, result.left_out) == ({}, ())


def test_a_sub_line_alone_without_room_is_left_out() -> None:
    result = set_type(draw_scene(60, 40), {"sub": ENGLISH["sub"]})
    assert (result.boxes, result.left_out) == ({}, ("sub",))


def test_the_same_copy_is_the_same_picture() -> None:
    one, other = (set_type(draw_scene(300, 250)).image.tobytes() for _ in range(2))
    assert one == other


def test_lines_are_as_even_as_can_be() -> None:
    font = Typeface("en").font(40, 700)
    lines = font.break_lines("one two three four five six", width=420, most=4)
    assert lines == ("one two three", "four five six")


def test_a_spaced_french_mark_stays_with_its_word() -> None:
    font = Typeface("fr").font(40, 700)
    lines = font.break_lines("Vraiment bon !", width=font.measure("Vraiment bon") + 1, most=4)
    assert lines == ("Vraiment", "bon !")


def test_lines_do_not_break_at_a_no_break_space() -> None:
    font = Typeface("fr").font(40, 700)
    width = font.measure("Vraiment") + 1
    assert font.break_lines("Vraiment bon", width=width, most=4) == ("Vraiment", "bon")
    assert font.break_lines("Vraiment\u00a0bon", width=width, most=4) is None


def test_a_word_wider_than_the_line_does_not_fit() -> None:
    assert Typeface("en").font(40, 700).break_lines("mornings", width=50, most=9) is None


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#FFFFFF", 21.0), ("#777777", "#FFFFFF", 4.48), ("#0000FF", "#FFFFFF", 8.59)],
)
def test_contrast_is_wcags(one: str, other: str, ratio: float) -> None:
    assert measure_contrast(parse_colour(one), parse_colour(other)) == pytest.approx(
        ratio, abs=0.01
    )


@pytest.mark.parametrize("ink", [(255, 255, 255), (10, 10, 30), (240, 190, 20)])
def test_the_worst_pixel_decides_and_is_never_flattered(ink: tuple[int, int, int]) -> None:
    """Checked against every pixel's exact ratio, on a picture without the ink's own lightness."""
    image = draw_noise(40, 30).point(lambda value: 60 + value // 8)
    pixels = image.tobytes()
    exact = min(
        measure_contrast((pixels[n], pixels[n + 1], pixels[n + 2]), ink)
        for n in range(0, len(pixels), 3)
    )
    assert exact * 0.9 <= measure_worst_contrast(image, ink) <= exact


def test_one_pixel_of_the_inks_own_colour_is_found() -> None:
    image = Image.new("RGB", (100, 100), "black")
    image.putpixel((50, 50), (255, 255, 255))
    assert measure_worst_contrast(image, (255, 255, 255)) == 1.0


@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_a_scheme_is_legible_in_itself(palette: Mapping[str, str]) -> None:
    scheme = choose_scheme(palette)
    assert measure_contrast(scheme.ink, scheme.background) >= 7
    assert measure_contrast(scheme.label, scheme.button) >= 4.5
    assert measure_contrast(scheme.button, scheme.background) >= 1.6


def test_brand_colours_are_used_as_they_are_where_they_serve() -> None:
    scheme = choose_scheme(PALETTE)
    assert scheme.background == parse_colour("#0B3D2E")
    assert scheme.ink == parse_colour("#F7F3EA")
    assert scheme.button == parse_colour("#F2B705")
    assert measure_luminance(scheme.label) < 0.1
