"""A campaign's set as a folder that can be opened, zipped and mailed; decides nothing about it."""

import hashlib
import itertools
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.contact_sheet import count_pictures, divide_sheets, draw_contact_sheet
from nbp_dagster.studio.decode import decode_image
from nbp_dagster.studio.files import sync_disk, write_atomically
from nbp_dagster.studio.gallery import Thumb, choose_covers, humanise, render_gallery
from nbp_dagster.studio.inventory import Inventory
from nbp_dagster.studio.listing import CARD, INDEX, MANIFEST, write_card
from nbp_dagster.studio.manifest import (
    ALL_LOCALES,
    Picture,
    SetManifest,
    set_digest,
    write_manifest,
)
from nbp_dagster.studio.previews import thumbnail

INLINE_SETS = 120
"""Up to so many pictures the page carries its thumbnails; those of a larger set lie beside it."""

SHEET_SIDE = 320
"""Pixels of the longer side of a character sheet's thumbnail."""

# Raised when equal pictures would make another contact sheet.
_SHEET_VERSION = 1

# Decoding and encoding leave Python's lock, so threads do; more than this wait for the disk.
_WORKERS = 4

_LOG = logging.getLogger(__name__)


class SetError(NbpError):
    """A set that cannot be written as its manifest says."""


@dataclass(frozen=True)
class WrittenSet:
    """A set on disk.

    Attributes:
        folder: The set's folder; everything within refers to the rest by relative paths.
        manifest: What was written.
        index: The page.
        manifest_path: The manifest as JSON.
        contact_sheet: The overview as a JPEG; the first of several where the set is large.
        pictures: The full pictures, in manifest order.
        removed: Files of an earlier version of this set that are gone now.
        digest: Changes when a picture or a gap does; see `manifest.set_digest`.
    """

    folder: Path
    manifest: SetManifest
    index: Path
    manifest_path: Path
    contact_sheet: Path
    pictures: tuple[Path, ...]
    removed: tuple[Path, ...]
    digest: str


def write_set(
    folder: Path,
    manifest: SetManifest,
    *,
    rendition: Callable[[Picture], Path | bytes],
    sheet: Callable[[str], bytes] | None = None,
    thumb: Callable[[Picture], bytes | None] = lambda _: None,
) -> WrittenSet:
    """Write a set, replacing an earlier version of it.

    Pictures come first, then the page and the manifest that refer to them, and only then are
    files removed that the earlier version left: at no moment does a page point at nothing. A
    picture that is there already is left as it is. Pictures are copied, never linked: people open
    these files in editors, and an edit must not reach the store.

    Args:
        folder: Made where it does not exist. Files in it that no set wrote are never touched.
        rendition: Gives a picture's bytes, or the file that has them; called by several threads.
        sheet: Gives the bytes of a character's sheet by what the manifest calls it, verified;
            None shows no sheets.
        thumb: Gives a picture's thumbnail; None where it has to be drawn from the picture. Called
            by several threads.

    Raises:
        SetError: Two pictures claim one file, or bytes are not those the manifest names.
        UndecodableImage: A picture cannot be decoded.
        StoreError: A file cannot be written.
    """
    _require_own_files(manifest.pictures)
    inventory = Inventory(folder)
    stale = inventory.begin([*set_files(manifest), CARD])
    desk = _Desk(folder, inventory, rendition, thumb)
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(desk.put, manifest.pictures))
        thumbs = _put_thumbs(desk, manifest, pool)
        drawing = _put_contact_sheets(desk, manifest, thumbs, pool)
        page = render_gallery(manifest, thumbs={**thumbs, **_sheet_thumbs(manifest, sheet)})
        list(drawing)
    # Once for all of them: a thousand waits for the disk take seconds.
    sync_disk(folder)
    write_atomically(folder / INDEX, page.encode())
    write_manifest(manifest, folder / MANIFEST)
    covers = (row.sha256 for row in choose_covers(manifest))
    write_card(folder, manifest, {digest: desk.read(thumbs[digest]) for digest in covers})
    removed = _remove(folder, stale)
    inventory.finish()
    _LOG.info("set %s: %d pictures, %d earlier files removed", folder, len(thumbs), len(removed))
    return WrittenSet(
        folder=folder,
        manifest=manifest,
        index=folder / INDEX,
        manifest_path=folder / MANIFEST,
        contact_sheet=folder / next(iter(divide_sheets(len(manifest.pictures)))),
        pictures=tuple(folder / picture.file for picture in manifest.pictures),
        removed=removed,
        digest=set_digest(manifest),
    )


def set_files(manifest: SetManifest) -> tuple[str, ...]:
    """Return the files a set is made of, as paths within its folder."""
    sheets = divide_sheets(len(manifest.pictures))
    pictures = [picture.file for picture in manifest.pictures]
    thumbs = [] if _is_inline(manifest) else [_thumb_file(row) for row in manifest.pictures]
    return (INDEX, MANIFEST, *sheets, *pictures, *dict.fromkeys(thumbs))


