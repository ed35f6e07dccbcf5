"""The scale of type: which sizes there are, how far fields lie apart on it, what locales share.

Must not know fonts or pictures.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

# The Renard series R20 of ISO 3:1973, rounded to whole pixels: twenty sizes to each power of ten,
# each some 12 % above the one before.
_SERIES: Final = (
    *(10, 11, 12, 14, 16, 18, 20, 22, 25, 28, 32, 36, 40, 45, 50, 56, 63, 71, 80, 90),
    *(100, 112, 125, 140, 160, 180, 200, 224, 250, 280, 315, 355, 400, 450, 500, 560, 630, 710),
    *(800, 900, 1000),
)
LEAST_SIZE: Final = _SERIES[0]
"""Pixels; below it text recognition and eyes fail alike, as measured on eight sizes of type."""

_SMALL_HEADLINE: Final = 12  # pixels, while a headline still has to stand out from a sub line
_LEAST_OF_USUAL: Final = 0.5  # of a frame's usual headline, below which it looks lost
# Of a frame's shorter side: some 19 px of a story 1080 px wide, 7 pt on a phone.
_LEAST_SHARE: Final = 0.018


@dataclass(frozen=True)
class Sizes:
    """How large the type of one layout is.

    Attributes:
        headline: Pixels of the em of a headline, from which other fields and gaps follow.
        button: Pixels of the em on the button; None where there is none.
    """

    headline: int
    button: int | None = None

    def is_within(self, most: "Sizes") -> bool:
        """Return whether neither is larger than sizes that others share."""
        is_smaller = most.button is None or self.button is None or self.button <= most.button
        return self.headline <= most.headline and is_smaller


def find_size(most: float) -> int:
    """Return the largest size that is no larger than so many pixels; the least one below it."""
    return _SERIES[max(0, bisect_right(_SERIES, most) - 1)]


def step_down(size: int, steps: int) -> int:
    """Return the size so many steps below another; the least one where there are not as many."""
    return _SERIES[max(0, bisect_right(_SERIES, size) - 1 - steps)]


def list_sizes(most: float, *, least: int) -> Iterator[int]:
    """Yield the sizes from so many pixels down to the least."""
    yield from (size for size in reversed(_SERIES) if least <= size <= max(most, least))


def find_least_type(frame: tuple[int, int]) -> int:
    """Return the pixels below which type is too small for a frame of a width and height."""
    return find_size(min(frame) * _LEAST_SHARE)


def find_least_headline(usual: float) -> int:
    """Return the pixels below which a headline is too small where so many are usual."""
    return max(_SMALL_HEADLINE, find_size(usual * _LEAST_OF_USUAL))


def share_sizes(own: Sequence[Sizes], least: int) -> Sizes:
    """Return the sizes that all locales' copy gets: what the longest has room for.

    A headline that would be below the least keeps its size to itself.
    """
    fitting = [sizes for sizes in own if sizes.headline >= least]
    buttons = [sizes.button for sizes in fitting if sizes.button is not None]
    return Sizes(
        min((sizes.headline for sizes in fitting), default=least),
        min(buttons) if buttons else None,
    )
