"""The tone is around the words, and reaches an edge only where a strip would be left."""

import pytest

from nbp_dagster.studio.typography.contrast import Box, draw_tone_shape, find_toned

SIZE = (1000, 2000)
MIDDLE = (60, 1200, 400, 1240)


@pytest.mark.parametrize(
    ("words", "toned"),
    [
        ([MIDDLE], (0, 1180, 420, 1260)),
        ([MIDDLE, (60, 1300, 300, 1330)], (0, 1180, 420, 1350)),
        ([(400, 900, 600, 950)], (380, 880, 620, 970)),
        ([(60, 1880, 400, 1900)], (0, 1860, 420, 2000)),
        ([(600, 60, 940, 90)], (580, 0, 1000, 110)),
    ],
)
def test_what_is_toned_holds_the_words_with_air(words: list[Box], toned: Box) -> None:
    assert find_toned(words, air=20, fade=100, size=SIZE) == toned


def test_a_foot_far_above_the_edge_leaves_what_is_below_as_it_is() -> None:
    toned = find_toned([MIDDLE], air=20, fade=100, size=SIZE)

    shape = draw_tone_shape(toned, 100, SIZE)

    assert shape.getpixel((200, 1220)) == 255, "under the words"
    assert shape.getpixel((200, 1260 + 150)) == 0, "below them"
    assert shape.getpixel((800, 1220)) == 0, "beside them"
    half = shape.getpixel((200, 1260 + 50))
    assert isinstance(half, int)
    assert 100 < half < 155, "between"
