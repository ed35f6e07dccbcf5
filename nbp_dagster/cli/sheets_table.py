"""Character sheets as lines for a terminal: the list of all, and the candidates of one."""

from collections.abc import Iterator, Sequence

from nbp_dagster.cli.tables import align
from nbp_dagster.studio.sheet_report import SheetContext, SheetReport, describe_pin


def describe_sheets(reports: Sequence[SheetReport]) -> Iterator[str]:
    """Yield one line a sheet, below a line of headings."""
    rows = [("sheet", "origin", "pinned", "candidates", "state")]
    for report in reports:
        status = report.status
        rows.append(
            (
                status.key,
                "generated" if status.orders else "adopted",
                (report.digest or "-")[:12],
                str(len(status.choices)) if status.orders else "-",
                report.state,
            )
        )
    yield from align(rows)


def describe_sheet(context: SheetContext, report: SheetReport) -> Iterator[str]:
    """Yield what there is of one sheet: its images, the decisions about it, its page."""
    status = report.status
    yield f"{status.key}: {report.state}"
    if not status.orders and status.sheet is not None:
        for source, digest in zip(status.sheet.sources, status.sheet.digests, strict=True):
            yield f"  {digest}  {source}"
    for item in status.candidates:
        notes = [
            *(["pinned"] if item.digest == report.digest else []),
            *([] if item.is_present else ["of traits the brief had before"]),
            *([] if context.store.has(item.digest) else ["not in the store"]),
        ]
        yield f"  {item.number}  {item.digest}  {', '.join(notes)}".rstrip()
        yield f"     {context.store.path(item.digest).absolute()}"
    for pin in report.history:
        yield f"  decision {pin.number}: {describe_pin(pin)}"
    if report.page is not None:
        yield str(report.page.absolute())
