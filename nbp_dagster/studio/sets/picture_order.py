"""Orders a set's pictures for its page: those that fail checks first, the worst at the head."""

from collections.abc import Iterable, Sequence
from typing import Final

from nbp_dagster.studio.manifest.manifest import Picture

Faults = tuple[int, int]
"""Failed checks of a picture: errors, warnings."""

NO_FAULTS: Final[Faults] = (0, 0)


def count_faults(picture: Picture) -> Faults:
    """Return how many errors and how many warnings a picture failed."""
    errors = sum(check.severity == "error" for check in picture.failed_checks)
    return errors, len(picture.failed_checks) - errors


def rank_pictures(pictures: Sequence[Picture]) -> tuple[int, ...]:
    """Return the place of each picture on the page, from 0, in the order given.

    More errors come first, then more warnings; pictures alike in both stay in the set's order, so
    that the same set always has the same page.
    """
    worst_first = sorted(
        range(len(pictures)), key=lambda place: _badness(count_faults(pictures[place]))
    )
    ranks = {place: rank for rank, place in enumerate(worst_first)}
    return tuple(ranks[place] for place in range(len(pictures)))


def find_worst(pictures: Iterable[Picture]) -> Faults:
    """Return the faults of the worst of some pictures; of a group, which has its place by them."""
    return max(map(count_faults, pictures), default=NO_FAULTS)


def _badness(faults: Faults) -> Faults:
    return -faults[0], -faults[1]
