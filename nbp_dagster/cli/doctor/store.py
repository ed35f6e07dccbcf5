"""Looks at the store that machines share: reach, rights, clock; leaves no file in it."""

import secrets
import time
from collections.abc import Iterator
from contextlib import suppress

from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.cli.doctor.state import compare_clocks
from nbp_dagster.cli.home.places import open_places
from nbp_dagster.errors import NbpError
from nbp_dagster.settings import Settings, reveal
from nbp_dagster.studio.ledger.database import (
    HEAD,
    LedgerDatabaseError,
    open_ledger,
    read_schema_version,
)
from nbp_dagster.studio.ledger.ledger_mark import find_lost_mark
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.url_folder import UrlFolder

_PROBES = "probes"
_SEE = "see docs/many-machines.md"


def look_at_store(settings: Settings, *, has_ledger: bool = True) -> Iterator[Finding]:
    """Yield whether the store can be reached, written, read, listed and cleaned, and its clock.

    Args:
        settings: Home, ledger and store.
        has_ledger: Whether the ledger may be asked, too, about the store's mark.
    """
    if settings.store_url is None:
        if settings.ledger_url is not None:
            yield Finding(
                "store",
                "warning",
                "the ledger is shared, and the pictures are this machine's own",
                "set NBP_STORE_URL where another machine makes or shows pictures of it too",
            )
        return
    shared = open_places(settings).shared
    if shared is None:
        return
    try:
        if lost := _find_lost_mark(settings, shared, has_ledger):
            yield Finding("store", "fault", lost, _SEE)
            return
        yield from _probe(shared)
    except NbpError as error:
        yield Finding("store", "fault", str(error), _SEE)


def _find_lost_mark(settings: Settings, shared: UrlFolder, has_ledger: bool) -> str:
    """Return what is wrong with a store that was in use before, by home and, if it has, ledger."""
    paths, url = StudioPaths(settings.home.absolute()), reveal(settings.ledger_url)
    if (lost := find_lost_mark(paths.store, shared)) or not has_ledger:
        return lost
    # What is wrong with the ledger itself is told beside this.
    with suppress(LedgerDatabaseError):
        if read_schema_version(url or paths.ledger) == HEAD:
            engine = open_ledger(url or paths.ledger)
            try:
                return find_lost_mark(paths.store, shared, engine)
            finally:
                engine.dispose()
    return ""


def _probe(shared: UrlFolder) -> Iterator[Finding]:
    """Write, read, list and remove a small file."""
    name, data = f"{_PROBES}/{secrets.token_hex(8)}", secrets.token_bytes(16)
    # Loads the driver, and asks for the keys that a machine's role gives.
    shared.look_at(name)
    began = time.monotonic()
    shared.replace(name, data)
    seconds, wrote_at = time.monotonic() - began, time.time()
    try:
        if shared.read(name) != data:
            yield Finding(
                "store",
                "fault",
                f"{shared.name}: a file that was just written is not there, or is another",
                "use a service that shows a write at once, as S3 does",
            )
            return
        listed = shared.list_files(_PROBES).get(name.partition("/")[2])
    finally:
        shared.remove(name)
    yield Finding("store", "sound", f"{shared.name}, writes in {1000 * seconds:.0f} ms")
    if listed is not None and listed.written_at is not None:
        yield compare_clocks("clock of the store", listed.written_at, wrote_at)
