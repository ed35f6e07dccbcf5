"""Documents in the ledger's database, with a copy of each in the home folder.

The copies spare the database the transfer of what is known, and outlive a lost ledger. Must not
know: what a document says.
"""

import hashlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from nbp_dagster.studio.ledger.database import begin_reading, begin_writing, translate_errors
from nbp_dagster.studio.ledger.schema import shared_documents
from nbp_dagster.studio.storage.documents import Document, DocumentFolder, Documents
from nbp_dagster.studio.storage.files import StoreError

LISTING_SECONDS: Final = 1.0
"""For how long a list of a folder's documents is taken for the present one."""
FEW: Final = 20
"""Documents of a folder that are looked up one by one within that time, before all are listed."""
_CHUNK: Final = 64
"""Bodies that are fetched at once: records weigh some 10 kB each."""


@dataclass(frozen=True)
class _Listing:
    """The digests of a folder's documents by name, in the order of the names."""

    made_at: float
    digests: dict[str, str]


class SharedDocuments(Documents):
    """Documents of one kind that every machine of a ledger reads and writes.

    A document that the database lacks is the home's own file, if there is one: written by a run on
    another ledger, or before machines shared any. Many of one folder are looked up with one list of
    it, which may be `LISTING_SECONDS` old; `refresh` forgets it.

    Args:
        engine: The ledger's database.
        kind: Which documents.
        local: The copies.
        now: Returns seconds since the epoch.
        monotonic: Returns seconds that no clock's change touches.
    """

    def __init__(
        self,
        engine: Engine,
        kind: str,
        *,
        local: DocumentFolder,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._kind = kind
        self._local = local
        self._now, self._monotonic = now, monotonic
        self._replace = _upsert(engine, replaces=True)
        self._insert_missing = _upsert(engine, replaces=False)
        self._lock = threading.Lock()
        self._listings: dict[str, _Listing] = {}
        self._look_ups: dict[str, deque[float]] = {}

    def path(self, name: str) -> Path:
        """Return the file of the copy."""
        return self._local.path(name)

    def find(self, name: str) -> Document | None:
        """Return a document by its digest in the database."""
        digest = self._digest_of(name)
        if digest is None:
            return self._local.find(name)
        return Document(digest, lambda: self._read(name, digest))

    def write(self, name: str, data: bytes, *, is_flagged: bool = False) -> None:
        """Write a document for all machines, then the copy."""
        row = _row(self._kind, name, data, is_flagged=is_flagged, written_at=self._now())
        with self._writing() as connection:
            connection.execute(self._replace, row)
        with self._lock:
            listing = self._listings.get(_folder_of(name))
            if listing is not None:
                listing.digests[name] = row["digest"]
        self._local.write(name, data, is_flagged=is_flagged)

    def remove(self, name: str) -> None:
        """Remove a document for all machines, and the copy."""
        is_it = self._is_kind & (shared_documents.c.name == name)
        with self._writing() as connection:
            connection.execute(shared_documents.delete().where(is_it))
        with self._lock:
            self._listings.pop(_folder_of(name), None)
        self._local.remove(name)

    def list_names(self) -> tuple[str, ...]:
        """Return the names of what the database has, and of the home's own files."""
        query = sa.select(shared_documents.c.name).where(self._is_kind)
        with self._reading() as connection:
            names = set(connection.scalars(query))
        return tuple(sorted(names | set(self._local.list_names())))

    def list_flagged(self) -> tuple[str, ...]:
        """Return what the database has flagged, and flagged files of the home that it lacks."""
        query = sa.select(shared_documents.c.name).where(
            self._is_kind, shared_documents.c.flagged.is_(sa.true())
        )
        with self._reading() as connection:
            flagged = set(connection.scalars(query))
        own = [name for name in self._local.list_flagged() if name not in flagged]
        flagged |= {name for name in own if self._digest_of(name) is None}
        return tuple(sorted(flagged))

    def written_at(self, name: str) -> float:
        """Return when a document was written last, by the clock of the machine that did."""
        query = sa.select(shared_documents.c.written_at)
        query = query.where(self._is_kind, shared_documents.c.name == name)
        with self._reading() as connection:
            found = connection.scalar(query)
        return self._local.written_at(name) if found is None else float(found)

    def refresh(self) -> None:
        """Forget the lists."""
        with self._lock:
            self._listings.clear()

    def hand_over(self) -> int:
        """Insert the home's own files that the database lacks; return how many files there were."""
        names = self._local.list_names()
        flagged = frozenset(self._local.list_flagged())
        for start in range(0, len(names), _CHUNK):
            rows = []
            for name in names[start : start + _CHUNK]:
                data = self._local.read(name)
                if data is not None:
                    written_at = self._local.written_at(name)
                    is_flagged = name in flagged
                    row = _row(self._kind, name, data, is_flagged=is_flagged, written_at=written_at)
                    rows.append(row)
            if rows:
                with self._writing() as connection:
                    connection.execute(self._insert_missing, rows)
        return len(names)

    def _digest_of(self, name: str) -> str | None:
        """Return a document's digest, by a list of its folder where many are asked for."""
        folder, now = _folder_of(name), self._monotonic()
        with self._lock:
            listing = self._listings.get(folder)
            if listing is not None and now - listing.made_at <= LISTING_SECONDS:
                return listing.digests.get(name)
            recent = self._look_ups.setdefault(folder, deque(maxlen=FEW))
            is_many = len(recent) == FEW and now - recent[0] <= LISTING_SECONDS
            recent.append(now)
        if is_many:
            return self._list(folder).digests.get(name)
        query = sa.select(shared_documents.c.digest)
        query = query.where(self._is_kind, shared_documents.c.name == name)
        with self._reading() as connection:
            return connection.scalar(query)

    def _list(self, folder: str) -> _Listing:
        columns = (shared_documents.c.name, shared_documents.c.digest)
        query = sa.select(*columns).where(self._is_kind, shared_documents.c.folder == folder)
        made_at = self._monotonic()
        with self._reading() as connection:
            rows = connection.execute(query.order_by(shared_documents.c.name))
            listing = _Listing(made_at, {row.name: row.digest for row in rows})
        with self._lock:
            self._listings[folder] = listing
        return listing

    def _read(self, name: str, digest: str) -> bytes | None:
        """Return the bytes of a document: of the copy where it is the same, else fetched."""
        copy = self._copy_of(name, digest)
        if copy is not None:
            return copy
        names = [name, *self._next_missing(name)]
        query = sa.select(shared_documents).where(self._is_kind, shared_documents.c.name.in_(names))
        with self._reading() as connection:
            rows = connection.execute(query).all()
        bodies = {}
        for row in rows:
            bodies[row.name] = bytes(row.body)
            # Only a copy: a full disk is told where something is written.
            with suppress(StoreError):
                self._local.write(row.name, bodies[row.name], is_flagged=row.flagged)
        return bodies.get(name)

    def _next_missing(self, name: str) -> Iterable[str]:
        """Return names after this one whose copies are not the present ones: likely asked next."""
        with self._lock:
            listing = self._listings.get(_folder_of(name))
            digests: Mapping[str, str] = {} if listing is None else dict(listing.digests)
        names = list(digests)
        start = names.index(name) + 1 if name in digests else len(names)
        following = names[start : start + _CHUNK - 1]
        return [each for each in following if self._copy_of(each, digests[each]) is None]

    def _copy_of(self, name: str, digest: str) -> bytes | None:
        """Return the bytes of a copy; None where it is not the present document."""
        with suppress(StoreError):
            data = self._local.read(name)
            if data is not None and hashlib.sha256(data).hexdigest() == digest:
                return data
        return None

    @property
    def _is_kind(self) -> sa.ColumnElement[bool]:
        return shared_documents.c.kind == self._kind

    def _reading(self) -> AbstractContextManager[Connection]:
        return translate_errors(begin_reading(self._engine), self._engine)

    def _writing(self) -> AbstractContextManager[Connection]:
        # Without the lock that serialises purchases: no purchase waits for a record.
        return translate_errors(begin_writing(self._engine), self._engine)


def _folder_of(name: str) -> str:
    return name.partition("/")[0]


def _row(
    kind: str, name: str, data: bytes, *, is_flagged: bool, written_at: float
) -> dict[str, Any]:
    return {
        "kind": kind,
        "name": name,
        "folder": _folder_of(name),
        "digest": hashlib.sha256(data).hexdigest(),
        "flagged": is_flagged,
        "body": data,
        "written_at": written_at,
    }


def _upsert(engine: Engine, *, replaces: bool) -> "sa.sql.dml.Insert":
    """Return the statement that inserts rows, and replaces or keeps those that are there."""
    make = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    statement = make(shared_documents)
    keys = ["kind", "name"]
    if not replaces:
        return statement.on_conflict_do_nothing(index_elements=keys)
    others = ("folder", "digest", "flagged", "body", "written_at")
    new = {name: statement.excluded[name] for name in others}
    return statement.on_conflict_do_update(index_elements=keys, set_=new)
