"""How the databases of a home that Dagster opens wait for another program's lock."""

from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect, Engine

from nbp_dagster.lock_waits import HomeConnection

# DAGSTER_HOME -> seconds.
_patience: dict[Path, float] = {}


def wait_for_home_locks(folder: Path, seconds: float) -> None:
    """Have Dagster's SQLite files below a folder wait so long; whoever waits is told.

    Dagster leaves some of them SQLite's five seconds, and a backup or a network disk may hold one
    for longer. It opens an engine for each use, without a way to say how: all of SQLAlchemy's are
    looked at, and only those that name no connection class of their own are changed.
    """
    _patience[folder.absolute()] = seconds
    _listen()


@cache
def _listen() -> None:
    sa.event.listen(Engine, "do_connect", _choose_connection)


def _choose_connection(
    dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]
) -> None:
    if dialect.name != "sqlite" or not arguments or "factory" in options:
        return
    path = Path(str(arguments[0]))
    for folder, seconds in _patience.items():
        if path.is_relative_to(folder):
            options.update(factory=HomeConnection, timeout=seconds)
