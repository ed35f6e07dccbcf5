"""The page of a character's sheet: its candidates or supplied images side by side."""

from pathlib import Path
from typing import Any

from markupsafe import Markup

from nbp_dagster.clock import iso_time
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.ordering.character_sheets import Candidate
from nbp_dagster.studio.sets.html_templates import (
    hash_inline,
    inline_picture,
    open_templates,
    read_part,
)
from nbp_dagster.studio.sheet_report import SheetContext, SheetReport, describe_pin
from nbp_dagster.studio.storage.files import write_atomically

# Pixels of the longer side of an image on the page.
_SIDE = 1024


def write_sheet_page(context: SheetContext, report: SheetReport) -> Path | None:
    """Write the page of a sheet's images side by side; None while there is no image.

    Returns:
        The page, below the home's `sheets`.

    Raises:
        NbpError: A supplied image can't be read, or the page can't be written.
    """
    images = _images(context, report)
    if not images:
        return None
    style = read_part("sheet.css")
    key = report.status.key
    brand_id, _, character_id = key.partition("/")
    text = (
        open_templates()
        .get_template("sheet.html.j2")
        .render(
            key=key,
            name=context.briefs.brands[brand_id].characters[character_id].name,
            state=f"{report.state[0].upper()}{report.state[1:]}.",
            simulated=bool(report.status.orders) and context.provider == "simulator",
            images=images,
            history=[describe_pin(pin) for pin in report.history],
            policy=f"default-src 'none'; img-src data:; style-src {hash_inline(style)}",
            style=Markup(style),
        )
    )
    page = context.paths.sheets / brand_id / f"{character_id}.html"
    # Pictures that nobody has released.
    write_atomically(page, text.encode(), private_in=context.paths.sheets)
    return page


def _images(context: SheetContext, report: SheetReport) -> list[dict[str, Any]]:
    status = report.status
    if status.orders:
        return [_candidate_image(context, item, report.digest) for item in status.candidates]
    if status.sheet is None:
        return []
    pairs = zip(status.sheet.sources, status.sheet.digests, strict=True)
    return [
        {
            "title": "Supplied",
            "note": source,
            "digest": digest,
            "pinned": False,
            "source": _inline(context.read(source, digest), what=source),
        }
        for source, digest in pairs
    ]


def _candidate_image(context: SheetContext, item: Candidate, pinned: str | None) -> dict[str, Any]:
    kept = context.store.has(item.digest)
    made = iso_time(item.purchase.intended_at)
    return {
        "title": f"Candidate {item.number}",
        "note": made if item.is_present else f"{made}, of traits the brief had before",
        "digest": item.digest,
        "pinned": item.digest == pinned,
        "source": _inline(context.store.get(item.digest), what=_name(item)) if kept else "",
    }


def _name(item: Candidate) -> str:
    return f"candidate {item.number} of {item.purchase.key}"


def _inline(data: bytes, *, what: str) -> str:
    return inline_picture(thumbnail(decode_image(data, what=what).image, _SIDE))
