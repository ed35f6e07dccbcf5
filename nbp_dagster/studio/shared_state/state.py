"""Where a home keeps its documents: in files, or, with a ledger not its own, in that database.

Must not know: what a document says.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.clock import Clock
from nbp_dagster.studio.ledger.database import (
    LOCK_TIMEOUT_SECONDS,
    begin_reading,
    open_ledger,
    translate_errors,
)
from nbp_dagster.studio.ledger.ledger_mark import LedgerMark
from nbp_dagster.studio.ledger.schema import identity
from nbp_dagster.studio.shared_state.homes import enter, read_home
from nbp_dagster.studio.shared_state.shared_documents import SharedDocuments
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.documents import DocumentFolder, Documents
from nbp_dagster.studio.storage.files import write_atomically


@dataclass(frozen=True)
class State:
    """The documents of a home.

    Attributes:
        records: A prompt's record, by its key.
        calibrations: A brand's thresholds, by brand and scorer.
        models: Each model as the last run saw it.
        uploads: A note for each uploaded reference image.
    """

    records: Documents
    calibrations: Documents
    models: Documents
    uploads: Documents


@dataclass(frozen=True)
class Sharing:
    """What a home shares with others.

    Attributes:
        has_ledger: Whether its ledger is another than its own.
        store_url: The store; empty for its own folder.
    """

    has_ledger: bool = False
    store_url: str = field(default="", repr=False)


def open_home_ledger(
    paths: StudioPaths, url: str, *, lock_timeout: float = LOCK_TIMEOUT_SECONDS
) -> Engine:
    """Open the ledger that a home uses: its own file where there is no URL.

    Raises:
        LedgerDatabaseError: As `open_ledger`.
    """
    return open_ledger(url or paths.ledger, lock_timeout=lock_timeout)


def owners_folder(paths: StudioPaths, database: Engine) -> Path:
    """Return where the runs on a ledger in a file show that they are alive.

    Beside the file, for whichever home uses it: another home's run would else count as dead.
    """
    if database.dialect.name != "sqlite":
        return paths.owners
    return Path(str(database.url.database)).absolute().parent / paths.owners.name


def open_state(
    paths: StudioPaths, database: Engine, clock: Clock, provider: str, *, sharing: Sharing
) -> State:
    """Open the documents of a home.

    With a ledger that is not the home's own they are in its database, and what files the home has
    of them is handed over the first time.

    Args:
        paths: The home.
        database: The ledger.
        clock: Gives the stamps.
        provider: "oxen" or "simulator": the models of each are apart.
        sharing: What is shared with others.

    Raises:
        StateApart: Another home uses the ledger too, and the two share no store.
        StoreError: The home can't be written.
        LedgerDatabaseError: The database can't be used.
    """
    folders = {
        "records": DocumentFolder(paths.records, is_private=True),
        "calibrations": DocumentFolder(paths.calibrations, sync=True),
        f"models/{provider}": DocumentFolder(paths.models / provider),
        "uploads": DocumentFolder(paths.uploads, suffix="", sync=True),
    }
    if not sharing.has_ledger:
        return State(*folders.values())
    home = read_home(paths.home, paths.home_id, store_url=sharing.store_url, now=clock.now())
    enter(database, home)
    shared = {
        kind: SharedDocuments(
            database, kind, local=folder, now=clock.now, monotonic=clock.monotonic
        )
        for kind, folder in folders.items()
    }
    _hand_over(paths, database, shared, clock=clock)
    return State(*shared.values())


def _hand_over(
    paths: StudioPaths, database: Engine, shared: dict[str, SharedDocuments], *, clock: Clock
) -> None:
    """Insert the home's files into a database, once; not into one of other purchases."""
    with translate_errors(begin_reading(database), database) as connection:
        ledger_id = str(connection.execute(sa.select(identity.c.ledger_id)).scalar_one())
    handed: dict[str, list[str]] = {}
    with suppress(OSError, ValueError):
        read = json.loads(paths.handed_over.read_bytes())
        handed = read if isinstance(read, dict) else {}
    missing = [kind for kind in shared if kind not in handed.get(ledger_id, [])]
    if not missing or LedgerMark(paths.store, database, clock=clock).is_of_another():
        return
    for kind in missing:
        shared[kind].hand_over()
    written = json.dumps({ledger_id: list({*handed.get(ledger_id, []), *missing})})
    write_atomically(paths.handed_over, written.encode())
