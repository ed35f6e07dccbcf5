"""Errors of the `nbp` command: one line on the error stream and an exit status, no traceback."""

import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from nbp_dagster.errors import NbpError
from nbp_dagster.interrupts import noted_interrupts

# PEP 249's names for faults of a database that are not the program's, in every driver and in
# SQLAlchemy; by name, since most commands import none of these.
_DATABASE_ERRORS = frozenset({"OperationalError", "InterfaceError"})
# SQLite's words for faults of the program, or of a schema that is another version's: no later
# attempt helps, so their traceback is left.
_PROGRAMS = ("no such ", "near ")
# What stands before an @ in quotes, or in an address.
_USER_PART = re.compile(r"""(["'(]|//)[^"'\s]*@""")


def report_errors(command: Callable[..., None]) -> Callable[..., None]:
    """Wrap a command so that an expected error is one line and status 1, Ctrl-C status 130."""

    @wraps(command)
    def wrapped(*arguments: Any, **options: Any) -> None:
        with noted_interrupts():
            try:
                command(*arguments, **options)
            except NbpError as error:
                click.echo(f"nbp: {error}", err=True)
                sys.exit(1)
            except Exception as error:
                words = words_of_database(error)
                if words is None:
                    raise
                click.echo(f"nbp: {_describe(words)}", err=True)
                sys.exit(1)
            except KeyboardInterrupt:
                click.echo(
                    "nbp: interrupted; every submitted job stays in the ledger, and the next run "
                    "fetches its picture without paying again",
                    err=True,
                )
                sys.exit(130)

    return wrapped


def words_of_database(error: BaseException) -> str | None:
    """Return a driver's own words, without a password, where a database's fault is the cause.

    The ledger says its faults itself; these are of the databases that Dagster keeps.

    Returns:
        One line; None for every other error.
    """
    found: BaseException | None = error
    while found is not None and type(found).__name__ not in _DATABASE_ERRORS:
        found = found.__cause__
    if found is None:
        return None
    # SQLAlchemy wraps the driver's.
    driver = getattr(found, "orig", None) or found
    words = str(driver).strip().split("\n")[0]
    if words.startswith(_PROGRAMS):
        return None
    # Those of a lock are of the file, see `nbp_dagster.lock_waits`.
    for note in getattr(driver, "__notes__", ()):
        words = f"{words} ({note})"
    # An @ in a password that is not written %40: what follows it is taken for the host, and told.
    return _USER_PART.sub(r"\1***@", words)


def _describe(words: str) -> str:
    """Return one line about a database that failed."""
    if "database is locked" in words:
        return (
            "another program holds a database of Dagster or of the ledger (a backup, a network "
            f"disk): {words}; run it again once that has ended"
        )
    return (
        f"a database of Dagster failed: {words}; nothing that is paid is lost, every submitted job "
        "stays in the ledger: run it again once the database is back"
    )
