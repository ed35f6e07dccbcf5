"""Finds what nothing needs in a store and a home, and removes it; safe beside runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import Engine

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.ledger_mark import LedgerBehind, LedgerMark
from nbp_dagster.studio.retention.home_leftovers import Leftover, find_leftovers
from nbp_dagster.studio.retention.needed_files import NeededFiles, find_needed_files
from nbp_dagster.studio.retention.store_leftovers import StoreLeftover, find_store_leftovers
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import hold_lock
from nbp_dagster.studio.storage.image_store import PrunableStore, StoredFile
from nbp_dagster.studio.storage.url_folder import UrlFolder

LEAST_AGE_SECONDS: Final = 86_400.0
"""A file is put, and named by a record, within one run: younger ones may be of a living one."""

ORIGINALS: Final = "originals"
# Originals that are removed by one look at what is needed: a look takes seconds.
_LOOKED_AT_ONCE: Final = 200


class RetentionError(NbpError):
    """It can't be told what is needed, so nothing is removed."""


@dataclass(frozen=True)
class Amount:
    """Files of one kind: how many, and their bytes."""

    files: int = 0
    size: int = 0

    def with_file(self, size: int) -> "Amount":
        """Return the amount with one file more."""
        return Amount(self.files + 1, self.size + size)


@dataclass(frozen=True)
class Sweep:
    """What a store and a home hold that nothing needs.

    Attributes:
        before: Files used since are left alone; seconds since the epoch.
        stored: Everything in the store.
        unneeded: Files of the store to remove, by kind.
        kept_originals: Paid originals that nothing needs, and that stay all the same.
        leftovers: Other files of the home, and half files of a shared store, to remove.
    """

    before: float
    stored: Amount
    unneeded: Mapping[str, tuple[StoredFile, ...]]
    kept_originals: Amount
    leftovers: tuple[Leftover | StoreLeftover, ...]

    @property
    def amounts(self) -> dict[str, Amount]:
        """What is to be removed, by kind."""
        found = {kind: _amount_of(files) for kind, files in self.unneeded.items()}
        for each in self.leftovers:
            found[each.kind] = found.get(each.kind, Amount()).with_file(each.size)
        return found


@dataclass(frozen=True)
class Keeping:
    """Where files are kept, and what says which are needed.

    Attributes:
        store: The store.
        paths: The home.
        database: The ledger.
        dagster_folder: Dagster's home where it is of this home alone; None leaves its logs.
        clock: Tells the time.
        shared: The place that machines share, where the store is there.
    """

    store: PrunableStore
    paths: StudioPaths
    database: Engine
    dagster_folder: Path | None
    clock: Clock
    shared: UrlFolder | None = None

    def plan(self, *, age: float, originals: bool) -> Sweep:
        """Return what can be removed; removes nothing.

        Args:
            age: Seconds since a file was last used; `LEAST_AGE_SECONDS` at least.
            originals: Whether paid originals go too that no record, set, approval or edit uses.

        Raises:
            RetentionError: The ledger is not the store's own, or the age is too small.
            LedgerDatabaseError: The ledger can't be read.
            StoreError: Store or home can't be read.
        """
        if age < LEAST_AGE_SECONDS:
            raise RetentionError(
                f"files of the last {age:.0f} s may be of a run that is at work; give 1d or more"
            )
        self._require_own_ledger()
        before = self.clock.now() - age
        # Before what refers to them is read: what is put since is no candidate.
        files = list(self.store.list_files())
        needed = find_needed_files(self.database, self.paths)
        unneeded: dict[str, list[StoredFile]] = {}
        kept = Amount()
        for file in files:
            kind = _judge(file, needed, before)
            if kind == ORIGINALS and not originals:
                kept = kept.with_file(file.size)
            elif kind is not None:
                unneeded.setdefault(kind, []).append(file)
        of_home = find_leftovers(self.paths, before=before, dagster_folder=self.dagster_folder)
        of_store = find_store_leftovers(self.shared, before=before)
        return Sweep(
            before=before,
            stored=_amount_of(files),
            unneeded={kind: tuple(rows) for kind, rows in sorted(unneeded.items())},
            kept_originals=kept,
            leftovers=(*of_home, *of_store),
        )

    def sweep(self, *, age: float, originals: bool) -> tuple[Sweep, Mapping[str, Amount]]:
        """Remove what `plan` finds now; return that, and what was removed, by kind.

        Raises:
            NbpError: As `plan`; and the store can't be written. What is gone then is what nothing
                needs.
        """
        with hold_lock(self.paths.home / ".gc.lock"):
            found = self.plan(age=age, originals=originals)
            removed: dict[str, Amount] = {}
            for kind, size in self._remove(found):
                removed[kind] = removed.get(kind, Amount()).with_file(size)
            return found, removed

    def _remove(self, found: Sweep) -> Iterator[tuple[str, int]]:
        for kind, files in found.unneeded.items():
            for file in self._unneeded_still(files) if kind == ORIGINALS else files:
                if self.store.remove(file.digest, unused_since=found.before):
                    yield kind, file.size
        for each in found.leftovers:
            if each.remove(before=found.before):
                yield each.kind, each.size

    def _unneeded_still(self, files: Sequence[StoredFile]) -> Iterator[StoredFile]:
        """Yield paid originals that nothing needs now either: what is gone may be paid again.

        A brief that is edited back uses an old original again, and another machine's store is not
        told so by a time.
        """
        for start in range(0, len(files), _LOOKED_AT_ONCE):
            needed = find_needed_files(self.database, self.paths).needed
            chunk = files[start : start + _LOOKED_AT_ONCE]
            yield from (file for file in chunk if file.digest not in needed)

    def _require_own_ledger(self) -> None:
        """Make sure that the ledger knows what was bought: another one names nothing as needed."""
        try:
            mark = LedgerMark(self.paths.store, self.database, clock=self.clock, shared=self.shared)
            # Which claims nothing: a look must not give a store to the ledger that looks.
            mark.require_marked_store()
            mark.require_current()
        except LedgerBehind as error:
            raise RetentionError(f"nothing is removed: {error}") from error


def _judge(file: StoredFile, needed: NeededFiles, before: float) -> str | None:
    """Return the kind of a file that nothing needs; None for any other."""
    if file.used_at >= before or file.digest in needed.needed:
        return None
    if file.digest in needed.originals:
        return ORIGINALS
    if file.digest in needed.renditions:
        return "renditions"
    if needed.oldest_open is not None and file.used_at >= needed.oldest_open:
        # A run that was killed keeps a picture before its purchase says so.
        return None
    return "thumbnails and the like"


def _amount_of(files: "list[StoredFile] | tuple[StoredFile, ...]") -> Amount:
    return Amount(len(files), sum(file.size for file in files))


def to_json(found: Sweep, removed: Mapping[str, Amount] | None) -> dict[str, Any]:
    """Return plain values: what is stored, what nothing needs, and what was removed, if it was."""
    return {
        "stored": vars(found.stored),
        "unneeded": {kind: vars(amount) for kind, amount in found.amounts.items()},
        "kept_originals": vars(found.kept_originals),
        "removed": None
        if removed is None
        else {kind: vars(amount) for kind, amount in removed.items()},
    }
