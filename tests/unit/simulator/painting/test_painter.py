"""What a caller of the painter may rely on; nothing here depends on exact pixels of a drawing."""

import io
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image, ImageChops, ImageDraw

from nbp_dagster.simulator.painting.colour import parse_hex
from nbp_dagster.simulator.painting.editing import EDIT_FAULTS
from nbp_dagster.simulator.painting.figures.cutout import prepare_reference
from nbp_dagster.simulator.painting.lettering.layout import plan_layout
from nbp_dagster.simulator.painting.lettering.text import draw_mark, mark_size, misspell, set_copy
from nbp_dagster.simulator.painting.painter import FAULTS, encode_png, paint
from nbp_dagster.simulator.painting.prompt import read_prompt
from nbp_dagster.studio.references.sheet_card import draw_palette_card

TEAL = (20, 130, 140)
SCENE = (
    "The colours of the picture are led by the palette: primary #0B3D2E and accent #F2B705.\n\n"
    "The scene, which is what changes: Mira pours a cup at a sunlit kitchen counter.\n\n"
)
COPY = (
    'The headline reads "Slow mornings win" and is the largest lettering. '
    'The sub-headline reads "Roasted on Monday" and stands close to the headline. '
    'The call to action reads "Try it" and is set like a button.'
)
IDENTITY = "Image 1: identity reference of Mira. The pose and palette come from the scene below.\n"
PROMPT = IDENTITY + SCENE + COPY
SHEET = (
    "Create one character sheet of Mira.\n\n"
    "Mira keeps these fixed traits in every picture: woman; curly auburn hair; glasses. "
    "Mira wears: mustard apron.\n\nThe sheet works entirely without lettering."
)


def draw_reference(colour: tuple[int, int, int] = TEAL, ground: str = "white") -> bytes:
    """A plain figure on a plain ground."""
    image = Image.new("RGB", (300, 500), ground)
    draw = ImageDraw.Draw(image)
    draw.ellipse((100, 40, 200, 160), fill=colour)
    draw.rounded_rectangle((80, 150, 220, 460), radius=40, fill=colour)
    return encode_png(image)


def count_near(image: Image.Image, colour: tuple[int, int, int], reach: int = 10) -> int:
    """Pixels whose every channel lies within `reach` of the colour."""
    difference = ImageChops.difference(image, Image.new("RGB", image.size, colour))
    red, green, blue = difference.split()
    worst = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return sum(worst.histogram()[: reach + 1])


def changed_box(first: Image.Image, second: Image.Image) -> tuple[int, int, int, int]:
    box = ImageChops.difference(first, second).getbbox()
    assert box is not None
    return box


@pytest.mark.parametrize(
    "size",
    [
        (128, 128), (300, 250), (728, 90), (160, 600), (333, 777), (1376, 768), (768, 1376),
        (1584, 672), (2048, 2048), (5504, 3072), (6336, 2688), (3072, 5504),
    ],
)  # fmt: skip
def test_a_picture_has_exactly_the_size_asked_for(size: tuple[int, int]) -> None:
    image = paint(PROMPT, [draw_reference()], width=size[0], height=size[1])
    assert image.size == size
    assert image.mode == "RGB"


def test_equal_arguments_give_equal_bytes() -> None:
    arguments = (PROMPT, [draw_reference()])
    first = encode_png(paint(*arguments, width=320, height=400))
    assert encode_png(paint(*arguments, width=320, height=400)) == first


