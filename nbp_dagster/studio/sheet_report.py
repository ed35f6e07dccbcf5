"""What is known of a character's sheet, as plain values; `sheet_page` shows its images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.clock import iso_time
from nbp_dagster.prompts.request import Provider
from nbp_dagster.studio.ledger.sheet_pins import Pin
from nbp_dagster.studio.ordering.character_sheets import Candidate, CharacterSheets, SheetStatus
from nbp_dagster.studio.references.reference_files import ReadReference
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.image_store import ImageStore


@dataclass(frozen=True)
class SheetContext:
    """What reports of character sheets are made from.

    Attributes:
        briefs: Name the characters.
        provider: Who draws.
        store: Holds the generated sheets.
        paths: Say where pages of sheets go.
        sheets: Knows the status of each sheet.
        read: Gives the bytes of a supplied image.
    """

    briefs: Briefs
    provider: Provider
    store: ImageStore
    paths: StudioPaths
    sheets: CharacterSheets
    read: ReadReference


@dataclass(frozen=True)
class SheetReport:
    """A character's sheet and all that was decided about it.

    Attributes:
        status: How far it is.
        history: Every decision about the present traits, oldest first.
        page: The page that shows its images; None while there is no image.
    """

    status: SheetStatus
    history: tuple[Pin, ...]
    page: Path | None = None

    @property
    def digest(self) -> str | None:
        """What identifies the sheet, as hex; None while there is none."""
        sheet = self.status.sheet
        return None if sheet is None else sheet.digests[0]

    @property
    def state(self) -> str:
        """Say in one sentence how far it is."""
        status = self.status
        if not status.orders:
            return "supplied by the brief's references"
        if status.waits_for_pin:
            return status.ask_for_pin()
        if status.pin is not None:
            return describe_pin(status.pin)
        return "not made yet" if status.sheet is None else "the first candidate, by auto_pin"

    def to_json(self, context: SheetContext) -> dict[str, Any]:
        """Return plain values; moments as ISO 8601, USD as decimal strings."""
        status = self.status
        return {
            "key": status.key,
            "origin": "generated" if status.orders else "adopted",
            "state": self.state,
            "waits_for_pin": status.waits_for_pin,
            "auto_pin": status.auto_pin,
            "pinned": self.digest,
            "asked_for": len(status.orders),
            "page": None if self.page is None else str(self.page),
            "candidates": [
                _candidate_json(context, item, self.digest) for item in status.candidates
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


def report_sheets(context: SheetContext, keys: Sequence[str]) -> list[SheetReport]:
    """Return what there is of some characters' sheets, in the order given; writes nothing."""
    statuses = context.sheets.statuses(keys).values()
    return [SheetReport(status, context.sheets.history(status)) for status in statuses]


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


def _candidate_json(context: SheetContext, item: Candidate, pinned: str | None) -> dict[str, Any]:
    return {
        "number": item.number,
        "digest": item.digest,
        "pinned": item.digest == pinned,
        "of_present_traits": item.is_present,
        "fingerprint": item.purchase.fingerprint,
        "generation_id": item.purchase.generation_id,
        "price_usd": f"{item.purchase.price_usd:.2f}",
        "when": iso_time(item.purchase.intended_at),
        "file": str(context.store.path(item.digest).absolute()),
    }