@dataclass(frozen=True)
class _Desk:
    """Where a set is put together: what is in its folder, and where the rest comes from."""

    folder: Path
    inventory: Inventory
    rendition: Callable[[Picture], Path | bytes]
    kept_thumb: Callable[[Picture], bytes | None]

    def put(self, picture: Picture) -> None:
        """Have a picture's file in the folder."""
        if self.inventory.holds(picture.file, picture.sha256):
            return
        data = _read(self.rendition(picture), digest=picture.sha256, what=picture.prompt_key)
        _keep(self.folder / picture.file, data, digest=picture.sha256)
        self.inventory.note(picture.file, picture.sha256)

    def put_thumb(self, picture: Picture) -> str:
        """Have a picture's thumbnail in the folder and return its path there."""
        file = _thumb_file(picture)
        if not self.inventory.holds(file, picture.sha256):
            write_atomically(self.folder / file, self.make_thumb(picture), sync=False)
            self.inventory.note(file, picture.sha256)
        return file

    def read(self, thumb: Thumb) -> bytes:
        """Return a thumbnail's bytes, from the folder where it has been put there."""
        return thumb if isinstance(thumb, bytes) else (self.folder / thumb).read_bytes()

    def make_thumb(self, picture: Picture) -> bytes:
        """Return a picture's thumbnail: the one that is kept, or else drawn from its file."""
        kept = self.kept_thumb(picture)
        if kept is not None:
            return kept
        return _thumb((self.folder / picture.file).read_bytes(), what=picture.file)


def _is_inline(manifest: SetManifest) -> bool:
    return len(manifest.pictures) <= INLINE_SETS


def _thumb_file(picture: Picture) -> str:
    return f"thumbs/{picture.sha256}.jpg"


def _put_thumbs(
    desk: _Desk, manifest: SetManifest, pool: ThreadPoolExecutor
) -> Mapping[str, Thumb]:
    """Return the thumbnails of a small set; put those of a large one and return their paths."""
    rows = {row.sha256: row for row in manifest.pictures}
    made: Iterable[Thumb] = pool.map(
        desk.make_thumb if _is_inline(manifest) else desk.put_thumb, rows.values()
    )
    return dict(zip(rows, made, strict=True))


def _put_contact_sheets(
    desk: _Desk, manifest: SetManifest, thumbs: Mapping[str, Thumb], pool: ThreadPoolExecutor
) -> Iterable[None]:
    """Begin to draw the sheets whose pictures or words are not those they were drawn of."""
    sheets = divide_sheets(len(manifest.pictures))
    labels = _labels(manifest)

    def put(number: int, name: str, places: range) -> None:
        note = count_pictures(len(manifest.pictures))
        if len(sheets) > 1:
            note += f", {places.start + 1:,} to {places.stop:,} on sheet {number} of {len(sheets)}"
        shown = [(labels[place], manifest.pictures[place].sha256) for place in places]
        source = _hash([_SHEET_VERSION, manifest.name, note, shown])
        if desk.inventory.holds(name, source):
            return
        entries = [(label, desk.read(thumbs[digest])) for label, digest in shown]
        drawn = draw_contact_sheet(entries, manifest.name, note)
        write_atomically(desk.folder / name, drawn, sync=False)
        desk.inventory.note(name, source)

    return pool.map(put, itertools.count(1), sheets, sheets.values())


def _hash(facts: object) -> str:
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _require_own_files(pictures: Sequence[Picture]) -> None:
    claims: dict[str, Picture] = {}
    for picture in pictures:
        other = claims.setdefault(picture.file, picture)
        if other is not picture:
            raise SetError(
                f"{picture.file} is claimed by {other.prompt_key} and by {picture.prompt_key}; "
                "a file's name must tell its pictures apart"
            )


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


def _thumb(data: bytes, *, what: str) -> bytes:
    return thumbnail(decode_image(data, what=what).image)


def _sheet_thumbs(
    manifest: SetManifest, sheet: Callable[[str], bytes] | None
) -> Mapping[str, bytes]:
    if sheet is None:
        return {}
    wanted = {digest: each.name for each in manifest.characters for digest in each.sheets}
    thumbs = {}
    for digest, name in wanted.items():
        what = f"sheet of {name}"
        thumbs[digest] = thumbnail(decode_image(sheet(digest), what=what).image, SHEET_SIDE)
    return thumbs


def _labels(manifest: SetManifest) -> list[str]:
    channels = {each.id: each.name for each in manifest.channels}
    return [_label(picture, channels[picture.channel]) for picture in manifest.pictures]


def _label(picture: Picture, channel: str) -> str:
    parts = [humanise(picture.shot), channel]
    if picture.locale != ALL_LOCALES:
        parts.append(picture.locale.upper())
    if picture.variant > 1:
        parts.append(f"v{picture.variant}")
    return " · ".join(parts)


def _remove(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    removed = []
    for name in names:
        path = folder / name
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            path.unlink()
            removed.append(path)
    for parent in {path.parent for path in removed}:
        if not any(parent.iterdir()):
            parent.rmdir()
    return tuple(removed)
