"""Moves a brand's likeness thresholds to where people's decisions put them; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nbp_dagster.studio.checks.characters.calibration import Calibration, measure_errors
from nbp_dagster.studio.checks.characters.face_path import LEAST_LIMIT, OTHER
from nbp_dagster.studio.checks.characters.lineup import Likeness

LEAST_DECISIONS: Final = 10
"""Characters approved, and rejected, that a threshold needs: with fewer, one odd picture would move
it by a tenth of all."""

WORST_RATE: Final = 0.25
"""Equal error rate from which on no threshold is taken: the scorer does not see what people see."""


@dataclass(frozen=True)
class DecidedLikeness:
    """A character in a decided original, as it is measured now."""

    character: str
    likeness: Likeness
    is_like: bool


@dataclass(frozen=True, kw_only=True)
class ThresholdMove:
    """What decisions say of one threshold.

    Attributes:
        name: "standing of a body" or "distance of a face".
        before, after: The threshold; the same where it stays.
        approved, rejected: Decisions that could move it.
        doubted: Of those approved, how many `before` does not count as the character's.
        passed: Of those rejected, how many it does.
        rate: Equal error rate of the best threshold; None where there are too few decisions.
        why: Why it stays, in words; empty where decisions set it.
    """

    name: str
    before: float
    after: float
    approved: int
    rejected: int
    doubted: int
    passed: int
    rate: float | None
    why: str


def apply_decisions(
    calibration: Calibration, decided: Iterable[DecidedLikeness]
) -> tuple[Calibration, tuple[ThresholdMove, ...]]:
    """Return a calibration with the thresholds that decisions set, and what they say of each.

    A likeness that a face decided says nothing of bodies, and the other way round.

    Args:
        calibration: As the sheets give it.
        decided: What people decided about, measured.
    """
    rows = tuple(decided)
    body = _move(
        "standing of a body",
        calibration.cross,
        [(row.likeness.standing, row.is_like) for row in rows if row.likeness.path == "body"],
    )
    # Near is like, so that signs are turned: a limit of faces is a threshold of nearness.
    near = _move(
        "distance of a face",
        -calibration.face_same,
        [
            (-row.likeness.distance, row.is_like)
            for row in rows
            if row.likeness.path == "face" and row.likeness.distance is not None
        ],
    )
    face = replace(
        near, before=-near.before, after=round(min(OTHER, max(LEAST_LIMIT, -near.after)), 4)
    )
    moved = [move for move in (body, face) if not move.why]
    counts = {move.name: {"approved": move.approved, "rejected": move.rejected} for move in moved}
    refined = replace(
        calibration,
        cross=body.after,
        face_same=calibration.face_same if face.why else face.after,
        decisions=counts,
    )
    return refined, tuple(move for move in (body, face) if move.approved or move.rejected)


def _move(name: str, before: float, scores: Sequence[tuple[float, bool]]) -> ThresholdMove:
    approved = [score for score, is_like in scores if is_like]
    rejected = [score for score, is_like in scores if not is_like]
    after, rate, why = before, None, ""
    if min(len(approved), len(rejected)) < LEAST_DECISIONS:
        why = f"too few: {LEAST_DECISIONS} approved and {LEAST_DECISIONS} rejected are needed"
    else:
        found = measure_errors(approved, rejected)
        rate = found.rate
        if rate >= WORST_RATE:
            why = "no threshold tells the approved from the rejected"
        else:
            after = found.threshold
    return ThresholdMove(
        name=name,
        before=before,
        after=after,
        approved=len(approved),
        rejected=len(rejected),
        doubted=sum(score < before for score in approved),
        passed=sum(score >= before for score in rejected),
        rate=rate,
        why=why,
    )
