"""Publishes editions: each set below a name of its own, then one pointer that says which it is.

Must not know: whether the files lie in a folder or in a bucket.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final, Literal, Protocol

from pydantic import ConfigDict, TypeAdapter, ValidationError

from nbp_dagster.studio.delivery.parcel import Parcel, ParcelFile
from nbp_dagster.studio.delivery.publish_target import Delivered, DeliveryError

POINTER: Final = "latest.json"
"""The pointer's name below a campaign."""
# Hex digits of an edition's name: 64 bits tell any number of sets apart.
_NAME_DIGITS: Final = 16
# Uploads at one time; small files wait for the network most of their time.
_WRITERS: Final = 8

_LOG = logging.getLogger(__name__)


class EditionStore(Protocol):
    """The few things that editions ask of the place that keeps them; paths are relative."""

    @property
    def name(self) -> str:
        """What people call it; holds no secret."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None when there is none."""
        ...

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """Return the bytes of every file below a prefix, by its path below that."""
        ...

    def write(self, path: str, source: Path) -> None:
        """Store a file; called by several threads."""
        ...

    def flush(self) -> None:
        """Return when all that was written outlives a power cut."""
        ...

    def replace(self, path: str, data: bytes) -> None:
        """Put bytes in the place of a file, so that readers find the old ones or all of these."""
        ...


@dataclass(frozen=True, kw_only=True)
class PointedFile:
    """A file of the edition."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """Which edition of a campaign is the published one.

    Attributes:
        campaign: The campaign's id.
        digest: Digest of the set, hex.
        path: The edition's folder, beside the pointer.
        published: When it was published first, with its time zone.
        files: Every file of the edition.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(strict=True, extra="forbid")

    schema_version: Literal[1] = 1
    campaign: str
    digest: str
    path: str
    published: datetime
    files: tuple[PointedFile, ...]


_ADAPTER: Final = TypeAdapter(Pointer)


class EditionTarget:
    """A folder or bucket of editions: `<campaign>/<edition>/...` and `<campaign>/latest.json`.

    Files of an edition are written below a name that is the set's digest, where nobody looks for
    them yet; the pointer is replaced last. An upload that was stopped is taken up again: a file
    that is there with its size is not sent twice.

    Args:
        store: Keeps the files.
        is_trial: Whether simulated pictures are taken.
        now: Returns the time, with its zone.
    """

    def __init__(
        self,
        store: EditionStore,
        *,
        is_trial: bool = False,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._is_trial = is_trial
        self._now = now

    @property
    def name(self) -> str:
        """Folder or URL."""
        return self._store.name

    @property
    def is_trial(self) -> bool:
        """Whether simulated pictures are taken."""
        return self._is_trial

    def read(self, campaign_id: str, file: str) -> bytes | None:
        """Return a file of the published edition; None without one."""
        pointer = self._read_pointer(campaign_id)
        return None if pointer is None else self._store.read(f"{campaign_id}/{pointer.path}/{file}")

    def deliver(self, parcel: Parcel) -> Delivered:
        """Publish a set; see `PublishTarget.deliver`.

        Raises:
            DeliveryError: The store can't be written; the pointer names the set it named.
        """
        edition = parcel.digest[:_NAME_DIGITS]
        prefix = f"{parcel.campaign}/{edition}"
        place = f"{self.name.rstrip('/')}/{prefix}"
        current = self._read_pointer(parcel.campaign)
        is_current = current is not None and current.digest == parcel.digest
        # Pages of one set differ from day to day: what is published is kept, not the newest.
        wanted = _wanted(current) if current is not None and is_current else _sizes_of(parcel)
        lacking = _differing(wanted, self._store.sizes(prefix))
        if is_current and not lacking:
            return Delivered(self.name, place, is_new=False)
        # Only pictures are fixed by the digest: a page of the same size may be another one.
        self._write(prefix, [file for file in parcel.files if file.is_page or file.path in lacking])
        self._store.flush()
        self._require_whole(prefix, parcel)
        pointer = Pointer(
            campaign=parcel.campaign,
            digest=parcel.digest,
            path=edition,
            published=self._now(),
            files=tuple(_point_at(file) for file in parcel.files),
        )
        data = _ADAPTER.dump_json(pointer, indent=2) + b"\n"
        self._store.replace(f"{parcel.campaign}/{POINTER}", data)
        _LOG.info("%s: %d files, now %s", self.name, len(parcel.files), place)
        return Delivered(self.name, place, is_new=True)

    def _write(self, prefix: str, files: Iterable[ParcelFile]) -> None:
        def write(file: ParcelFile) -> None:
            self._store.write(f"{prefix}/{file.path}", file.source)

        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(write, files))

    def _require_whole(self, prefix: str, parcel: Parcel) -> None:
        lacking = _differing(_sizes_of(parcel), self._store.sizes(prefix))
        if lacking:
            raise DeliveryError(
                f"{self.name}: {len(lacking)} files of {prefix} are not there with their size "
                f"after they were written ({', '.join(lacking[:5])}); publish again"
            )

    def _read_pointer(self, campaign_id: str) -> Pointer | None:
        path = f"{campaign_id}/{POINTER}"
        data = self._store.read(path)
        if data is None:
            return None
        try:
            return _ADAPTER.validate_json(data)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the document"
            raise DeliveryError(
                f"{self.name}/{path}: {where}: {first['msg']}, saw {str(first['input'])[:80]!r}; "
                "another program wrote it: remove it, or publish elsewhere"
            ) from error


def _sizes_of(parcel: Parcel) -> Mapping[str, int]:
    return {file.path: file.size for file in parcel.files}


def _wanted(pointer: Pointer) -> Mapping[str, int]:
    return {file.path: file.bytes for file in pointer.files}


def _differing(wanted: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    return [path for path, size in wanted.items() if found.get(path) != size]


def _point_at(file: ParcelFile) -> PointedFile:
    return PointedFile(path=file.path, bytes=file.size, sha256=file.sha256)
