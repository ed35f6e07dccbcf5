"""Marks beside the store how far its ledger was, so that an older or other ledger is noticed."""

import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import (
    begin_reading,
    begin_serialised,
    begin_writing,
    location_of,
    translate_errors,
)
from nbp_dagster.studio.ledger.schema import identity, marked_stores, purchases
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import translate_errors as translate_errors_of_files
from nbp_dagster.studio.storage.files import write_atomically
from nbp_dagster.studio.storage.store_note import note_path, read_note, write_note
from nbp_dagster.studio.storage.url_folder import IMAGES, UrlFolder

logger = logging.getLogger(__name__)

T = TypeVar("T")

# Seconds between two marks of a run: what a killed run bought since the last is not marked.
_EVERY_SECONDS = 1.0
# Where each is two requests to a service.
_SHARED_EVERY_SECONDS = 15.0
_MARK = "ledger.json"


class LedgerBehind(NbpError):
    """The ledger lacks purchases that were made with this store: buying would pay them twice."""


@dataclass(frozen=True)
class Position:
    """How far a ledger is.

    Attributes:
        ledger_id: Which ledger.
        newest: Id of its newest purchase; 0 when there is none.
        fingerprint: That purchase's; empty when there is none.
    """

    ledger_id: str
    newest: int
    fingerprint: str


