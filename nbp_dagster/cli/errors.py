"""Errors of the `nbp` command: one line on the error stream and an exit status, no traceback."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from nbp_dagster.errors import NbpError


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
            if not _is_lock(error):
                raise
            click.echo(
                "nbp: another program holds a database of Dagster or of the ledger (a backup, a "
                f"network disk): {str(error).splitlines()[0]}; run it again once that has ended",
                err=True,
            )
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo(
                "nbp: interrupted; every submitted job stays in the ledger, and the next run "
                "fetches its picture without paying again",
                err=True,
            )
            sys.exit(130)

    return wrapped


def _is_lock(error: Exception) -> bool:
    """Whether it is SQLite's, of a file that another program has locked, by its name and words."""
    return type(error).__name__ == "OperationalError" and "database is locked" in str(error)
