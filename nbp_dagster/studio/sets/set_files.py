"""Writes a set's pictures, thumbnails and contact sheets into its folder; knows no page."""

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
from nbp_dagster.studio.manifest.value_types import LogoFacts
from nbp_dagster.studio.sets.gallery import Thumb
from nbp_dagster.studio.sets.html_templates import humanise
from nbp_dagster.studio.storage.files import write_atomically

INLINE_SETS = 120
"""Most pictures of a set whose page holds its thumbnails inline; a larger set has files of them."""

# Raised when equal pictures would give a different contact sheet.
_SHEET_VERSION = 2


class SetError(NbpError):
    """A set that cannot be written as its manifest describes it."""


class StagedFiles(Protocol):
    """What is known of the files in a set's folder; see `staged_index`."""

    def holds(self, name: str, source: str) -> bool:
        """Whether a file is there that need not be written."""
        ...

    def claim(self, name: str) -> None:
        """Record that a file is about to be written."""
        ...

    def note(self, name: str, source: str) -> None:
        """Record that a file was written, and what it was made of."""
        ...


@dataclass(frozen=True)
class Cell:
    """One cell of a contact sheet: its label, and the picture it shows.

    Attributes:
        label: Drawn below the picture.
        sha256: Digest of the full picture.
        thumb: Its thumbnail: bytes, or a path within the folder.
    """

    label: str
    sha256: str
    thumb: Thumb


@dataclass(frozen=True)
class ContactSheet:
    """One contact sheet of a set, before it is drawn.

    Attributes:
        file: Its name in the folder.
        title: Drawn at the top.
        note: Drawn below the title.
        places: Positions of its pictures among those of the set.
    """

    file: str
    title: str
    note: str
    places: range

    def hash_of(self, cells: Sequence[Cell]) -> str:
        """Return a hash that changes whenever the sheet would look different."""
        rows = [(each.label, each.sha256) for each in cells]
        facts = [_SHEET_VERSION, self.title, self.note, rows]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


@dataclass(frozen=True)
class SetFiles:
    """Writes the files of one set that are not in its folder yet.

    Attributes:
        folder: The set's folder.
        staged: What is in the folder already.
        rendition: Gives a picture's bytes, or the file that has them.
        kept_thumb: Gives a picture's thumbnail; None where it has to be drawn from the picture.
    """

    folder: Path
    staged: StagedFiles
    rendition: Callable[[Picture], Path | bytes]
    kept_thumb: Callable[[Picture], bytes | None]

    def write(self, picture: Picture) -> None:
        """Write a picture's file, if it is not there.

        Raises:
            SetError: Its bytes do not have the digest in the manifest.
            StoreError: The file cannot be written.
        """
        if self.staged.holds(picture.file, picture.sha256):
            return
        data = _read(self.rendition(picture), digest=picture.sha256, what=picture.prompt_key)
        self.staged.claim(picture.file)
        _keep(self.folder / picture.file, data, digest=picture.sha256)
        self.staged.note(picture.file, picture.sha256)

    def write_logo(self, logo: LogoFacts, data: Path | bytes) -> None:
        """Write a logo file, if it is not there; see `write`."""
        if not self.staged.holds(logo.file, logo.sha256):
            found = _read(data, digest=logo.sha256, what=logo.file)
            _keep(self.folder / logo.file, found, digest=logo.sha256)
            self.staged.note(logo.file, logo.sha256)

    def write_thumb(self, picture: Picture) -> str:
        """Write a picture's thumbnail, if it is not there; return its path within the folder."""
        file = thumb_file(picture)
        if not self.staged.holds(file, picture.sha256):
            self.staged.claim(file)
            write_atomically(self.folder / file, self.make_thumb(picture), sync=False)
            self.staged.note(file, picture.sha256)
        return file

    def write_contact_sheet(self, sheet: ContactSheet, cells: Sequence[Cell]) -> None:
        """Draw and write a contact sheet, if an equal one is not there."""
        source = sheet.hash_of(cells)
        if self.staged.holds(sheet.file, source):
            return
        entries = [(each.label, self.read(each.thumb)) for each in cells]
        drawn = draw_contact_sheet(entries, sheet.title, sheet.note)
        self.staged.claim(sheet.file)
        write_atomically(self.folder / sheet.file, drawn, sync=False)
        self.staged.note(sheet.file, source)

    def read(self, thumb: Thumb) -> bytes:
        """Return a thumbnail's bytes, read from the folder where it is a path."""
        return thumb if isinstance(thumb, bytes) else (self.folder / thumb).read_bytes()

    def make_thumb(self, picture: Picture) -> bytes:
        """Return a picture's thumbnail: the kept one, or else one drawn from its file."""
        kept = self.kept_thumb(picture)
        if kept is not None:
            return kept
        data = (self.folder / picture.file).read_bytes()
        return thumbnail(decode_image(data, what=picture.file).image)


def plan_contact_sheets(title: str, pictures: int) -> tuple[ContactSheet, ...]:
    """Return the contact sheets of a set with a number of pictures, at least one."""
    sheets = divide_sheets(pictures)
    return tuple(
        ContactSheet(file, title, _note(pictures, number, places, len(sheets)), places)
        for number, (file, places) in enumerate(sheets.items(), start=1)
    )


def label_of(picture: Picture, channel_names: Mapping[str, str]) -> str:
    """Return the label below a picture on a contact sheet."""
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
            f"{what}: its picture has sha256 {seen}, the manifest names {digest}; "
            "materialize it again"
        )
    return data


def _keep(path: Path, data: bytes, *, digest: str) -> None:
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
        return
    write_atomically(path, data, sync=False)
