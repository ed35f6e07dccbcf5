"""Small documents by name, kept in a folder; a room further out keeps them where machines share.

Must not know: what a document says.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.studio.storage.files import (
    StoreError,
    stamp_of,
    translate_errors,
    write_atomically,
)

_FLAGS = ".falling_short"


@dataclass(frozen=True)
class Document:
    """A document as it was found.

    Attributes:
        stamp: Another one means other bytes.
        read: Returns the bytes; None where it is gone meanwhile.
    """

    stamp: Hashable
    read: Callable[[], bytes | None]


class Documents(ABC):
    """Documents of one kind; a name may have slashes. Safe from several threads.

    Example:
        >>> documents = DocumentFolder(home / "records", suffix=".json")
        >>> documents.write("spring/kitchen/en/1x1/v1", b"{}")
        >>> documents.read("spring/kitchen/en/1x1/v1")
        b'{}'
    """

    @abstractmethod
    def path(self, name: str) -> Path:
        """Return the file of this machine that holds a document, or would."""

    @abstractmethod
    def find(self, name: str) -> Document | None:
        """Return a document without its bytes; None where there is none."""

    @abstractmethod
    def write(self, name: str, data: bytes, *, is_flagged: bool = False) -> None:
        """Write a document in place of the one before, and flag it or take its flag away.

        Raises:
            StoreError: The folder can't be written.
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a document, if it is there.

        Raises:
            StoreError: The folder can't be written.
        """

    @abstractmethod
    def list_names(self) -> tuple[str, ...]:
        """Return the name of every document, sorted."""

    @abstractmethod
    def list_flagged(self) -> tuple[str, ...]:
        """Return the names of the flagged documents, sorted, without a look at the others."""

    @abstractmethod
    def written_at(self, name: str) -> float:
        """Return when a document was written (seconds since the epoch); 0 where there is none."""

    def refresh(self) -> None:  # noqa: B027  # a folder has nothing to forget
        """Forget what is remembered of other machines: what is found next is there now."""

    def read(self, name: str) -> bytes | None:
        """Return the bytes of a document; None where there is none.

        Raises:
            StoreError: The file can't be read.
        """
        found = self.find(name)
        return None if found is None else found.read()


class DocumentFolder(Documents):
    """Documents as files `<root>/<name><suffix>`.

    A file of `<root>/.falling_short` stands for each flag.

    Args:
        root: Made with the first document.
        suffix: Ends the name of each file.
        sync: Whether a document must survive a power cut once it is written; not one that is
            made again where it is missing.
        is_private: Whether only this user may read the folder.
    """

    def __init__(
        self, root: Path, *, suffix: str = ".json", sync: bool = False, is_private: bool = False
    ) -> None:
        self._root = root
        self._suffix = suffix
        self._sync = sync
        self._private_in = root if is_private else None

    def path(self, name: str) -> Path:
        """Return the file of a document."""
        return self._root / f"{name}{self._suffix}"

    def find(self, name: str) -> Document | None:
        """Return a document by the stamp of its file."""
        path = self.path(name)
        stamp = stamp_of(path)
        return None if stamp is None else Document(stamp, lambda: _read(path))

    def write(self, name: str, data: bytes, *, is_flagged: bool = False) -> None:
        """Write a document atomically, then its flag."""
        path, private_in = self.path(name), self._private_in
        write_atomically(path, data, sync=self._sync, private_in=private_in)
        flag = self._flag(name)
        if is_flagged:
            write_atomically(flag, name.encode(), sync=False, private_in=private_in)
        else:
            _remove(flag)

    def remove(self, name: str) -> None:
        """Remove a document and its flag."""
        _remove(self._flag(name))
        _remove(self.path(name))

    def list_names(self) -> tuple[str, ...]:
        """Return the name of every file that is no hidden one."""
        return tuple(sorted(self._list_names()))

    def list_flagged(self) -> tuple[str, ...]:
        """Return what the files of the flags say."""
        names = []
        for flag in (self._root / _FLAGS).glob("*"):
            # Another run may take it away meanwhile.
            with suppress(OSError, UnicodeDecodeError):
                names.append(flag.read_text("utf-8"))
        return tuple(sorted(names))

    def written_at(self, name: str) -> float:
        """Return the time of a document's file."""
        try:
            return self.path(name).stat().st_mtime
        except OSError:
            return 0.0

    def _list_names(self) -> Iterator[str]:
        for path in self._root.rglob(f"*{self._suffix}"):
            parts = path.relative_to(self._root).parts
            if not any(part.startswith(".") for part in parts) and path.is_file():
                yield "/".join(parts).removesuffix(self._suffix)

    def _flag(self, name: str) -> Path:
        # A name is longer than a file's may be.
        return self._root / _FLAGS / hashlib.sha256(name.encode()).hexdigest()


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from error


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError, NotADirectoryError), translate_errors(path):
        path.unlink(missing_ok=True)
