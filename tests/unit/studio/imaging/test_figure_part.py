"""A banner's figure part: heads whole and clear of the fade, narrower before they are cut."""

import numpy as np
import pytest

from nbp_dagster.studio.imaging.boxes import Box
from nbp_dagster.studio.imaging.crop import Subject, choose_crop
from nbp_dagster.studio.imaging.figure_part import FigurePart, choose_part

FADE = 0.16
EVEN = np.full((10, 10), 0.01)
STRIP = (728, 90)
COLUMN = (160, 600)


def choose(
    *heads: Box,
    figure: Box | None = None,
    words: tuple[Box, ...] = (),
    source: tuple[int, int] = (1000, 1000),
    size: tuple[int, int] = STRIP,
    length: int = 162,
    fades_at_end: bool = False,
) -> FigurePart | None:
    subject = Subject(EVEN, words, heads, figure)
    return choose_part(
        source, size=size, length=length, fade=FADE, subject=subject, fades_at_end=fades_at_end
    )


def test_nobody_known_to_be_there_leaves_the_choice_to_saliency() -> None:
    assert choose() is None


@pytest.mark.parametrize("fades_at_end", [False, True])
@pytest.mark.parametrize(
    "head", [(0.4, 0.1, 0.6, 0.3), (0.7, 0.6, 0.9, 0.95), (0.3, 0.04, 0.7, 0.6)]
)
def test_a_head_is_whole_and_outside_the_fade(head: Box, fades_at_end: bool) -> None:
    part = choose(head, fades_at_end=fades_at_end)
    assert part is not None
    left, top, right, bottom = part.box
    wide = right - left
    inner = (left, right - part.fade * wide) if fades_at_end else (left + part.fade * wide, right)
    assert inner[0] <= head[0] * 1000 + 1
    assert inner[1] >= head[2] * 1000 - 1
    assert top <= head[1] * 1000 + 1
    assert bottom >= head[3] * 1000 - 1
    assert wide / (bottom - top) == pytest.approx(part.length / 90, rel=0.02)


def test_a_portrait_taller_than_the_widest_window_gets_a_narrower_part() -> None:
    small, large = choose((0.4, 0.1, 0.6, 0.3)), choose((0.2, 0.02, 0.8, 0.9))
    assert small is not None
    assert large is not None
    assert small.length == 162
    assert 90 <= large.length < 110


def test_what_no_window_holds_is_the_whole_picture_at_the_banner_s_height() -> None:
    part = choose((0.0, 0.0, 1.0, 0.98))
    assert part == FigurePart(90, (0, 0, 1000, 1000), 0)


def test_all_heads_count() -> None:
    part = choose((0.05, 0.3, 0.15, 0.45), (0.85, 0.3, 0.95, 0.45))
    assert part is not None
    assert part.box[0] <= 50
    assert part.box[2] >= 950


def test_a_column_is_a_strip_turned() -> None:
    part = choose((0.3, 0.04, 0.7, 0.5), size=COLUMN, length=228)
    assert part is not None
    left, top, right, bottom = part.box
    assert left <= 300
    assert right >= 700
    assert top + part.fade * (bottom - top) <= 41
    assert bottom >= 500


def test_a_figure_without_a_head_has_room_around_it() -> None:
    part = choose(figure=(0.45, 0.4, 0.5, 0.6))
    assert part is not None
    assert part.box[3] - part.box[1] >= 200 / 0.75


def test_a_window_shows_no_pieces_of_words() -> None:
    """A headline right under a head: the window ends above it."""
    words = ((0.1, 0.42, 0.9, 0.55),)
    part = choose((0.4, 0.1, 0.6, 0.4), words=words)
    assert part is not None
    assert part.box[3] <= 421


def test_words_that_no_window_leaves_out_are_shown_whole() -> None:
    part = choose((0.3, 0.1, 0.7, 0.6), words=((0.1, 0.4, 0.9, 0.5),))
    assert part is not None
    assert part.box == (0, 0, 1000, 1000)


def test_a_crop_keeps_every_head_or_shows_the_picture_whole() -> None:
    heads = ((0.02, 0.2, 0.2, 0.5), (0.6, 0.2, 0.7, 0.5))
    kept = choose_crop((1000, 1000), width=750, height=1000, subject=Subject(EVEN, (), heads))
    assert kept.method == "cover"
    assert kept.box[0] <= 20
    apart = ((0.02, 0.2, 0.2, 0.5), (0.85, 0.2, 0.98, 0.5))
    whole = choose_crop((1000, 1000), width=750, height=1000, subject=Subject(EVEN, (), apart))
    assert whole.method == "inside"


@pytest.mark.parametrize(
    ("heads", "figure", "method"),
    [
        ((), (0.0, 0.1, 0.9, 1.0), "inside"),
        (((0.4, 0.1, 0.6, 0.3),), (0.0, 0.1, 0.9, 1.0), "cover"),
        (((0.4, 0.1, 0.6, 0.3),), (0.0, 0.1, 1.0, 1.0), "inside"),
    ],
    ids=["nine tenths without a head", "three quarters with one", "less"],
)
def test_a_crop_shows_most_of_the_figure(heads: tuple[Box, ...], figure: Box, method: str) -> None:
    subject = Subject(EVEN, (), heads, figure)
    assert choose_crop((1000, 1000), width=700, height=1000, subject=subject).method == method
