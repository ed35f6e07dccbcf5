"""A campaign's set as a folder that can be opened, zipped and mailed; decides nothing about it."""

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.contact_sheet import draw_contact_sheet
from nbp_dagster.studio.decode import decode_image
from nbp_dagster.studio.files import write_atomically
from nbp_dagster.studio.gallery import (
    SetCard,
    choose_covers,
    humanise,
    render_gallery,
    render_index,
)
from nbp_dagster.studio.manifest import (
    ALL_LOCALES,
    ManifestError,
    Picture,
    SetManifest,
    from_json,
    require_plain_path,
    set_digest,
    write_manifest,
)
from nbp_dagster.studio.previews import thumbnail

INDEX, MANIFEST, CONTACT_SHEET = "index.html", "manifest.json", "contact_sheet.jpg"
INVENTORY = ".set.json"
"""Names the files that are ours to remove; see `_Inventory`."""

LARGE_THUMB, SMALL_THUMB = 640, 320
"""Pixels of a thumbnail's longer side; some 25 and 10 kB each as WebP."""

LARGE_THUMB_SETS = 120
"""Up to so many pictures the thumbnails are large: a page of at most some 4 MB can be mailed."""

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
        contact_sheet: The overview as a JPEG.
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
    sheet: Callable[[str], Path | bytes] | None = None,
) -> WrittenSet:
    """Write a set, replacing an earlier version of it.

    Pictures come first, then the page and the manifest that refer to them, and only then are
    files removed that the earlier version left: at no moment does a page point at nothing. A
    picture that is there already is left as it is. Pictures are copied, never linked: people open
    these files in editors, and an edit must not reach the store.

    Args:
        folder: Made where it does not exist. Files in it that no set wrote are never touched.
        rendition: Gives a picture's bytes, or the file that has them; called by several threads.
        sheet: Gives the bytes of a character's sheet by its sha256; None shows no sheets.

    Raises:
        SetError: Two pictures claim one file, or bytes are not those the manifest names.
        UndecodableImage: A picture cannot be decoded.
        StoreError: A file cannot be written.
    """
    _require_own_files(manifest.pictures)
    files = [INDEX, MANIFEST, CONTACT_SHEET, *(picture.file for picture in manifest.pictures)]
    inventory = _Inventory(folder)
    stale = inventory.begin(files)
    thumbs = _put_pictures(folder, manifest.pictures, rendition)
    labelled = [(_label(manifest, each), thumbs[each.sha256]) for each in manifest.pictures]
    page = render_gallery(manifest, thumbs={**thumbs, **_sheet_thumbs(manifest, sheet)})
    write_atomically(folder / CONTACT_SHEET, draw_contact_sheet(labelled, title=manifest.name))
    write_atomically(folder / INDEX, page.encode())
    write_manifest(manifest, folder / MANIFEST)
    removed = _remove(folder, stale)
    inventory.finish(files)
    _LOG.info("set %s: %d pictures, %d earlier files removed", folder, len(thumbs), len(removed))
    return WrittenSet(
        folder=folder,
        manifest=manifest,
        index=folder / INDEX,
        manifest_path=folder / MANIFEST,
        contact_sheet=folder / CONTACT_SHEET,
        pictures=tuple(folder / picture.file for picture in manifest.pictures),
        removed=removed,
        digest=set_digest(manifest),
    )


def find_sets(folder: Path) -> tuple[Path, ...]:
    """Return the sets directly within a folder, by name."""
    return tuple(sorted(path.parent for path in folder.glob(f"*/{MANIFEST}")))


def write_index(folder: Path, sets: Sequence[Path]) -> Path:
    """Write the page that lists sets, newest first, and return its path.

    A set whose manifest this version cannot read is left out, with a warning: one old set must
    not hide the others.

    Args:
        folder: The folder that holds the sets' folders.
        sets: Folders within `folder`, as `find_sets` gives them.

    Raises:
        SetError: A set is somewhere else, so no relative link reaches it.
        StoreError: The page cannot be written.
    """
    cards = [card for card in (_card(folder, each) for each in sets) if card is not None]
    cards.sort(key=lambda card: card.manifest.created, reverse=True)
    path = folder / INDEX
    write_atomically(path, render_index(cards).encode())
    return path


