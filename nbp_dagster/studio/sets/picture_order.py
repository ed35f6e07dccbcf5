"""Orders a set's pictures for its page, the worst first, and picks those a long page unfolds."""

from collections.abc import Iterable, Sequence
from typing import Final

from nbp_dagster.studio.manifest.manifest import Picture

Faults = tuple[int, int]
"""Failed checks of a picture: errors, warnings."""

UNFOLDED: Final = 36
"""Pictures that a long page shows as it opens, over all groups; some ten to fifteen screens."""

LEAST_OF_GROUP: Final = 4
"""Pictures that a group shows at least, if any: about one row."""

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


def deal_out(sizes: Sequence[int]) -> tuple[int, ...]:
    """Return how many pictures each group of a long page shows unfolded; `gallery.js` does alike.

    Each has an equal share, at least a row; when all are dealt out the groups that follow have
    none, so that the page stays short whatever the number of pictures or groups.

    Args:
        sizes: Pictures of each group, in the page's order.
    """
    share = max(LEAST_OF_GROUP, UNFOLDED // max(1, sum(size > 0 for size in sizes)))
    left, dealt = UNFOLDED, []
    for size in sizes:
        dealt.append(min(size, share, left))
        left -= dealt[-1]
    return tuple(dealt)


def _badness(faults: Faults) -> Faults:
    return -faults[0], -faults[1]
