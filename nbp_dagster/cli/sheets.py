"""`nbp sheets`: which sheet each character has, and choosing another."""

import getpass
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from nbp_dagster.project import open_studio
from nbp_dagster.prompts.expansion import sheet_keys
from nbp_dagster.settings import read_settings
from nbp_dagster.studio.ledger.sheet_pins import Pin, PinError
from nbp_dagster.studio.sheet_report import (
    SheetReport,
    describe_pin,
    report_sheets,
    write_sheet_page,
)
from nbp_dagster.studio.studio import Studio
from nbp_dagster.yaml_source.problems import list_accepted, show_text

_NEXT = "what shows the character is stale now; `nbp run` asks for it again"

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
_reason = click.option("--reason", default="", help="Why; kept in the log of decisions.")


def add_sheet_commands(
    main: click.Group, plainly: Callable[[Callable[..., None]], Callable[..., None]]
) -> None:
    """Add `sheets` and its subcommands to the command.

    Args:
        main: The `nbp` command.
        plainly: Wraps a command so that errors for people are one line.
    """

    @main.group(invoke_without_command=True)
    @_as_json
    @click.pass_context
    @plainly
    def sheets(context: click.Context, as_json: bool) -> None:
        """List the characters' sheets: which is pinned, where it comes from, who chose it."""
        if context.invoked_subcommand is None:
            with open_studio(read_settings()) as studio:
                reports = report_sheets(studio, sheet_keys(studio.briefs))
                _say(as_json, [item.to_json(studio) for item in reports], _list(reports))

    @sheets.command()
    @click.argument("key")
    @_as_json
    @plainly
    def show(key: str, as_json: bool) -> None:
        """Show the candidates of KEY (brand/character), and write a page of them side by side."""
        with open_studio(read_settings()) as studio:
            report = _find(studio, key)
            report = replace(report, page=write_sheet_page(studio, report))
            _say(as_json, report.to_json(studio), _describe(studio, report))

    @sheets.command()
    @click.argument("key")
    @click.argument("choice", metavar="DIGEST|N")
    @_reason
    @_as_json
    @plainly
    def pin(key: str, choice: str, reason: str, as_json: bool) -> None:
        """Make candidate N, or the one whose digest begins so, the sheet of KEY."""
        with open_studio(read_settings()) as studio:
            standing = _find(studio, key).standing
            decided = studio.compiler.character_sheets.pin(
                standing, choice, who=_who(), reason=reason
            )
            _tell(studio, key, decided, as_json=as_json)

    @sheets.command()
    @click.argument("key")
    @_reason
    @_as_json
    @plainly
    def rollback(key: str, reason: str, as_json: bool) -> None:
        """Return to the sheet KEY had before the present one was pinned."""
        with open_studio(read_settings()) as studio:
            standing = _find(studio, key).standing
            decided = studio.compiler.character_sheets.roll_back(
                standing, who=_who(), reason=reason
            )
            _tell(studio, key, decided, as_json=as_json)


def _find(studio: Studio, key: str) -> SheetReport:
    known = sheet_keys(studio.briefs)
    if key not in known:
        raise PinError(f"{show_text(key)} is no character; {list_accepted(known, wanted=key)}")
    [report] = report_sheets(studio, [key])
    return report


def _who() -> str:
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name; KeyError before Python 3.13
        user = "unknown"
    return f"{user}@{platform.node()}"


def _tell(studio: Studio, key: str, decided: Pin, *, as_json: bool) -> None:
    report = _find(studio, key)
    text = f"{key}: {decided.digest} is the sheet ({decided.action.replace('_', ' ')}); {_NEXT}"
    _say(as_json, report.to_json(studio), [text])


def _say(as_json: bool, content: Any, lines: Sequence[str] | Iterator[str]) -> None:
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        for line in lines:
            click.echo(line)


def _list(reports: Sequence[SheetReport]) -> Iterator[str]:
    rows = [("sheet", "origin", "pinned", "candidates", "state")]
    for report in reports:
        standing = report.standing
        rows.append(
            (
                standing.key,
                "generated" if standing.orders else "adopted",
                (report.digest or "-")[:12],
                str(len(standing.choices)) if standing.orders else "-",
                report.state,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def _describe(studio: Studio, report: SheetReport) -> Iterator[str]:
    standing = report.standing
    yield f"{standing.key}: {report.state}"
    if not standing.orders and standing.sheet is not None:
        for source, digest in zip(standing.sheet.sources, standing.sheet.digests, strict=True):
            yield f"  {digest}  {source}"
    for item in standing.candidates:
        notes = [
            *(["pinned"] if item.digest == report.digest else []),
            *([] if item.is_present else ["of traits the brief had before"]),
            *([] if studio.store.has(item.digest) else ["not in the store"]),
        ]
        yield f"  {item.number}  {item.digest}  {', '.join(notes)}".rstrip()
        yield f"     {studio.store.path(item.digest).absolute()}"
    for pin in report.history:
        yield f"  decision {pin.number}: {describe_pin(pin)}"
    if report.page is not None:
        yield str(report.page.absolute())
