"""Islands of a mask: what of it is joined by sides, and the box around it."""

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


def label_islands(mask: Mask) -> NDArray[np.int32]:
    """Number the islands of a mask from 1, by runs of rows joined where they touch."""
    labels = np.zeros(mask.shape, np.int32)
    parents = [0]

    def root(label: int) -> int:
        while parents[label] != label:
            parents[label] = parents[parents[label]]
            label = parents[label]
        return label

    for y in range(mask.shape[0]):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], mask[y].view(np.int8), [0]])))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            above = np.unique(labels[y - 1, start:end]) if y else np.zeros(1, np.int32)
            near = sorted({root(int(label)) for label in above if label})
            if not near:
                parents.append(len(parents))
                near = [len(parents) - 1]
            for other in near[1:]:
                parents[other] = near[0]
            labels[y, start:end] = near[0]
    return np.array([root(label) for label in range(len(parents))], np.int32)[labels]


def box_of(mask: Mask) -> tuple[int, int, int, int]:
    """Return left, top, right, bottom of what a mask marks; it marks something."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def keep_heaviest(mask: Mask, weights: NDArray[np.floating], least: float) -> Mask:
    """Return the heaviest island of a mask and those of at least a share of its weight.

    Args:
        mask: Rows by columns.
        weights: Of each of its places.
        least: The share, 0 to 1.
    """
    labels = label_islands(mask)
    sums = np.bincount(labels.ravel(), weights=weights.ravel())
    sums[0] = 0
    kept: Mask = np.isin(labels, np.flatnonzero(sums >= least * sums.max()))
    return kept & mask