class LedgerMark:
    """The position of a ledger as this machine last knew it.

    Args:
        store: Folder of the image store, which holds the mark as `ledger.json`.
        engine: The ledger's database.
        clock: Paces the marks of a run.
        shared: The place that machines share, which then holds the mark; None for the folder.
    """

    def __init__(
        self, store: Path, engine: Engine, *, clock: Clock, shared: UrlFolder | None = None
    ) -> None:
        self._store = store
        self._shared = shared
        self._engine = engine
        self._clock = clock
        self._marked_at = 0.0
        self._is_own = False

    @property
    def _where(self) -> str:
        return str(self._store) if self._shared is None else self._shared.name

    def require_own_store(self) -> None:
        """Make sure that a shared store is this ledger's, whose it is from the first use on.

        Raises:
            LedgerBehind: It is another ledger's, or not the one that was used until now.
            StoreError: It can't be asked.
        """
        if self._shared is None or self._is_own:
            return
        marked, now = self._read(), self._position()
        if marked is None:
            if now.newest == 0 and self._holds_images():
                raise LedgerBehind(self._describe_empty())
            self.require_mark()
            self._write(now)
        else:
            self._require_own(marked, now)
        epoch = self._note_in_ledger()
        if read_note(self._store).epoch not in ("", epoch):
            # Somebody said elsewhere that the store is new: it lacks what this home had sent.
            _forget_here(StudioPaths(self._store.parent))
        write_note(self._store, marked=self._where, epoch=epoch)
        self._is_own = True

    def require_mark(self) -> None:
        """Make sure that a shared store has a mark, of whatever ledger, if it was in use before.

        Raises:
            LedgerBehind: It was, and has none.
            StoreError: It can't be asked.
        """
        if self._shared is None:
            return
        if lost := find_lost_mark(self._store, self._shared, self._engine):
            raise LedgerBehind(lost)

    def require_marked_store(self) -> None:
        """Make sure that a shared store with pictures is marked as this ledger's; marks none.

        Raises:
            LedgerBehind: It is another ledger's, or nothing says whose.
            StoreError: It can't be asked.
        """
        if self._shared is None:
            return
        marked = self._read()
        if marked is not None:
            self._require_own(marked, self._position())
            return
        self.require_mark()
        if self._holds_images():
            raise LedgerBehind(
                f"the store {self._where} holds pictures, and no mark says of which ledger; "
                "`nbp run` with the ledger that they were bought with marks it"
            )

    def _require_own(self, marked: Position, now: Position) -> None:
        if marked.ledger_id != now.ledger_id:
            raise LedgerBehind(
                f"the store {self._where} belongs to another ledger than "
                f"{location_of(self._engine)}: two ledgers with one store would remove each "
                "other's pictures and pay twice; give this one a NBP_STORE_URL of its own, or the "
                f"ledger of that store; where that ledger is lost, {_ADVICE}"
            )

    def require_current(self) -> None:
        """Make sure that the ledger is the marked one, and no older copy of it.

        Raises:
            LedgerBehind: It is another one, or lacks the newest purchase that was marked.
        """
        marked = self._read()
        now = self._position()
        where = location_of(self._engine)
        if marked is None:
            if now.newest == 0 and self._holds_images():
                raise LedgerBehind(self._describe_empty())
            return
        if marked.newest == 0:
            return
        if marked.ledger_id != now.ledger_id:
            raise LedgerBehind(
                f"the ledger {where} is not the one that the pictures in {self._where} were bought "
                f"with (it has {now.newest} purchases, that one had {marked.newest}): what was "
                f"paid would be paid again; {_ADVICE}"
            )
        if not self._knows(marked):
            raise LedgerBehind(
                f"the ledger {where} is an older copy: it ends at purchase {now.newest}, and "
                f"{marked.newest} were made on this machine; what is missing would be paid again; "
                f"{_ADVICE}"
            )

    def prepare(self) -> None:
        """Have a store be this ledger's before anything is kept in it that was not bought.

        A new ledger beside pictures without a mark would be taken for a lost one.

        Raises:
            LedgerBehind: A shared store is not this ledger's; see `require_own_store`.
            StoreError: It can't be asked, or written.
        """
        self.require_own_store()
        if self._read() is None and not self._holds_images():
            self._write(self._position())

    def is_of_another(self) -> bool:
        """Whether the pictures of this store were bought with another ledger."""
        marked = self._read()
        return marked is not None and marked.ledger_id != self._position().ledger_id

    def advance(self) -> None:
        """Write how far the ledger is now.

        Raises:
            LedgerBehind: A shared store has lost its mark meanwhile.
            StoreError: The store can't be written.
        """
        self._marked_at = self._clock.monotonic()
        position = self._position()
        marked = self._read()
        if marked is None:
            # A disk that went away during the run: nothing there may be taken for the store.
            self.require_mark()
        if (
            marked is None
            or marked.ledger_id != position.ledger_id
            or position.newest > marked.newest
        ):
            # Lost in a power cut, it is as old as the mark before.
            self._write(position, sync=False)

    def follow(self, batches: Iterator[T]) -> Iterator[T]:
        """Yield the batches of a run, and keep the mark up to date meanwhile.

        Raises:
            NbpError: As `advance`, but not over an error that ends the run: that one is told.
        """
        is_done = False
        try:
            for batch in batches:
                if self._clock.monotonic() - self._marked_at >= self._pause:
                    self.advance()
                yield batch
            is_done = True
        finally:
            close = getattr(batches, "close", None)
            if close is not None:
                close()
            try:
                self.advance()
            except NbpError as error:
                if is_done:
                    raise
                # The next run marks what this one bought: it looks at the ledger itself.
                logger.warning("the mark of the ledger stays as it was: %s", error)

    def reset(self) -> None:
        """Take the ledger as it is for the right one; for after it was rebuilt."""
        self._write(self._position())

    @property
    def _pause(self) -> float:
        return _EVERY_SECONDS if self._shared is None else _SHARED_EVERY_SECONDS

    def _describe_empty(self) -> str:
        return (
            f"the ledger {location_of(self._engine)} is empty, and the store {self._where} beside "
            f"it holds pictures: what was paid for them would be paid again; {_ADVICE}"
        )

    def _note_in_ledger(self) -> str:
        """Note for every home, those to come too, that the store has the mark; return its epoch."""
        known = _find_epoch(self._engine, self._where)
        if known:
            return known
        with translate_errors(begin_serialised(self._engine), self._engine) as connection:
            # Another machine may have come in meanwhile.
            found = connection.execute(_epoch_of(self._where)).scalar()
            if found is not None:
                return str(found)
            epoch = uuid4().hex
            connection.execute(marked_stores.insert().values(name=self._where, epoch=epoch))
        return epoch

    def _write(self, position: Position, *, sync: bool = True) -> None:
        data = json.dumps(asdict(position)).encode()
        if self._shared is None:
            write_atomically(self._store / _MARK, data, sync=sync)
        else:
            self._shared.replace(_MARK, data)

    def _position(self) -> Position:
        newest = sa.select(purchases.c.id, purchases.c.fingerprint)
        newest = newest.order_by(purchases.c.id.desc()).limit(1)
        with translate_errors(begin_reading(self._engine), self._engine) as connection:
            ledger_id = connection.execute(sa.select(identity.c.ledger_id)).scalar_one()
            row = connection.execute(newest).first()
        return Position(ledger_id, row.id if row else 0, row.fingerprint if row else "")

    def _knows(self, marked: Position) -> bool:
        query = sa.select(purchases.c.fingerprint).where(purchases.c.id == marked.newest)
        with translate_errors(begin_reading(self._engine), self._engine) as connection:
            return connection.execute(query).scalar() == marked.fingerprint

    def _read(self) -> Position | None:
        """Return the mark; None without one, or for one that can't be read: it is written anew."""
        try:
            data = (
                (self._store / _MARK).read_bytes()
                if self._shared is None
                else self._shared.read(_MARK)
            )
            return None if data is None else Position(**json.loads(data))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def _holds_images(self) -> bool:
        """Whether the store holds any file under the first two digits of its digest."""
        if self._shared is not None:
            return self._shared.has_any(IMAGES)
        return next(self._store.glob("[0-9a-f][0-9a-f]/*"), None) is not None


