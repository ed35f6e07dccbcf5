"""What there is of a character's sheet, for people: plain values, and a page of its images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from nbp_dagster.clock import iso_time
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.ledger.sheet_pins import Pin
from nbp_dagster.studio.ordering.character_sheets import Candidate, SheetStatus
from nbp_dagster.studio.sets.html_templates import (
    hash_inline,
    inline_picture,
    open_templates,
    read_part,
)
from nbp_dagster.studio.storage.files import write_atomically
from nbp_dagster.studio.studio import Studio

# Pixels of the longer side of an image on the page.
_SIDE = 1024


@dataclass(frozen=True)
class SheetReport:
    """A character's sheet and all that was decided about it.

    Attributes:
        standing: How far it is.
        history: Every decision about the present traits, oldest first.
        page: The page that shows its images; None while there is no image.
    """

    standing: SheetStatus
    history: tuple[Pin, ...]
    page: Path | None = None

    @property
    def digest(self) -> str | None:
        """What identifies the sheet, as hex; None while there is none."""
        sheet = self.standing.sheet
        return None if sheet is None else sheet.digests[0]

    @property
    def state(self) -> str:
        """Say in one sentence how far it is."""
        standing = self.standing
        if not standing.orders:
            return "supplied by the brief's references"
        if standing.waits_for_pin:
            return standing.ask_for_pin()
        if standing.pin is not None:
            return describe_pin(standing.pin)
        return "not made yet" if standing.sheet is None else "the first candidate, by auto_pin"

    def to_json(self, studio: Studio) -> dict[str, Any]:
        """Return plain values; moments as ISO 8601, USD as decimal strings."""
        standing = self.standing
        return {
            "key": standing.key,
            "origin": "generated" if standing.orders else "adopted",
            "state": self.state,
            "waits_for_pin": standing.waits_for_pin,
            "auto_pin": standing.auto_pin,
            "pinned": self.digest,
            "asked_for": len(standing.orders),
            "page": None if self.page is None else str(self.page),
            "candidates": [
                _candidate_json(studio, item, self.digest) for item in standing.candidates
            ],
            "history": [
                {
                    "number": pin.number,
                    "digest": pin.digest,
                    "action": pin.action,
                    "who": pin.who,
                    "reason": pin.reason,
                    "when": iso_time(pin.pinned_at),
                }
                for pin in self.history
            ],
        }


def report_sheets(studio: Studio, keys: Sequence[str]) -> list[SheetReport]:
    """Return what there is of some characters' sheets, in the order given; writes nothing."""
    casting = studio.compiler.character_sheets
    standings = casting.statuses(keys).values()
    return [SheetReport(standing, casting.history(standing)) for standing in standings]


def write_sheet_page(studio: Studio, report: SheetReport) -> Path | None:
    """Write the page of a sheet's images side by side; None while there is no image.

    Returns:
        The page, below the home's `sheets`.

    Raises:
        NbpError: A supplied image can't be read, or the page can't be written.
    """
    images = _images(studio, report)
    if not images:
        return None
    style = read_part("sheet.css")
    key = report.standing.key
    brand_id, _, character_id = key.partition("/")
    text = (
        open_templates()
        .get_template("sheet.html.j2")
        .render(
            key=key,
            name=studio.briefs.brands[brand_id].characters[character_id].name,
            state=f"{report.state[0].upper()}{report.state[1:]}.",
            simulated=bool(report.standing.orders) and studio.provider == "simulator",
            images=images,
            history=[describe_pin(pin) for pin in report.history],
            policy=f"default-src 'none'; img-src data:; style-src {hash_inline(style)}",
            style=Markup(style),
        )
    )
    page = studio.paths.sheets / brand_id / f"{character_id}.html"
    write_atomically(page, text.encode())
    return page


def describe_pin(pin: Pin) -> str:
    """Return one decision in one line."""
    words = {
        "pinned": "pinned",
        "automatic": "pinned automatically",
        "rolled_back": "rolled back to",
        "migrated": "taken over",
    }[pin.action]
    why = f": {pin.reason}" if pin.reason else ""
    return f"{words} {pin.digest[:12]} on {iso_time(pin.pinned_at)} by {pin.who}{why}"


def _images(studio: Studio, report: SheetReport) -> list[dict[str, Any]]:
    standing = report.standing
    if standing.orders:
        return [_candidate_image(studio, item, report.digest) for item in standing.candidates]
    if standing.sheet is None:
        return []
    pairs = zip(standing.sheet.sources, standing.sheet.digests, strict=True)
    return [
        {
            "title": "Supplied",
            "note": source,
            "digest": digest,
            "pinned": False,
            "source": _inline(studio.reference_bytes(source, digest), what=source),
        }
        for source, digest in pairs
    ]


def _candidate_image(studio: Studio, item: Candidate, pinned: str | None) -> dict[str, Any]:
    kept = studio.store.has(item.digest)
    made = iso_time(item.purchase.intended_at)
    return {
        "title": f"Candidate {item.number}",
        "note": made if item.is_present else f"{made}, of traits the brief had before",
        "digest": item.digest,
        "pinned": item.digest == pinned,
        "source": _inline(studio.store.get(item.digest), what=_name(item)) if kept else "",
    }


def _name(item: Candidate) -> str:
    return f"candidate {item.number} of {item.purchase.key}"


def _inline(data: bytes, *, what: str) -> str:
    return inline_picture(thumbnail(decode_image(data, what=what).image, _SIDE))


def _candidate_json(studio: Studio, item: Candidate, pinned: str | None) -> dict[str, Any]:
    return {
        "number": item.number,
        "digest": item.digest,
        "pinned": item.digest == pinned,
        "of_present_traits": item.is_present,
        "fingerprint": item.purchase.fingerprint,
        "generation_id": item.purchase.generation_id,
        "price_usd": f"{item.purchase.price_usd:.2f}",
        "when": iso_time(item.purchase.intended_at),
        "file": str(studio.store.path(item.digest).absolute()),
    }
