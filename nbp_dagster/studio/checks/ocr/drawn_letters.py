"""Measures how large the words that the model drew are in a rendition; reads no picture."""

from collections.abc import Iterator, Mapping, Sequence

from nbp_dagster.studio.imaging.crop import CropFacts
from nbp_dagster.studio.manifest.value_types import BOX_PER_EM, ReadLine
from nbp_dagster.studio.typography.legibility import TextBox


def measure_drawn_letters(
    places: Mapping[str, Sequence[ReadLine]], size: tuple[int, int], crop: CropFacts
) -> tuple[TextBox, ...]:
    """Return the words of an original as a rendition shows them; cropped ones are left out.

    Args:
        places: The lines each field of copy was found on.
        size: Width and height of the original in pixels.
        crop: Which part of it is shown, and how large.

    Returns:
        One box a field, of its smallest line, in pixels of the rendition from the upper left corner
        of the part shown; sizes are estimates of the em.
    """
    found = []
    for name, lines in places.items():
        boxes = tuple(_place(name, lines, size, crop))
        if boxes:
            found.append(min(boxes, key=lambda box: box.size))
    return tuple(found)


def _place(
    name: str, lines: Sequence[ReadLine], size: tuple[int, int], crop: CropFacts
) -> Iterator[TextBox]:
    left, top, right, bottom = crop.box
    for line in lines:
        across = (line.left + line.right) / 2 * size[0]
        down = (line.top + line.bottom) / 2 * size[1]
        if left <= across <= right and top <= down <= bottom:
            box = (
                round((line.left * size[0] - left) * crop.scale),
                round((line.top * size[1] - top) * crop.scale),
                round((line.right * size[0] - left) * crop.scale),
                round((line.bottom * size[1] - top) * crop.scale),
            )
            yield TextBox(name, box, round((box[3] - box[1]) / BOX_PER_EM))
