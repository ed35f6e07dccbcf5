"""`nbp sheets`: which sheet each character has, and choosing another one."""

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from nbp_dagster.cli.errors import report_errors
from nbp_dagster.cli.user import name_user

if TYPE_CHECKING:
    # For annotations: the commands import what they use when they run.
    from nbp_dagster.studio.ledger.sheet_pins import Pin
    from nbp_dagster.studio.sheet_report import SheetContext, SheetReport

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the same as JSON.")
_reason = click.option("--reason", default="", help="Why; kept in the log of decisions.")


@click.group(invoke_without_command=True)
@_as_json
@click.pass_context
@report_errors
def sheets(context: click.Context, as_json: bool) -> None:
    """List the characters' sheets: which is pinned, where it comes from, who chose it."""
    if context.invoked_subcommand is not None:
        return
    from nbp_dagster.cli.openings import open_sheets
    from nbp_dagster.cli.sheets_table import describe_sheets
    from nbp_dagster.prompts.expansion import sheet_keys
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.sheet_report import report_sheets

    with open_sheets(read_settings()) as opened:
        reports = report_sheets(opened, sheet_keys(opened.briefs))
        content = [item.to_json(opened) for item in reports]
        _print(as_json, content, describe_sheets(reports))


@sheets.command()
@click.argument("key")
@_as_json
@report_errors
def show(key: str, as_json: bool) -> None:
    """Show the candidates of KEY (brand/character), and write a page of them side by side."""
    from dataclasses import replace

    from nbp_dagster.cli.openings import open_sheets
    from nbp_dagster.cli.sheets_table import describe_sheet
    from nbp_dagster.settings import read_settings

    # Templates and imaging: only this subcommand writes a page.
    from nbp_dagster.studio.sheet_page import write_sheet_page

    with open_sheets(read_settings(), _brand_of(key)) as opened:
        report = _find(opened, key)
        report = replace(report, page=write_sheet_page(opened, report))
        _print(as_json, report.to_json(opened), describe_sheet(opened, report))


@sheets.command()
@click.argument("key")
@click.argument("choice", metavar="DIGEST|N")
@_reason
@_as_json
@report_errors
def pin(key: str, choice: str, reason: str, as_json: bool) -> None:
    """Make candidate N, or the one whose digest begins so, the sheet of KEY."""
    from nbp_dagster.cli.openings import open_sheets
    from nbp_dagster.settings import read_settings

    with open_sheets(read_settings(), _brand_of(key)) as opened:
        before = _find(opened, key)
        decided = opened.sheets.pin(before.status, choice, who=name_user(), reason=reason)
        is_same = before.digest == decided.digest
        _print_decision(opened, key, decided, as_json=as_json, is_same=is_same)


@sheets.command()
@click.argument("key")
@_reason
@_as_json
@report_errors
def rollback(key: str, reason: str, as_json: bool) -> None:
    """Return to the sheet KEY had before the present one was pinned."""
    from nbp_dagster.cli.openings import open_sheets
    from nbp_dagster.settings import read_settings

    with open_sheets(read_settings(), _brand_of(key)) as opened:
        status = _find(opened, key).status
        decided = opened.sheets.roll_back(status, who=name_user(), reason=reason)
        _print_decision(opened, key, decided, as_json=as_json)


def _brand_of(key: str) -> str:
    return key.partition("/")[0]


def _find(opened: "SheetContext", key: str) -> "SheetReport":
    from nbp_dagster.prompts.expansion import sheet_keys
    from nbp_dagster.studio.ledger.sheet_pins import PinError
    from nbp_dagster.studio.sheet_report import report_sheets
    from nbp_dagster.yaml_source.problems import list_accepted, show_text

    known = sheet_keys(opened.briefs)
    if key not in known:
        raise PinError(f"{show_text(key)} is no character; {list_accepted(known, wanted=key)}")
    [report] = report_sheets(opened, [key])
    return report


def _print_decision(
    opened: "SheetContext", key: str, decided: "Pin", *, as_json: bool, is_same: bool = False
) -> None:
    action = decided.action.replace("_", " ")
    text = f"{key}: {decided.digest} is the sheet ({action}); pictures of the character are stale "
    text += "now, and `nbp run` makes them again"
    if is_same:
        text = f"{key}: {decided.digest} is the sheet already ({action}); nothing changes"
    _print(as_json, _find(opened, key).to_json(opened), [text])


def _print(as_json: bool, content: Any, lines: Iterable[str]) -> None:
    if as_json:
        click.echo(json.dumps(content, indent=2))
    else:
        for line in lines:
            click.echo(line)
