"""How far the pictures of one character agree with each other, by the traces kept of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Square = NDArray[np.float32]


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


def _overlap(traces: Sequence[bytes]) -> Square:
    """The shared part of two traces over their union."""
    rows = np.stack([np.frombuffer(each, np.uint8) for each in traces]).astype(np.float32)
    square = np.ones((len(rows), len(rows)), np.float32)
    for number, row in enumerate(rows):
        union = np.maximum(rows, row).sum(axis=1)
        shared = np.minimum(rows, row).sum(axis=1)
        square[number] = np.divide(shared, union, out=np.ones_like(shared), where=union > 0)
    return square
