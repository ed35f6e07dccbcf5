"""The pages of a set as one archive: all of its files but the pictures, which the store has."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nbp_dagster.studio.manifest.manifest import SetManifest, from_json
from nbp_dagster.studio.manifest.manifest_file import MANIFEST
from nbp_dagster.studio.sets.index_page import CARD
from nbp_dagster.studio.sets.set_writer import list_files
from nbp_dagster.studio.storage.files import IncomingFile, StoreError, write_atomically

# Equal pages are equal bytes, whenever they were packed.
_ANY_TIME: Final = (1980, 1, 1, 0, 0, 0)
_PACKED: Final = frozenset({".jpg", ".png", ".webp", ".avif"})


class _Sink(io.RawIOBase):
    """An incoming file as what a zip is written to, from beginning to end."""

    def __init__(self, incoming: IncomingFile) -> None:
        self._incoming = incoming

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]  # any buffer
        self._incoming.write(piece)
        return len(piece)


def list_pages(manifest: SetManifest) -> tuple[str, ...]:
    """Return the files of a set beside its pictures, as paths within its folder."""
    pictures = {picture.file for picture in manifest.pictures}
    return tuple(name for name in (*list_files(manifest), CARD) if name not in pictures)


def pack_pages(folder: Path, manifest: SetManifest, incoming: IncomingFile) -> None:
    """Write the pages of a set into a file.

    Raises:
        StoreError: One can't be read, or the file can't be written.
    """
    with zipfile.ZipFile(_Sink(incoming), "w") as archive:
        for name in list_pages(manifest):
            info = zipfile.ZipInfo(name, _ANY_TIME)
            is_packed = Path(name).suffix in _PACKED
            info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
            try:
                data = (folder / name).read_bytes()
            except OSError as error:
                raise StoreError(
                    f"{folder / name} can't be read ({error.strerror}); make the set again"
                ) from error
            archive.writestr(info, data)


class SetPages:
    """An archive of pages, opened.

    Args:
        path: The archive.

    Raises:
        StoreError: It is no archive of a set.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
            text = self._archive.read(MANIFEST).decode("utf-8", "replace")
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"{path} holds no pages of a set ({error}); remove it and try again"
            ) from error
        self.manifest = from_json(text, what=f"the manifest in {path}")

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def unpack(self, folder: Path) -> None:
        """Write the pages into a folder, the manifest last; no other file of it is touched.

        Raises:
            StoreError: A page can't be read or written.
        """
        for name, data in self._read_all():
            write_atomically(folder / name, data, sync=False)

    def _read_all(self) -> Iterator[tuple[str, bytes]]:
        # Only names that a set of this manifest has, so that none leads out of the folder.
        names = [name for name in list_pages(self.manifest) if name not in (MANIFEST, CARD)]
        for name in (*names, MANIFEST, CARD):
            try:
                yield name, self._archive.read(name)
            except (OSError, KeyError, zipfile.BadZipFile) as error:
                raise StoreError(f"{self._path} lacks {name} ({error})") from error
