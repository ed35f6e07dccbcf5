"""The gallery's likeness lanes: each character's pictures, the least like its sheet first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Final

from nbp_dagster.studio.checks.set_outliers import drifting
from nbp_dagster.studio.manifest.manifest import (
    ChannelFacts,
    LikenessFacts,
    Picture,
    SetManifest,
    ShotFacts,
)

SHOWN: Final = 8
"""Pictures in a lane: a page that carries its thumbnails carries these twice."""


@dataclass(frozen=True)
class Card:
    """A picture with what the template would otherwise have to look up."""

    number: int
    picture: Picture
    channel: ChannelFacts
    channel_number: int
    shot: ShotFacts
    shape: int
    alt: str
    source: str
    is_linked: bool


@dataclass(frozen=True)
class Rank:
    """One prompt of a lane, shown by the first of its renditions; `mark` says why to look at it."""

    facts: LikenessFacts
    card: Card
    mark: str


@dataclass(frozen=True)
class Lane:
    """One character.

    Attributes:
        sheet: The sheet as the page shows it; None where it has none.
        total: Pictures that were measured.
        marked: Of them, those below the threshold or unlike the rest of the set.
        agreement: Mean self similarity; None where there are too few pictures.
    """

    name: str
    sheet: str | None
    scorer: str
    threshold: float
    calibrated: bool
    total: int
    marked: int
    agreement: float | None
    ranks: tuple[Rank, ...]


def build_lanes(
    manifest: SetManifest, cards: Sequence[Card], sheets: Mapping[str, str]
) -> tuple[Lane, ...]:
    """Return a lane for each character that was measured.

    Args:
        manifest: The set.
        cards: Its pictures, in manifest order.
        sheets: Sheets that can be shown, by digest.
    """
    first = {card.picture.prompt_key: card for card in reversed(cards)}
    odd = {(row.prompt_key, row.character) for row in drifting(manifest.likenesses)}
    lanes = []
    for character, group in groupby(manifest.likenesses, key=lambda row: row.character):
        ranks = [
            Rank(row, first[row.prompt_key], _mark(row, (row.prompt_key, character) in odd))
            for row in group
            if row.prompt_key in first
        ]
        if ranks:
            lanes.append(_lane(manifest, character, ranks, sheets))
    return tuple(lanes)


def _mark(row: LikenessFacts, is_odd: bool) -> str:
    if not row.is_like:
        return "unlike"
    return "unlike the set" if is_odd else ""


def _lane(
    manifest: SetManifest, character: str, ranks: Sequence[Rank], sheets: Mapping[str, str]
) -> Lane:
    facts = next((each for each in manifest.characters if each.id == character), None)
    shown = [sheets[digest] for digest in facts.sheets if digest in sheets] if facts else []
    lowest = ranks[0].facts
    known = [row.facts.self_similarity for row in ranks if row.facts.self_similarity is not None]
    return Lane(
        name=character if facts is None else facts.name,
        sheet=shown[0] if shown else None,
        scorer=f"{lowest.scorer} {lowest.scorer_version}",
        threshold=lowest.threshold,
        calibrated=lowest.calibrated,
        total=len(ranks),
        marked=sum(bool(rank.mark) for rank in ranks),
        agreement=fmean(known) if known else None,
        # The odd ones lead, whatever their standing: they are why somebody looks.
        ranks=tuple(sorted(ranks, key=lambda rank: not rank.mark)[:SHOWN]),
    )
