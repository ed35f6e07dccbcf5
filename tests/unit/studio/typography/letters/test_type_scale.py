"""Sizes come from one scale, and locales share them."""

from itertools import pairwise

import pytest

from nbp_dagster.studio.typography.letters.type_scale import (
    LEAST_SIZE,
    Sizes,
    find_least_headline,
    find_least_type,
    find_size,
    list_sizes,
    share_sizes,
    step_down,
)


@pytest.mark.parametrize(
    ("most", "size"), [(9, 10), (10, 10), (13.9, 12), (100, 100), (4000, 1000)]
)
def test_a_size_is_the_largest_of_the_scale_that_has_room(most: float, size: int) -> None:
    assert find_size(most) == size


def test_steps_of_the_scale_are_alike_and_end_at_the_least_size() -> None:
    sizes = list(list_sizes(1000, least=LEAST_SIZE))
    ratios = [one / other for one, other in pairwise(sizes)]
    assert max(ratios) < 1.17
    assert min(ratios) > 1.07
    assert sizes[-1] == LEAST_SIZE
    assert [step_down(100, steps) for steps in (0, 7, 20, 99)] == [100, 45, 10, 10]


@pytest.mark.parametrize(
    ("frame", "least"),
    [((320, 50), 10), ((160, 600), 10), ((300, 250), 10), ((1080, 1920), 18), ((2480, 3508), 40)],
)
def test_the_least_type_follows_the_frame(frame: tuple[int, int], least: int) -> None:
    assert find_least_type(frame) == least


def test_a_headline_is_too_small_below_half_of_what_is_usual() -> None:
    assert [find_least_headline(usual) for usual in (0, 20, 28, 125)] == [12, 12, 14, 56]


def test_locales_share_what_the_longest_has_room_for() -> None:
    own = [Sizes(40, 18), Sizes(28, 12), Sizes(36, None)]
    assert share_sizes(own, 20) == Sizes(28, 12)


def test_a_locale_below_the_least_size_keeps_it_to_itself() -> None:
    assert share_sizes([Sizes(40, 18), Sizes(14, 10)], 20) == Sizes(40, 18)
    assert share_sizes([Sizes(14, 10)], 20) == Sizes(20, None)
