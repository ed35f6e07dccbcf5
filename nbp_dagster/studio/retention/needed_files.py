"""Which digests something refers to: the ledger's tables, and every JSON file of the home.

Files and tables are searched for anything that looks like a digest, so that a field or table that
is added later protects what it names. Must not know: what removes files.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.studio.ledger.database import begin_reading, translate_errors
from nbp_dagster.studio.ledger.schema import decisions, metadata, pictures, purchases
from nbp_dagster.studio.ledger.statements import OPEN
from nbp_dagster.studio.retention.home_walk import walk_home
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import translate_errors as translate_file_errors

_DIGEST: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# The index of every file ever made, and every purchase: what they name may be gone.
_HISTORIES: Final = (pictures, purchases, decisions)
# What people decided that holds on; a rejected file is needed only while a set shows it.
_HOLDS: Final = ("approved", "passed_over")
# Scopes of purchases of character sheets; any candidate may be pinned.
_SHEETS: Final = "brand:"
# Folders of the home whose JSON names nothing of the store.
_OTHERS: Final = ("store", "dagster", "simulator")
_CHUNK: Final = 500


@dataclass(frozen=True)
class NeededFiles:
    """What the ledger and the home say of the files in the store.

    Attributes:
        needed: Digests that something refers to.
        originals: Digests of every picture that was bought, needed or not.
        renditions: Digests of every rendition that was made, needed or not.
        oldest_open: When the oldest open purchase was meant, seconds since the epoch: a file since
            may be its picture. None where there is none.
    """

    needed: frozenset[str]
    originals: frozenset[str]
    renditions: frozenset[str]
    oldest_open: float | None


def find_needed_files(database: Engine, paths: StudioPaths) -> NeededFiles:
    """Read what the ledger and the home refer to.

    Raises:
        LedgerDatabaseError: The ledger can't be read.
        StoreError: A file of the home can't be read: what it names is not known.
    """
    needed = set(_read_files(paths.home))
    with translate_errors(begin_reading(database), database) as connection:
        for table in metadata.sorted_tables:
            if table not in _HISTORIES:
                needed.update(_read_table(connection, table))
        bought = _Bought(connection)
        needed |= bought.needed
        approved = _find_approved(connection)
        needed |= approved
        needed |= _find_their_originals(connection, approved, bought.by_generation)
        renditions, originals = _list_made(connection)
    return NeededFiles(
        needed=frozenset(needed),
        originals=frozenset(originals | bought.originals),
        renditions=frozenset(renditions),
        oldest_open=bought.oldest_open,
    )


def find_digests(text: str) -> Iterator[str]:
    """Yield everything in a text that looks like a sha256 in hex."""
    return (found.group() for found in _DIGEST.finditer(text))


class _Bought:
    """What the purchases say: one pass over the table, prompts of the open ones alone."""

    def __init__(self, connection: Connection) -> None:
        self.needed: set[str] = set()
        self.originals: set[str] = set()
        self.by_generation: dict[str, str] = {}
        self.oldest_open: float | None = None
        latest: dict[tuple[str, ...], str] = {}
        columns = [purchases.c[name] for name in ("key", "scope", "provider", "account")]
        columns += [purchases.c.generation_id, purchases.c.image]
        query = sa.select(*columns).where(purchases.c.image.is_not(None)).order_by(purchases.c.id)
        for row in connection.execute(query):
            digest = str((row.image or {}).get("sha256", ""))
            self.originals.add(digest)
            self.by_generation[row.generation_id or ""] = digest
            latest[row.key, row.provider, row.account] = digest
            if row.scope.startswith(_SHEETS):
                self.needed.add(digest)
        # A prompt's newest picture may have no renditions yet.
        self.needed.update(latest.values())
        pending = sa.select(purchases.c.intended_at, purchases.c.request).where(
            purchases.c.state.in_(OPEN)
        )
        for row in connection.execute(pending):
            self.needed.update(find_digests(json.dumps(row.request)))
            self.oldest_open = min(self.oldest_open or row.intended_at, row.intended_at)


def _find_approved(connection: Connection) -> set[str]:
    """Return the files of which the last decision holds on."""
    columns = [decisions.c[name] for name in ("prompt_key", "channel", "locale", "sha256")]
    query = sa.select(*columns, decisions.c.verdict).order_by(decisions.c.number)
    last = {tuple(row[:4]): row.verdict for row in connection.execute(query)}
    return {place[3] for place, verdict in last.items() if verdict in _HOLDS}


def _find_their_originals(
    connection: Connection, files: Iterable[str], by_generation: dict[str, str]
) -> set[str]:
    """Return the originals that some renditions were made from."""
    wanted, found = sorted(files), set[str]()
    for start in range(0, len(wanted), _CHUNK):
        chosen = pictures.c.sha256.in_(wanted[start : start + _CHUNK])
        rows = connection.scalars(sa.select(pictures.c.generation_id).where(chosen))
        found.update(by_generation[each] for each in rows if each in by_generation)
    return found


def _list_made(connection: Connection) -> tuple[set[str], set[str]]:
    """Return the renditions and the originals that were ever made."""
    renditions: set[str] = set()
    originals: set[str] = set()
    for row in connection.execute(sa.select(pictures.c.sha256, pictures.c.channel)):
        (renditions if row.channel else originals).add(row.sha256)
    return renditions - originals, originals


def _read_table(connection: Connection, table: sa.Table) -> Iterator[str]:
    # A shared ledger's table of records is large: some rows at a time.
    rows = connection.execute(sa.select(table), execution_options={"yield_per": 200})
    for row in rows:
        for value in row:
            yield from find_digests(_text_of(value))


def _text_of(value: Any) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).decode("utf-8", "replace")
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _read_files(home: Path) -> Iterator[str]:
    """Yield what records, manifests, indexes, comparisons and notes name."""
    for path in walk_home(home, but=_OTHERS):
        if path.suffix != ".json":
            continue
        with translate_file_errors(path):
            try:
                text = path.read_text("utf-8", errors="replace")
            except FileNotFoundError:
                # Removed with its set, by a run meanwhile.
                continue
        yield from find_digests(text)
