"""Boxes: their areas, what two share, and how they are scaled; imports nothing heavy."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom: pixels, or shares of a picture's sides from 0 to 1."""


def scale_box(box: Box, source: tuple[int, int]) -> Box:
    """Return a box in pixels of a picture, given one in shares of its sides."""
    (left, top, right, bottom), (wide, high) = box, source
    return left * wide, top * high, right * wide, bottom * high


def area_of(box: Box) -> float:
    """Return the area of a box, in its unit squared."""
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap_of(one: Box, other: Box) -> float:
    """Return the area that two boxes of one unit share."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, high)


def share_of(box: Box, part: Box) -> float:
    """Return the share of a box's area that lies within a part; both in one unit."""
    return overlap_of(box, part) / max(area_of(box), 1e-12)
