"""Errors of the `nbp` command: one line on the error stream and an exit status, no traceback."""

import re
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from nbp_dagster.errors import NbpError

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
        try:
            command(*arguments, **options)
        except NbpError as error:
            click.echo(f"nbp: {error}", err=True)
            sys.exit(1)
        except Exception as error:
            found = _find_database_error(error)
            if found is None:
                raise
            click.echo(f"nbp: {_describe(found)}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo(
                "nbp: interrupted; every submitted job stays in the ledger, and the next run "
                "fetches its picture without paying again",
                err=True,
            )
            sys.exit(130)

    return wrapped


def _find_database_error(error: BaseException) -> BaseException | None:
    """Return the fault of a database that an error is, or is caused by.

    The ledger says its faults itself; these are of the databases that Dagster keeps.
    """
    found: BaseException | None = error
    while found is not None and type(found).__name__ not in _DATABASE_ERRORS:
        found = found.__cause__
    if found is None or _words_of(found).startswith(_PROGRAMS):
        return None
    return found


def _words_of(error: BaseException) -> str:
    """Return the first line of a driver's own words, which SQLAlchemy wraps."""
    return str(getattr(error, "orig", None) or error).strip().split("\n")[0]


def _describe(error: BaseException) -> str:
    """Return one line about a database that failed, without its password."""
    # An @ in a password that is not written %40: what follows it is taken for the host, and told.
    words = _USER_PART.sub(r"\1***@", _words_of(error))
    if "database is locked" in words:
        return (
            "another program holds a database of Dagster or of the ledger (a backup, a network "
            f"disk): {words}; run it again once that has ended"
        )
    return (
        f"a database of Dagster failed: {words}; nothing that is paid is lost, every submitted job "
        "stays in the ledger: run it again once the database is back"
    )