class _Inventory:
    """The names of the files this module has put into a folder, kept in the folder.

    A manifest alone would not do: a write that was interrupted leaves files that no manifest
    names. So the names are written before the first file, and again without the stale ones after
    the last is gone.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / INVENTORY

    def begin(self, files: Sequence[str]) -> tuple[str, ...]:
        """Claim the files about to be written and return those of earlier versions."""
        earlier = self._names()
        self._write([*files, *earlier])
        return tuple(name for name in earlier if name not in set(files))

    def finish(self, files: Sequence[str]) -> None:
        """Keep the names of the files that are there now."""
        self._write(files)

    def _write(self, files: Sequence[str]) -> None:
        names = list(dict.fromkeys(files))
        write_atomically(self._path, (json.dumps({"files": names}, indent=1) + "\n").encode())

    def _names(self) -> tuple[str, ...]:
        """Names of pictures of earlier versions; whatever does not look like one is ignored."""
        if not self._path.is_file():
            return ()
        try:
            names = json.loads(self._path.read_bytes())["files"]
            for name in names:
                if name not in (INDEX, MANIFEST, CONTACT_SHEET):
                    require_plain_path(name, what=str(self._path))
        except (ValueError, KeyError, TypeError, ManifestError) as error:
            _LOG.warning("%s cannot be read (%s): no earlier file is removed", self._path, error)
            return ()
        return tuple(names)


def _require_own_files(pictures: Sequence[Picture]) -> None:
    claims: dict[str, Picture] = {}
    for picture in pictures:
        other = claims.setdefault(picture.file, picture)
        if other is not picture:
            raise SetError(
                f"{picture.file} is claimed by {other.prompt_key} and by {picture.prompt_key}; "
                "a file's name must tell its pictures apart"
            )


def _put_pictures(
    folder: Path, pictures: Sequence[Picture], rendition: Callable[[Picture], Path | bytes]
) -> dict[str, bytes]:
    """Write the pictures' files and return their thumbnails by the pictures' sha256."""
    side = LARGE_THUMB if len(pictures) <= LARGE_THUMB_SETS else SMALL_THUMB

    def put(picture: Picture) -> bytes:
        data = _read(rendition(picture), digest=picture.sha256, what=picture.prompt_key)
        _keep(folder / picture.file, data, digest=picture.sha256)
        return _thumb(data, what=picture.file, side=side)

    with ThreadPoolExecutor(_WORKERS) as pool:
        thumbs = pool.map(put, pictures)
        return dict(zip((picture.sha256 for picture in pictures), thumbs, strict=True))


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
    write_atomically(path, data)


def _thumb(data: bytes, *, what: str, side: int) -> bytes:
    return thumbnail(decode_image(data, what=what).image, px=side)


def _sheet_thumbs(
    manifest: SetManifest, sheet: Callable[[str], Path | bytes] | None
) -> Mapping[str, bytes]:
    if sheet is None:
        return {}
    wanted = {digest: each.name for each in manifest.characters for digest in each.sheets}
    return {
        digest: _thumb(
            _read(sheet(digest), digest=digest, what=f"sheet of {name}"),
            what=f"sheet of {name}",
            side=SMALL_THUMB,
        )
        for digest, name in wanted.items()
    }


def _label(manifest: SetManifest, picture: Picture) -> str:
    channel = next(each.name for each in manifest.channels if each.id == picture.channel)
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


def _card(folder: Path, written: Path) -> SetCard | None:
    if not written.resolve().is_relative_to(folder.resolve()):
        raise SetError(f"set {written} is not within {folder}: no relative link reaches it")
    try:
        manifest = from_json((written / MANIFEST).read_text("utf-8"), what=str(written / MANIFEST))
        thumbs = {
            picture.sha256: _thumb(
                (written / picture.file).read_bytes(), what=picture.file, side=SMALL_THUMB
            )
            for picture in choose_covers(manifest)
        }
    except (NbpError, OSError) as error:
        _LOG.warning("set %s is left out of the list: %s", written, error)
        return None
    name = written.resolve().relative_to(folder.resolve()).as_posix()
    return SetCard(folder=name, manifest=manifest, thumbs=thumbs)
