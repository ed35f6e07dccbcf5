"""The gallery's likeness section: a row for each character, the pictures least like it first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Final

from nbp_dagster.studio.checks.set_outliers import drifting
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import (
    ChannelFacts,
    Picture,
    SetManifest,
    ShotFacts,
)
from nbp_dagster.studio.sets.set_changes import Change

ITEMS_SHOWN: Final = 8
"""Most pictures in a row: a page with inline thumbnails holds these twice."""


@dataclass(frozen=True)
class Card:
    """A picture with what the template shows of its channel and shot.

    `number` is in the page's order; `change` how it compares with the set before, None without one.
    """

    number: int
    picture: Picture
    channel: ChannelFacts
    channel_number: int
    shot: ShotFacts
    shape: int
    alt: str
    source: str
    is_linked: bool
    change: Change | None = None


@dataclass(frozen=True)
class LikenessItem:
    """One prompt in a row, shown by the first of its renditions; `mark` is why to look at it."""

    facts: LikenessFacts
    card: Card
    mark: str


@dataclass(frozen=True)
class LikenessRow:
    """The row of one character.

    Attributes:
        name: The character's.
        sheet: The source of its sheet's image; None where the page has none.
        scorer: What measured it, with its version.
        threshold: The standing from which it counts as itself.
        calibrated: Whether the threshold was found on this brand's sheets.
        total: Number of pictures measured.
        marked: Number of those below the threshold or unlike the rest of the set.
        agreement: Mean self similarity; None where there are too few pictures.
        items: The pictures shown, marked ones first, then the least like first.
    """

    name: str
    sheet: str | None
    scorer: str
    threshold: float
    calibrated: bool
    total: int
    marked: int
    agreement: float | None
    items: tuple[LikenessItem, ...]


def build_likeness_rows(
    manifest: SetManifest, cards: Sequence[Card], sheets: Mapping[str, str]
) -> tuple[LikenessRow, ...]:
    """Return a row for each character that was measured.

    Args:
        manifest: The set.
        cards: Its pictures, in manifest order.
        sheets: Sheets that can be shown, by digest.
    """
    first = {card.picture.prompt_key: card for card in reversed(cards)}
    outliers = {(row.prompt_key, row.character) for row in drifting(manifest.likenesses)}
    rows = []
    for character, group in groupby(manifest.likenesses, key=lambda row: row.character):
        items = [
            LikenessItem(
                row, first[row.prompt_key], _mark(row, (row.prompt_key, character) in outliers)
            )
            for row in group
            if row.prompt_key in first
        ]
        if items:
            rows.append(_row(manifest, character, items, sheets))
    return tuple(rows)


def _mark(row: LikenessFacts, is_outlier: bool) -> str:
    if not row.is_like:
        return "unsure" if row.answer == "unsure" else "unlike"
    if row.answer == "no opinion":
        return row.answer
    return "unlike the set" if is_outlier else ""


def _row(
    manifest: SetManifest, character: str, items: Sequence[LikenessItem], sheets: Mapping[str, str]
) -> LikenessRow:
    facts = next((each for each in manifest.characters if each.id == character), None)
    shown = [sheets[digest] for digest in facts.sheets if digest in sheets] if facts else []
    lowest = items[0].facts
    known = [row.facts.self_similarity for row in items if row.facts.self_similarity is not None]
    return LikenessRow(
        name=character if facts is None else facts.name,
        sheet=shown[0] if shown else None,
        scorer=f"{lowest.scorer} {lowest.scorer_version}",
        threshold=lowest.threshold,
        calibrated=lowest.calibrated,
        total=len(items),
        marked=sum(bool(item.mark) for item in items),
        agreement=fmean(known) if known else None,
        # Marked ones lead, whatever their standing: the section is there for them.
        items=tuple(sorted(items, key=lambda item: not item.mark)[:ITEMS_SHOWN]),
    )
