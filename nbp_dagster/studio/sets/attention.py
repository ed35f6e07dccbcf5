"""Says what of a set needs a look: its failed checks, the worst first; judges nothing itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbp_dagster.studio.checks.failure_words import tell_failure
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.sets.picture_order import rank_pictures


@dataclass(frozen=True, kw_only=True)
class Attention:
    """One thing that is wrong with some pictures of a set.

    Attributes:
        check: Name of the check that they failed.
        severity: "error" or "warn".
        words: What is wrong, for people.
        pictures: How many pictures have it.
        worst: Prompt of the first of them on the set's page.
    """

    check: str
    severity: str
    words: str
    pictures: int
    worst: str


def list_attention(pictures: Iterable[Picture]) -> tuple[Attention, ...]:
    """Return what is wrong with some pictures: errors first, then what most of them have.

    Args:
        pictures: In the set's order.
    """
    rows = _worst_first(tuple(pictures))
    found: dict[tuple[str, str, str], list[Picture]] = {}
    for picture in rows:
        for check in picture.failed_checks:
            found.setdefault((check.severity, check.name, tell_failure(check)), []).append(picture)
    listed = [
        Attention(
            check=name,
            severity=severity,
            words=words,
            pictures=len(having),
            worst=having[0].prompt_key,
        )
        for (severity, name, words), having in found.items()
    ]
    listed.sort(key=lambda item: (item.severity != "error", -item.pictures, item.check))
    return tuple(listed)


def _worst_first(pictures: Sequence[Picture]) -> Sequence[Picture]:
    ranked = sorted(zip(rank_pictures(pictures), pictures, strict=True), key=lambda row: row[0])
    return [picture for _, picture in ranked]