def test_another_process_with_another_hash_seed_paints_the_same() -> None:
    script = (
        "import hashlib, sys; from nbp_dagster.simulator.painting.painter import paint;"
        "image = paint(sys.argv[1], [], width=96, height=96);"
        "sys.stdout.write(hashlib.sha256(image.tobytes()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script, SCENE],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_threads_painting_at_once_do_not_disturb_each_other() -> None:
    prompts = [f"{PROMPT} {number}" for number in range(6)]
    reference = draw_reference()

    def draw(prompt: str) -> bytes:
        return paint(prompt, [reference], width=200, height=240).tobytes()

    alone = [draw(prompt) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(draw, prompts)) == alone


def test_another_variant_prompt_or_reference_gives_another_picture() -> None:
    reference, other = draw_reference(), draw_reference((180, 40, 90))
    pictures = {
        paint(PROMPT, [reference], width=256, height=256).tobytes(),
        paint(PROMPT, [reference], width=256, height=256, variant=2).tobytes(),
        paint(PROMPT + "!", [reference], width=256, height=256).tobytes(),
        paint(PROMPT, [other], width=256, height=256).tobytes(),
    }
    assert len(pictures) == 4


@pytest.mark.parametrize("scene", ["kitchen", "street", "beach at sunset", "forest", "gym"])
def test_the_figure_of_the_reference_is_in_the_picture(scene: str) -> None:
    prompt = f"{IDENTITY}The scene: Mira in a {scene}.\n\n{COPY}"
    image = paint(prompt, [draw_reference()], width=512, height=512)
    without = paint(prompt, [draw_reference()], width=512, height=512,
                    faults=frozenset({"missing-character"}))  # fmt: skip
    assert count_near(image, TEAL) > 0.02 * 512 * 512
    assert count_near(without, TEAL) < 0.2 * count_near(image, TEAL)


def test_the_plain_ground_of_a_reference_is_cut_away() -> None:
    ground = (255, 0, 255)
    image = paint(PROMPT, [draw_reference(ground="#FF00FF")], width=512, height=640)
    assert count_near(image, TEAL) > 3000
    assert count_near(image, ground, reach=24) < 40


def test_a_reference_with_transparency_is_cut_out_by_its_alpha() -> None:
    figure = Image.new("RGBA", (200, 400), (0, 0, 0, 0))
    ImageDraw.Draw(figure).ellipse((20, 20, 180, 380), fill=(*TEAL, 255))
    stream = io.BytesIO()
    figure.save(stream, "WEBP", lossless=True)
    image = paint(PROMPT, [stream.getvalue()], width=400, height=500)
    assert count_near(image, TEAL) > 3000


def test_a_sheet_given_as_reference_puts_one_figure_into_the_scene() -> None:
    sheet = Image.new("RGB", (1200, 500), (214, 219, 225))
    draw = ImageDraw.Draw(sheet)
    for left in (100, 400, 700):
        draw.rounded_rectangle((left, 50, left + 150, 450), radius=30, fill=TEAL)
    alone = Image.new("RGB", (350, 500), (214, 219, 225))
    ImageDraw.Draw(alone).rounded_rectangle((100, 50, 250, 450), radius=30, fill=TEAL)
    prompt = f"{IDENTITY}The scene: Mira on a city street."
    of_sheet = paint(prompt, [encode_png(sheet)], width=500, height=500)
    of_one = paint(prompt, [encode_png(alone)], width=500, height=500)
    assert 0.8 < count_near(of_sheet, TEAL) / count_near(of_one, TEAL) < 1.25


def test_a_reference_without_a_plain_ground_goes_in_as_a_print() -> None:
    checks = Image.linear_gradient("L").resize((320, 240)).rotate(90, expand=True)
    photo = Image.merge(
        "RGB", (checks, ImageChops.invert(checks), Image.new("L", checks.size, 200))
    )
    plain = paint(PROMPT, [encode_png(photo)], width=300, height=400)
    missing = paint(PROMPT, [encode_png(photo)], width=300, height=400,
                    faults=frozenset({"missing-character"}))  # fmt: skip
    box = changed_box(plain, missing)
    assert (box[2] - box[0]) * (box[3] - box[1]) > 0.1 * 300 * 400


@pytest.mark.parametrize(
    "data", [b"", b"nope", b"\x89PNG\r\n\x1a\n" + b"\0" * 40, b"<html></html>"]
)
def test_broken_reference_bytes_are_drawn_as_an_empty_print(data: bytes) -> None:
    image = paint(PROMPT, [data], width=300, height=400)
    missing = paint(PROMPT, [data], width=300, height=400, faults=frozenset({"missing-character"}))
    assert ImageChops.difference(image, missing).getbbox() is not None


def test_a_truncated_reference_does_not_stop_the_picture() -> None:
    data = draw_reference()
    assert paint(PROMPT, [data[: len(data) // 2]], width=200, height=200).size == (200, 200)


def test_the_logo_stays_small_and_a_palette_card_is_not_drawn() -> None:
    prompt = "Image 1: logo of Solstice.\nImage 2: palette card of Solstice.\n" + SCENE
    card = Image.new("RGB", (400, 100), (200, 20, 220))
    image = paint(prompt, [draw_reference(), encode_png(card)], width=500, height=500)
    assert 50 < count_near(image, TEAL) < 0.02 * 500 * 500
    assert count_near(image, (200, 20, 220)) == 0


def test_a_palette_card_colours_the_picture_when_the_prompt_names_no_colours() -> None:
    card = Image.new("RGB", (400, 100), (120, 20, 90))
    ImageDraw.Draw(card).rectangle((200, 0, 400, 100), fill=(255, 111, 145))
    prompt = f"Image 1: palette card of Bloom.\nThe scene: a street.\n\n{COPY}"
    image = paint(prompt, [encode_png(card)], width=500, height=300)
    near = max(count_near(image, (120, 20, 90)), count_near(image, (255, 111, 145)))
    assert near > 500


def test_brand_colours_are_found_in_the_picture_unless_off_palette() -> None:
    accent = (0xF2, 0xB7, 0x05)
    prompt = SCENE + COPY
    on_brand = paint(prompt, [], width=400, height=500)
    off_brand = paint(prompt, [], width=400, height=500, faults=frozenset({"off-palette"}))
    assert count_near(on_brand, accent) > 400
    assert count_near(off_brand, accent) == 0


@pytest.mark.parametrize("size", [(400, 500), (640, 360), (500, 500), (360, 640)])
def test_a_missing_headline_changes_the_picture_only_where_the_headline_stands(
    size: tuple[int, int],
) -> None:
    whole = paint(PROMPT, [draw_reference()], width=size[0], height=size[1])
    bare = paint(PROMPT, [draw_reference()], width=size[0], height=size[1],
                 faults=frozenset({"missing-headline"}))  # fmt: skip
    left, top, right, bottom = changed_box(whole, bare)
    margin = 0.06 * min(size)
    assert left >= margin
    assert top >= margin
    assert right <= size[0] - margin
    assert bottom <= size[1] - margin
    assert bottom - top < 0.4 * size[1]


def test_a_misspelt_headline_swaps_two_letters() -> None:
    whole = paint(PROMPT, [], width=400, height=500)
    spoilt = paint(PROMPT, [], width=400, height=500, faults=frozenset({"misspelt-headline"}))
    assert ImageChops.difference(whole, spoilt).getbbox() is not None
    assert misspell("Slow mornings win") == "Slow mornnigs win"


def test_low_contrast_takes_the_copy_close_to_its_ground() -> None:
    faint = paint(PROMPT, [], width=400, height=500, faults=frozenset({"low-contrast"}))
    none = paint(PROMPT, [], width=400, height=500,
                 faults=frozenset({"low-contrast", "missing-headline"}))  # fmt: skip
    strong = paint(PROMPT, [], width=400, height=500)
    headline = changed_box(faint, none)
    weak = max(high for _, high in ImageChops.difference(faint, none).getextrema())
    full = max(
        high
        for _, high in ImageChops.difference(
            strong.crop(headline), none.crop(headline)
        ).getextrema()
    )
    assert weak < 60 < full


def test_another_character_replaces_the_one_of_the_reference() -> None:
    other = paint(PROMPT, [draw_reference()], width=400, height=500,
                  faults=frozenset({"other-character"}))  # fmt: skip
    empty = paint(PROMPT, [draw_reference()], width=400, height=500,
                  faults=frozenset({"missing-character"}))  # fmt: skip
    assert count_near(other, TEAL) < 200
    assert ImageChops.difference(other, empty).getbbox() is not None


def test_copy_paste_shows_the_reference_in_place_of_the_scene() -> None:
    image = paint(PROMPT, [draw_reference()], width=300, height=500,
                  faults=frozenset({"copy-paste"}))  # fmt: skip
    assert count_near(image, TEAL) > 0.15 * 300 * 500


def test_no_lettering_is_drawn_when_the_prompt_wants_none() -> None:
    prompt = SCENE + COPY + " The picture works entirely without lettering."
    image = paint(prompt, [], width=400, height=500)
    faulty = paint(prompt, [], width=400, height=500, faults=frozenset({"missing-headline"}))
    assert image.tobytes() == faulty.tobytes()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('The headline reads "Hallo".', ("Hallo", "", "")),
        (
            "Headline: “Hola”. Sub: “Fresco”. Call to action: “Pide ya”",
            ("Hola", "Fresco", "Pide ya"),
        ),
        ('- call to action: "Los"\n- headline: „Grüße“', ("Grüße", "", "Los")),
        ('The dog is called "Rex".', ("", "", "")),
        ('The headline reads "Hi" and there is no text other than that.', ("Hi", "", "")),
        ('The headline reads "Hi". Draw no text.', ("", "", "")),
    ],
)
def test_quoted_copy_is_read_with_its_part(text: str, expected: tuple[str, str, str]) -> None:
    copy = read_prompt(text, 0).copy
    assert (copy.headline, copy.sub, copy.call) == expected


def test_labels_are_read_by_the_role_named_first() -> None:
    prompt = (
        "Image 1: character sheet of Mira (identity only; ignore pose and palette)\n"
        "Image 2: product House Blend, its label and logo\n"
        "Image 3: the logo of Solstice\n"
        "Image 4: palette card"
    )
    labels = read_prompt(prompt, 5).labels
    assert [label.role for label in labels] == ["identity", "product", "logo", "palette", "unknown"]
    assert labels[0].subject == "mira"


@pytest.mark.parametrize(
    "size", [(128, 128), (300, 250), (1024, 1024), (768, 1376), (1376, 768), (1584, 672)]
)
@pytest.mark.parametrize(
    "headline", ["Hi", "Donaudampfschifffahrtsgesellschaft", "Ein sehr langer Satz über Kaffee" * 3]
)
def test_the_mark_lies_inside_the_picture_and_beside_the_copy(
    size: tuple[int, int], headline: str
) -> None:
    reading = read_prompt(COPY.replace("Slow mornings win", headline), 0)
    for throw in range(6):
        plan = plan_layout(reading, *size, random.Random(throw))
        (left, top), (wide, high), copy = plan.mark, mark_size(*size), plan.column
        assert left >= 0
        assert top >= 0
        assert left + wide <= size[0]
        assert top + high <= size[1]
        beside = left + wide <= copy.left or copy.right <= left
        assert beside or top + high <= copy.top or copy.bottom <= top


@pytest.mark.parametrize("size", [(300, 169), (300, 375), (1376, 768)])
def test_the_word_simulated_stands_on_a_dark_pill_in_the_corner(size: tuple[int, int]) -> None:
    image = paint(SHEET, [], width=size[0], height=size[1])
    ground = image.getpixel((4, 4))
    assert isinstance(ground, tuple)
    marked = Image.new("RGB", size, ground)
    wide, high = mark_size(*size)
    corner = (round(size[0] - wide * 1.3), round(size[1] - high * 2.4), *size)
    draw_mark(marked, *plan_layout(read_prompt(SHEET, 0), *size, random.Random(0)).mark)
    assert ImageChops.difference(image.crop(corner), marked.crop(corner)).getbbox() is None
    shades = marked.crop(corner).convert("L").histogram()
    assert sum(shades[:90]) > 0.4 * wide * high
    assert sum(shades[240:]) > 0.03 * wide * high


def test_set_copy_never_leaves_its_room() -> None:
    copy = read_prompt(COPY.replace("Slow mornings win", "Rindfleischetikettierung" * 2), 0).copy
    for width, height in ((200, 120), (900, 200), (210, 400)):
        block = set_copy(copy, width=width, height=height, headline_size=90)
        assert block.width <= width
        assert block.height <= height


def test_a_character_sheet_shows_several_separate_figures_on_plain_ground() -> None:
    image = paint(SHEET, [], width=640, height=360)
    ground = image.getpixel((4, 4))
    assert isinstance(ground, tuple)
    row = image.crop((0, 150, 640, 152)).resize((640, 1), Image.Resampling.BOX)
    filled = [row.getpixel((x, 0)) != ground for x in range(640)]
    starts = sum(1 for x in range(1, 640) if filled[x] and not filled[x - 1])
    assert starts >= 4
    assert count_near(image, (0xE0, 0xA5, 0x26)) > 1500


def test_a_character_without_references_keeps_its_traits_from_scene_to_scene() -> None:
    apron, auburn = (0xE0, 0xA5, 0x26), (0x8E, 0x3B, 0x1F)
    traits = SHEET.split("\n\n")[1]
    for scene in ("park", "office", "beach"):
        image = paint(f"{traits}\n\nThe scene: Mira in the {scene}.", [], width=400, height=400)
        assert count_near(image, apron) > 300
        assert count_near(image, auburn) > 300


def test_an_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="upside-down"):
        paint(SCENE, [], width=64, height=64, faults=frozenset({"upside-down"}))


def test_every_fault_changes_the_picture() -> None:
    prompt = f"{PROMPT}\nImage 2: logo of Solstice."
    sent = [draw_reference(), draw_reference()]
    plain = paint(prompt, sent, width=200, height=250).tobytes()
    for fault in FAULTS - EDIT_FAULTS:
        spoilt = paint(prompt, sent, width=200, height=250, faults=frozenset({fault}))
        assert spoilt.tobytes() != plain, fault


def test_a_png_decodes_to_the_same_pixels() -> None:
    image = paint(SCENE, [], width=100, height=60)
    with Image.open(io.BytesIO(encode_png(image))) as decoded:
        assert decoded.format == "PNG"
        assert decoded.convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize(
    "colours",
    [
        ("#14707A", "#FFC53D", "#EE7B30", "#FFF1DD", "#4A2A22"),
        ("#0B3D2E", "#F2B705", "#F7F3EA"),
        ("#FFFFFF", "#00FF00", "#000000"),
        ("#112233",),
    ],
)
def test_the_colours_of_a_card_are_read_exactly_and_in_their_order(
    colours: tuple[str, ...],
) -> None:
    assert prepare_reference(draw_palette_card(colours)).swatches == tuple(map(parse_hex, colours))
