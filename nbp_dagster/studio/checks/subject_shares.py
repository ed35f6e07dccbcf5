"""Measures what a rendition cuts of heads and subject, and what our type covers of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nbp_dagster.studio.imaging.boxes import Box, scale_box, share_of
from nbp_dagster.studio.imaging.crop import Crop
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.manifest.value_types import SeenBox
from nbp_dagster.studio.typography.copy_places import MOST_COVERED, MOST_COVERED_OF_SUBJECT
from nbp_dagster.studio.typography.legibility import TextBox

__all__ = ["LEAST_SHOWN", "MOST_COVERED", "MOST_COVERED_OF_SUBJECT", "Framed", "list_boxes"]

LEAST_SHOWN: Final = 0.9  # of a head, or of a subject without one: below it, it is cut


@dataclass(frozen=True)
class Framed:
    """What a rendition shows of its original.

    Attributes:
        crop: Which part of it, and where.
        source: Width and height of the original in pixels.
        places: Its heads and subject; None where nobody looked for them.
    """

    crop: Crop
    source: tuple[int, int]
    places: Places | None

    @property
    def named(self) -> Mapping[str, Box]:
        """What must be seen, by name: every head, else the subject."""
        if self.places is None:
            return {}
        if self.places.heads:
            return {f"head_{n}": head for n, head in enumerate(self.places.heads, start=1)}
        return {} if self.places.subject is None else {"subject": self.places.subject}

    def shown(self) -> dict[str, float]:
        """Return the share of each that the rendition shows."""
        return {
            name: share_of(scale_box(box, self.source), self.crop.box)
            for name, box in self.named.items()
        }

    def covered(self, boxes: Sequence[TextBox]) -> dict[str, float]:
        """Return the share of each, as the rendition shows it, that lies under type."""
        found = {}
        for name, box in self.named.items():
            spot = self.crop.locate(box, self.source)
            if spot is not None:
                found[name] = min(1.0, sum(share_of(spot, item.box) for item in boxes))
        return found


def list_boxes(
    framed: Framed, text_boxes: Sequence[TextBox], size: tuple[int, int], *, with_heads: bool
) -> tuple[SeenBox, ...]:
    """Return where heads, subject and type are on a rendition, for the record.

    Args:
        framed: What it shows of its original.
        text_boxes: Type that was set on it.
        size: Its width and height in pixels.
        with_heads: Whether boxes of heads may be kept.
    """
    places, found = framed.places, []
    if places is not None:
        heads = enumerate(places.heads if with_heads else (), start=1)
        named: dict[str, tuple[Literal["head", "subject"], Box]] = {
            f"head_{n}": ("head", head) for n, head in heads
        }
        if places.subject is not None:
            named["subject"] = ("subject", places.subject)
        for name, (kind, box) in named.items():
            spot = framed.crop.locate(box, framed.source)
            if spot is not None:
                found.append(SeenBox(kind=kind, name=name, box=_share(spot, size)))
    words = (SeenBox(kind="type", name=t.field, box=_share(t.box, size)) for t in text_boxes)
    return (*found, *words)


def _share(box: tuple[int, int, int, int], size: tuple[int, int]) -> Box:
    """Return pixels as shares of the sides, to a ten-thousandth."""
    left, top, right, bottom = (round(edge / size[n % 2], 4) for n, edge in enumerate(box))
    return (left, top, right, bottom)
