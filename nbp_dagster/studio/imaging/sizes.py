"""Arithmetic on the sizes of pictures; opens none."""


def scale_to(size: tuple[int, int], longer: int, *, least: int = 1) -> tuple[int, int]:
    """Return width and height in the same ratio, with so many pixels on the longer side.

    Args:
        size: Width and height in pixels.
        longer: Pixels of the longer side of the result; it may be larger than the size.
        least: Pixels that neither side falls below.
    """
    scale = longer / max(size)
    return max(least, round(size[0] * scale)), max(least, round(size[1] * scale))