def find_lost_mark(store: Path, shared: UrlFolder, engine: Engine | None = None) -> str:
    """Return one line about a store that was in use before and has no mark; empty if it has.

    Args:
        store: The home's cache, which notes that the mark was seen.
        shared: The store.
        engine: The ledger's database, which notes it for homes that are new too; None where it is
            not open.

    Raises:
        StoreError: The store can't be asked.
        LedgerDatabaseError: The database can't be.
    """
    was_marked = read_note(store).marked == shared.name or (
        engine is not None and bool(_find_epoch(engine, shared.name))
    )
    # In this order: another process writes the mark first, and then the notes.
    if not was_marked or shared.look_at(_MARK) is not None:
        return ""
    return (
        f"the store {shared.name} has no {_MARK}, and was in use before: a disk that is not "
        "mounted, or another service under the same name? What is bought would be missing in the "
        "right one. Where it is the right one, emptied or new, `nbp ledger forget-store` here lets "
        "it in, and every machine then sends what it has"
    )


def forget_store(engine: Engine, paths: StudioPaths, shared: UrlFolder) -> None:
    """Have ledger and home know nothing of a store; nothing in it is touched.

    The home's next run marks it, and sends there what the home has; so does that of every other.

    Raises:
        StoreError: The home can't be written.
        LedgerDatabaseError: The database can't be used.
    """
    _forget_here(paths)
    with translate_errors(begin_writing(engine), engine) as connection:
        connection.execute(marked_stores.delete().where(marked_stores.c.name == shared.name))


def _forget_here(paths: StudioPaths) -> None:
    note = note_path(paths.store)
    with translate_errors_of_files(note):
        if paths.sharing.exists():
            shutil.rmtree(paths.sharing)
        note.unlink(missing_ok=True)


def _find_epoch(engine: Engine, name: str) -> str:
    """Return the epoch of a store; empty where it was not seen with the ledger's mark."""
    with translate_errors(begin_reading(engine), engine) as connection:
        return str(connection.execute(_epoch_of(name)).scalar() or "")


def _epoch_of(name: str) -> sa.Select[tuple[str]]:
    return sa.select(marked_stores.c.epoch).where(marked_stores.c.name == name)


_ADVICE = (
    "restore the newest copy of the ledger, or `nbp ledger rebuild`, which buys nothing and takes "
    "from records, store and service what it can find"
)
