"""Files behind a URL: S3, Google Cloud Storage, Azure, a shared folder, or what else fsspec knows.

Keys and endpoints come from each service's own variables and files; none pass through here.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import redact
from nbp_dagster.studio.storage.files import StoreError, write_atomically

T = TypeVar("T")

EXTRAS: Final[Mapping[str, str]] = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
}
"""Extra that brings the driver, by protocol."""

IMAGES: Final = "images"
"""Folder of image bytes below the URL of a store that machines share."""

# A file of these appears at once when its last byte is there; elsewhere it is moved into place.
_OBJECT_STORES: Final = frozenset({*EXTRAS, "memory"})
_S3: Final = frozenset({"s3", "s3a"})
_LOCAL: Final = frozenset({"file", "local"})
# What drivers call the time of a file's last write, of all files that never change.
_TIMES: Final = ("LastModified", "last_modified", "updated", "mtime", "created")

# The user part before the host, and what follows a question mark. Azure's drivers have the
# container before the account's host, so there only what a colon begins is secret.
_SECRET_PARTS: Final = re.compile(r"(?<=://)[^/?#]*@|[?#].*", re.DOTALL)
_AZURE_SECRET_PARTS: Final = re.compile(r":[^/?#]*(?=@)|[?#].*", re.DOTALL)

# What no second attempt changes; errors of our own are of a disk that is full or read-only.
_LASTING: Final = (
    NbpError,
    ImportError,
    FileNotFoundError,
    NotADirectoryError,
    PermissionError,
    ValueError,
    NotImplementedError,
)
# Seconds before the second attempt; three times as long before each further one.
_FIRST_PAUSE: Final = 0.5


def is_azure(protocol: str) -> bool:
    """Whether URLs of a protocol may name a container before the @: `abfs://box@account/...`."""
    return EXTRAS.get(protocol) == "azure"


@dataclass(frozen=True)
class UrlFile:
    """What a listing says of a file.

    Attributes:
        size: Bytes.
        written_at: When it was written, by the service's clock, in seconds since the epoch; None
            where the service does not say it.
        stamp: Changes whenever the file does.
    """

    size: int
    written_at: float | None
    stamp: str

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Self:
        """Return what a driver's facts say; each has names of its own, and types."""
        times = (_to_seconds(facts[name]) for name in _TIMES if name in facts)
        written_at = next((found for found in times if found is not None), None)
        stamp = repr(sorted((name, repr(value)) for name, value in facts.items()))
        return cls(int(facts["size"]), written_at, stamp)


