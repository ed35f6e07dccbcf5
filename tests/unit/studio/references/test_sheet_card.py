"""Cards of supplied images: what is cropped, what is placed where, how they are packed."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nbp_dagster.prompts.sheet_views import ViewKind
from nbp_dagster.studio.references.sheet_card import LONGEST_SIDE, Panel, draw_card, encode_card

RED, BLUE, GREEN = (200, 30, 30), (30, 30, 200), (20, 140, 60)


def figure(
    colour: tuple[int, int, int],
    *,
    ground: tuple[int, int, int] = (255, 255, 255),
    kind: ViewKind = "full figure",
) -> Panel:
    """A tall block of one colour on a plain ground, off the middle."""
    image = Image.new("RGB", (400, 600), ground)
    ImageDraw.Draw(image).rectangle((240, 200, 299, 399), fill=colour)
    return Panel(kind, image)


def box_of(card: Image.Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Where a colour is: left, top, right, bottom."""
    near = np.abs(np.asarray(card, dtype=int) - np.array(colour)).sum(axis=2) < 30
    rows, columns = np.flatnonzero(near.any(axis=1)), np.flatnonzero(near.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1])


def test_images_are_cropped_to_what_stands_on_their_ground_and_stand_at_one_height() -> None:
    card = draw_card([figure(RED), figure(BLUE)])

    left, right = box_of(card, RED), box_of(card, BLUE)
    assert left[2] < right[0]
    assert abs((left[3] - left[1]) - (right[3] - right[1])) <= 2
    # Most of a source is ground, little of the card is.
    assert left[3] - left[1] > 0.75 * card.height


def test_a_face_is_lower_than_the_figures_and_stands_on_their_line() -> None:
    card = draw_card([figure(RED), figure(BLUE, kind="face")])

    whole, face = box_of(card, RED), box_of(card, BLUE)
    assert 0.5 < (face[3] - face[1]) / (whole[3] - whole[1]) < 0.7
    assert abs(face[3] - whole[3]) < 0.03 * card.height


def test_the_ground_is_the_images_own_where_they_share_one() -> None:
    cream = (250, 244, 230)
    shared = draw_card([figure(RED, ground=cream), figure(BLUE, ground=cream)])
    mixed = draw_card([figure(RED, ground=cream), figure(BLUE, ground=GREEN)])

    assert shared.getpixel((0, 0)) == cream
    assert mixed.getpixel((0, 0)) == (228, 228, 228)


def test_what_is_transparent_shows_the_cards_ground() -> None:
    clear = Image.new("RGBA", (400, 600), (0, 0, 0, 0))
    ImageDraw.Draw(clear).rectangle((100, 100, 199, 499), fill=(*RED, 255))
    card = draw_card([Panel("full figure", clear), figure(BLUE)])

    assert card.getpixel((0, 0)) == (255, 255, 255)
    assert box_of(card, RED)[2] < box_of(card, BLUE)[0]
    assert not (np.asarray(card).sum(axis=2) < 60).any()


def test_a_photograph_is_shown_whole() -> None:
    """What has no plain ground is not cropped by guessing."""
    pixels = np.random.default_rng(1).integers(0, 255, (300, 200, 3), dtype=np.uint8)
    pixels[:, :20], pixels[:, -20:] = RED, BLUE
    card = draw_card([Panel("view", Image.fromarray(pixels)), figure(GREEN)])

    left, right = box_of(card, RED), box_of(card, BLUE)
    shown = (right[2] - left[0]) / (left[3] - left[1])
    assert shown == pytest.approx(200 / 300, rel=0.03)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 14])
def test_a_card_of_any_number_of_images_fits_its_side_and_wastes_little_of_it(count: int) -> None:
    card = draw_card([figure(RED) for _ in range(count)])

    assert max(card.size) <= LONGEST_SIDE + 1
    assert 0.65 < card.width / card.height < 2.5 or count == 1


def test_equal_images_make_equal_bytes() -> None:
    panels = [figure(RED), figure(BLUE, kind="face")]

    assert encode_card(draw_card(panels)) == encode_card(draw_card(panels))


def test_a_card_of_photographs_is_sent_light() -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (1200, 1600, 3), dtype=np.uint8)

    data = encode_card(Image.fromarray(pixels))

    assert data.startswith(b"\xff\xd8\xff")
    assert Image.open(io.BytesIO(data)).size == (1600, 1200)
