"""Putting a set's pictures, thumbnails and contact sheets into its folder; knows no page."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.contact_sheet import (
    count_pictures,
    divide_sheets,
    draw_contact_sheet,
)
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.manifest.manifest import ALL_LOCALES, Picture
from nbp_dagster.studio.sets.gallery import Thumb, humanise
from nbp_dagster.studio.storage.files import write_atomically

INLINE_SETS = 120
"""Up to so many pictures the page carries its thumbnails; those of a larger set lie beside it."""

# Raised when equal pictures would make another contact sheet.
_SHEET_VERSION = 2


class SetError(NbpError):
    """A set that cannot be written as its manifest says."""


class StagedFiles(Protocol):
    """What is known of the files in a set's folder; see `inventory`."""

    def holds(self, name: str, source: str) -> bool:
        """Whether a file is there that need not be written."""
        ...

    def claim(self, name: str) -> None:
        """Be told that a file is about to be written."""
        ...

    def note(self, name: str, source: str) -> None:
        """Be told that a file was written, and what it was made of."""
        ...


@dataclass(frozen=True)
class Shown:
    """One cell of a contact sheet: its label, and the picture it shows.

    Attributes:
        label: Below the picture.
        sha256: Of the full picture.
        thumb: Its thumbnail: bytes, or where it lies in the folder.
    """

    label: str
    sha256: str
    thumb: Thumb


@dataclass(frozen=True)
class Overview:
    """One contact sheet of a set, before it is drawn.

    Attributes:
        file: Its name in the folder.
        title: Drawn above.
        note: Drawn below the title.
        places: Numbers of its pictures among those of the set.
    """

    file: str
    title: str
    note: str
    places: range

    def hash_of(self, shown: Sequence[Shown]) -> str:
        """Return what changes whenever the sheet would look another way."""
        cells = [(each.label, each.sha256) for each in shown]
        facts = [_SHEET_VERSION, self.title, self.note, cells]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True)
class SetFiles:
    """Where a set is put together: what is in its folder, and where the rest comes from.

    Attributes:
        folder: The set's.
        shelf: What is there already.
        rendition: Gives a picture's bytes, or the file that has them.
        kept_thumb: Gives a picture's thumbnail; None where it has to be drawn from the picture.
    """

    folder: Path
    shelf: StagedFiles
    rendition: Callable[[Picture], Path | bytes]
    kept_thumb: Callable[[Picture], bytes | None]

    def put(self, picture: Picture) -> None:
        """Have a picture's file in the folder.

        Raises:
            SetError: Its bytes are not those it is said to have.
            StoreError: The file cannot be written.
        """
        if self.shelf.holds(picture.file, picture.sha256):
            return
        data = _read(self.rendition(picture), digest=picture.sha256, what=picture.prompt_key)
        self.shelf.claim(picture.file)
        _keep(self.folder / picture.file, data, digest=picture.sha256)
        self.shelf.note(picture.file, picture.sha256)

    def put_thumb(self, picture: Picture) -> str:
        """Have a picture's thumbnail in the folder and return its path there."""
        file = thumb_file(picture)
        if not self.shelf.holds(file, picture.sha256):
            self.shelf.claim(file)
            write_atomically(self.folder / file, self.make_thumb(picture), sync=False)
            self.shelf.note(file, picture.sha256)
        return file

    def put_overview(self, overview: Overview, shown: Sequence[Shown]) -> None:
        """Have a contact sheet in the folder, drawn where it is not there as it should be."""
        source = overview.hash_of(shown)
        if self.shelf.holds(overview.file, source):
            return
        entries = [(each.label, self.read(each.thumb)) for each in shown]
        drawn = draw_contact_sheet(entries, overview.title, overview.note)
        self.shelf.claim(overview.file)
        write_atomically(self.folder / overview.file, drawn, sync=False)
        self.shelf.note(overview.file, source)

    def read(self, thumb: Thumb) -> bytes:
        """Return a thumbnail's bytes, from the folder where it has been put there."""
        return thumb if isinstance(thumb, bytes) else (self.folder / thumb).read_bytes()

    def make_thumb(self, picture: Picture) -> bytes:
        """Return a picture's thumbnail: the one that is kept, or else drawn from its file."""
        kept = self.kept_thumb(picture)
        if kept is not None:
            return kept
        data = (self.folder / picture.file).read_bytes()
        return thumbnail(decode_image(data, what=picture.file).image)


def plan_overviews(title: str, pictures: int) -> tuple[Overview, ...]:
    """Return the contact sheets of a set of so many pictures, at least one."""
    sheets = divide_sheets(pictures)
    return tuple(
        Overview(file, title, _note(pictures, number, places, len(sheets)), places)
        for number, (file, places) in enumerate(sheets.items(), start=1)
    )


def label_of(picture: Picture, channel_names: Mapping[str, str]) -> str:
    """Return what stands below a picture on a contact sheet."""
    parts = [humanise(picture.shot), channel_names[picture.channel]]
    if picture.locale != ALL_LOCALES:
        parts.append(picture.locale.upper())
    if picture.variant > 1:
        parts.append(f"v{picture.variant}")
    return " · ".join(parts)


def thumb_file(picture: Picture) -> str:
    """Return the path of a picture's thumbnail within the folder of a large set."""
    return f"thumbs/{picture.sha256}.jpg"


def _note(pictures: int, number: int, places: range, sheets: int) -> str:
    note = count_pictures(pictures)
    if sheets == 1:
        return note
    return f"{note}, {places.start + 1:,} to {places.stop:,} on sheet {number} of {sheets}"


def _read(source: Path | bytes, *, digest: str, what: str) -> bytes:
    if isinstance(source, Path) and not source.is_file():
        raise SetError(f"{what}: its picture {source} is not there; materialize it again")
    data = source.read_bytes() if isinstance(source, Path) else source
    seen = hashlib.sha256(data).hexdigest()
    if seen != digest:
        raise SetError(
            f"{what}: its picture has sha256 {seen}, the manifest says {digest}; "
            "materialize it again"
        )
    return data


def _keep(path: Path, data: bytes, *, digest: str) -> None:
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
        return
    write_atomically(path, data, sync=False)
