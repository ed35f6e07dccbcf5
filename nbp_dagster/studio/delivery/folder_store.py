"""Keeps editions in a folder of this machine, or of a disk that it mounts."""

import os
from collections.abc import Mapping
from pathlib import Path

from nbp_dagster.studio.delivery.publish_target import DeliveryError
from nbp_dagster.studio.storage.files import StoreError, sync_disk, write_atomically


class FolderStore:
    """A folder; it is made when the first file is written.

    Args:
        root: The folder, absolute.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        """The folder's path."""
        return str(self._root)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None when there is none."""
        try:
            return (self._root / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._failure("read", path, error) from error

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """Return the bytes of every file below a prefix, by its path below that."""
        top, found = self._root / prefix, {}
        try:
            for folder, _, names in os.walk(top):
                for name in names:
                    path = Path(folder, name)
                    found[path.relative_to(top).as_posix()] = path.stat().st_size
        except OSError as error:
            raise self._failure("read", prefix, error) from error
        return found

    def write(self, path: str, source: Path) -> None:
        """Copy a file, whole or not at all."""
        try:
            data = source.read_bytes()
        except OSError as error:
            raise DeliveryError(
                f"{source} can't be read ({error.strerror}): materialize campaign_sets again"
            ) from error
        self._put(path, data, sync=False)

    def flush(self) -> None:
        """Flush the folder's disk."""
        try:
            sync_disk(self._root)
        except StoreError as error:
            raise self._failure("flush the disk for", "files", error.__cause__) from error

    def replace(self, path: str, data: bytes) -> None:
        """Put bytes in the place of a file by fsync and rename."""
        self._put(path, data, sync=True)
        self.flush()

    def _put(self, path: str, data: bytes, *, sync: bool) -> None:
        try:
            write_atomically(self._root / path, data, sync=sync)
        except StoreError as error:
            raise self._failure("write", path, error.__cause__) from error

    def _failure(self, verb: str, path: str, error: BaseException | None) -> DeliveryError:
        words = error.strerror if isinstance(error, OSError) else None
        return DeliveryError(
            f"cannot {verb} {path} of {self.name}: {words or 'the disk refused it'}; "
            "check that the folder is there and may be written"
        )
