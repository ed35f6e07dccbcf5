"""Finds outliers within a set: ranks likenesses to the sheets, compares a character's pictures.

The comparison (`agree`, `mean_agreement`) works on stored traces and needs no scorer loaded.
"""

import base64
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from nbp_dagster.studio.checks.check_table import Finding
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import SetManifest
from nbp_dagster.studio.manifest.records import PromptRecord

Square = NDArray[np.float32]
LEAST_PICTURES: Final = 3
"""Pictures of a character from which on they can be compared with each other."""

# Below the middle of its set by so much, a picture stands out. Deviations are the median ones,
# which one bad picture does not move; the floor is what pose, crop and size alone bring about.
_DEVIATIONS: Final = 5.0

_LEAST_GAP: Final = 0.3


def rank_likenesses(records: Iterable[PromptRecord]) -> tuple[LikenessFacts, ...]:
    """Return every likeness of a set by character, of each the lowest standing first.

    Self similarity is filled in where a character has `LEAST_PICTURES` that were measured by one
    scorer; traces are left out.
    """
    lots: dict[tuple[str, str, str, int], list[LikenessFacts]] = defaultdict(list)
    for record in records:
        for row in record.likenesses:
            # Traces of other lengths come from another state of the sheet.
            lots[row.character, row.scorer, row.scorer_version, len(row.trace)].append(row)
    ranked = [row for lot in lots.values() for row in _compare(lot)]
    return tuple(sorted(ranked, key=lambda row: (row.character, row.standing, row.prompt_key)))


def check_agreement(manifest: SetManifest) -> Finding:
    """Return whether the set's pictures of each character agree with each other."""
    threshold = f"at most {_DEVIATIONS:.0f} median deviations below the middle of the set"
    rows = [row for row in manifest.likenesses if row.self_similarity is not None]
    if not rows:
        why = f"no character has {LEAST_PICTURES} pictures that were measured"
        return Finding("skipped", threshold=threshold, sentence=why)
    odd = drifting(manifest.likenesses)
    names = ", ".join(f"{row.character} in {row.prompt_key}" for row in odd[:10])
    return Finding(
        "failed" if odd else "passed",
        threshold=threshold,
        sentence=f"unlike the rest of the set: {names}" if odd else "all agree with each other",
        figures={"pictures": len(rows), "drifting": len(odd)},
    )


def drifting(rows: Sequence[LikenessFacts]) -> tuple[LikenessFacts, ...]:
    """Return the rows whose self similarity lies far below that of their character's others."""
    odd: list[LikenessFacts] = []
    for _, lot in groupby(rows, key=lambda row: row.character):
        known = [(row, row.self_similarity) for row in lot if row.self_similarity is not None]
        if len(known) < LEAST_PICTURES:
            continue
        middle = median(value for _, value in known)
        spread = median(abs(value - middle) for _, value in known)
        least = middle - max(_LEAST_GAP, _DEVIATIONS * spread)
        odd += [row for row, value in known if value < least]
    return tuple(odd)


def agree(scorer: str, traces: Sequence[bytes]) -> Square:
    """Return the agreement of every two pictures, 1 for the same; needs no scorer loaded.

    Args:
        scorer: Name of the scorer that left the traces.
        traces: Of pictures of one character, made with one sheet; of equal length.

    Returns:
        A square of as many rows as traces.
    """
    if scorer == "colour":
        return _overlap(traces)
    rows = np.stack([np.frombuffer(each, np.float16).astype(np.float32) for each in traces])
    return np.asarray(rows @ rows.T, np.float32)


def mean_agreement(scorer: str, traces: Sequence[bytes]) -> tuple[float, ...]:
    """Return each picture's mean agreement with all others; at least two traces.

    Args:
        scorer: As in `agree`.
        traces: As in `agree`.
    """
    square = agree(scorer, traces)
    others = (square.sum(axis=1) - np.diag(square)) / (len(traces) - 1)
    return tuple(round(float(value), 4) for value in others)


def _compare(lot: Sequence[LikenessFacts]) -> list[LikenessFacts]:
    bare = [replace(row, trace="") for row in lot]
    if len(lot) < LEAST_PICTURES or not lot[0].trace:
        return bare
    means = mean_agreement(lot[0].scorer, [base64.b64decode(row.trace) for row in lot])
    return [replace(row, self_similarity=value) for row, value in zip(bare, means, strict=True)]


def _overlap(traces: Sequence[bytes]) -> Square:
    """The shared part of two traces over their union."""
    rows = np.stack([np.frombuffer(each, np.uint8) for each in traces]).astype(np.float32)
    square = np.ones((len(rows), len(rows)), np.float32)
    for number, row in enumerate(rows):
        union = np.maximum(rows, row).sum(axis=1)
        shared = np.minimum(rows, row).sum(axis=1)
        square[number] = np.divide(shared, union, out=np.ones_like(shared), where=union > 0)
    return square
