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
        except KeyboardInterrupt:
            click.echo(
                "nbp: interrupted; every submitted job stays in the ledger, and the next run "
                "fetches its picture without paying again",
                err=True,
            )
            sys.exit(130)

    return wrapped