class UrlFolder:
    """A folder behind a URL, opened when it is first used; safe to use from several threads.

    Args:
        url: Such as `s3://acme-pictures/nbp`; nothing is made that it names but files.
        failure: The error that is raised, whatever the driver raises.
        attempts: How often a request that fails in passing is made, beside the driver's own.
        pause: Waits between two attempts, for a number of seconds.

    Example:
        >>> UrlFolder("s3://acme-pictures/nbp").read("sets/spring.json")
    """

    def __init__(
        self,
        url: str,
        *,
        failure: type[NbpError] = StoreError,
        attempts: int = 1,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._protocol = url.partition("://")[0].lower()
        self._failure = failure
        self._attempts = attempts
        self._pause = pause
        self._opened: tuple[Any, str] | None = None

    @property
    def name(self) -> str:
        """The URL without user, password and query."""
        return self._secret_parts.sub("", self._url)

    @property
    def _secret_parts(self) -> re.Pattern[str]:
        return _AZURE_SECRET_PARTS if is_azure(self._protocol) else _SECRET_PARTS

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None when there is none."""

        def read(files: Any, root: str) -> bytes | None:
            # Else the driver of S3 asks for the size first: two requests instead of one.
            options = {"max_concurrency": 1} if self._protocol in _S3 else {}
            try:
                return bytes(files.cat_file(f"{root}/{path}", **options))
            except FileNotFoundError:
                # So is a bucket that is not there, which the first write tells.
                return None

        return self._ask("read", path, read)

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """Return the bytes of every file below a prefix, by its path below that."""
        return {path: file.size for path, file in self.list_files(prefix).items()}

    @property
    def writes_beside(self) -> bool:
        """Whether a file is written beside its place, where a killed process leaves it half."""
        return self._protocol not in _OBJECT_STORES

    def list_files(self, prefix: str, *, depth: int | None = None) -> Mapping[str, UrlFile]:
        """Return every file below a prefix, by its path below that.

        Args:
            prefix: A folder; empty for all there is.
            depth: How many levels of folders are looked into; all of them where it is None.
        """

        def find(files: Any, root: str) -> Mapping[str, UrlFile]:
            files.invalidate_cache()
            top = f"{root}/{prefix}"
            # Not every driver knows the option.
            options = {} if depth is None else {"maxdepth": depth}
            try:
                found = files.find(top, detail=True, **options)
            except FileNotFoundError:
                return {}
            cut = len(files._strip_protocol(top).rstrip("/")) + 1
            return {path[cut:]: UrlFile.of(facts) for path, facts in found.items()}

        return self._ask("list", prefix, find)

    def look_at(self, path: str) -> UrlFile | None:
        """Return what is known of a file; None when there is none."""

        def look(files: Any, root: str) -> UrlFile | None:
            try:
                return UrlFile.of(files.info(f"{root}/{path}"))
            except FileNotFoundError:
                return None

        return self._ask("read", path, look)

    def has_any(self, prefix: str) -> bool:
        """Return whether there is anything below a prefix; asks for its first level alone."""

        def look(files: Any, root: str) -> bool:
            files.invalidate_cache()
            try:
                return bool(files.ls(f"{root}/{prefix}", detail=False))
            except FileNotFoundError:
                return False

        return self._ask("list", prefix, look)

    def write(self, path: str, source: Path) -> None:
        """Upload a file, whole or not at all; in parts where it is large."""

        def write(files: Any, root: str) -> None:
            target = f"{root}/{path}"
            if self._protocol in _LOCAL:
                write_atomically(Path(target), source.read_bytes())
            elif self._protocol in _OBJECT_STORES:
                files.put_file(str(source), target)
            else:
                _move_into_place(files, target, lambda beside: files.put_file(str(source), beside))

        self._ask("write", path, write)

    def flush(self) -> None:
        """Do nothing: what such a service has answered to is kept."""

    def replace(self, path: str, data: bytes) -> None:
        """Put bytes in the place of a file, in one request or by a move."""

        def replace(files: Any, root: str) -> None:
            target = f"{root}/{path}"
            if self._protocol in _LOCAL:
                write_atomically(Path(target), data)
            elif self._protocol in _OBJECT_STORES:
                files.pipe_file(target, data)
            else:
                _move_into_place(files, target, lambda beside: files.pipe_file(beside, data))

        self._ask("write", path, replace)

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is as it should be."""

        def remove(files: Any, root: str) -> None:
            try:
                files.rm_file(f"{root}/{path}")
            except FileNotFoundError:
                return

        self._ask("remove", path, remove)

    def _ask(self, verb: str, path: str, request: Callable[[Any, str], T]) -> T:
        """Return the answer to a request, which is made again where it fails in passing."""
        with self._told(verb, path):
            for attempt in range(self._attempts - 1):
                try:
                    return request(*self._open())
                except _LASTING:
                    raise
                except Exception:  # noqa: BLE001  # each driver has its own errors
                    self._pause(_FIRST_PAUSE * 3**attempt)
            return request(*self._open())

    def _open(self) -> tuple[Any, str]:
        if self._opened is None:
            # 60 ms that only those pay who have a URL.
            from fsspec.core import url_to_fs

            self._opened = url_to_fs(self._url, use_listings_cache=False)
        return self._opened

    @contextmanager
    def _told(self, verb: str, path: str) -> Iterator[None]:
        """Translate whatever a driver raises: each has its own errors, and most are no OSError.

        A driver's own error is no cause of it: Dagster stores causes, and logs print them, with
        every key that the driver's words hold.
        """
        try:
            yield
        except ImportError:
            raise self._failure(self._missing_driver()) from None
        except Exception as error:  # noqa: BLE001  # translated
            # Our own errors, and those of an address, are told in words; others by class as well.
            kind = "" if isinstance(error, NbpError | ValueError) else type(error).__name__
            words = ": ".join(part for part in (kind, str(error)) if part) or type(error).__name__
            raise self._failure(
                f"cannot {verb} {path} of {self.name}: {self._redact(words)}; check the "
                "address, and the key and endpoint that the service's own variables or files give"
            ) from None

    def _redact(self, words: str) -> str:
        """Return an error's words as one line, without what the name leaves out of the URL."""
        hidden = (part.strip("@?#:") for part in self._secret_parts.findall(self._url))
        pieces = (piece for part in hidden for piece in (part, part.rpartition(":")[2]) if piece)
        return redact(words, secrets=tuple(pieces))

    def _missing_driver(self) -> str:
        extra = EXTRAS.get(self._protocol)
        remedy = f"install nbp-dagster[{extra}]" if extra else "install the fsspec driver for it"
        return f"{self.name}: nothing here can open {self._protocol}:// addresses; {remedy}"


def _to_seconds(time_of_file: object) -> float | None:
    """Return a driver's time in seconds since the epoch; None for what is no time."""
    if isinstance(time_of_file, str):
        try:
            time_of_file = datetime.fromisoformat(time_of_file)
        except ValueError:
            return None
    if isinstance(time_of_file, datetime):
        zoned = time_of_file if time_of_file.tzinfo else time_of_file.replace(tzinfo=UTC)
        return zoned.timestamp()
    return float(time_of_file) if isinstance(time_of_file, int | float) else None


def _move_into_place(files: Any, target: str, write: Callable[[str], object]) -> None:
    """Write a file beside its place, then move it there."""
    files.makedirs(target.rpartition("/")[0], exist_ok=True)
    beside = f"{target}.{secrets.token_hex(4)}"
    write(beside)
    files.mv(beside, target)
