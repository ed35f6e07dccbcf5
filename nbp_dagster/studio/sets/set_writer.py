"""Writes a campaign's set as a folder that can be opened, zipped and mailed, from its manifest."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.studio.imaging.contact_sheet import divide_sheets
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnail_crop import crop_to_ratio
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest, set_digest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, write_manifest
from nbp_dagster.studio.sets.delivery_list import DELIVERY, render_delivery
from nbp_dagster.studio.sets.gallery import Thumb, choose_covers, render_gallery
from nbp_dagster.studio.sets.index_page import CARD, INDEX, write_card
from nbp_dagster.studio.sets.set_changes import compare_sets, read_earlier
from nbp_dagster.studio.sets.set_files import (
    INLINE_SETS,
    Cell,
    SetError,
    SetFiles,
    label_of,
    plan_contact_sheets,
    thumb_file,
)
from nbp_dagster.studio.sets.staged_index import FileIndex
from nbp_dagster.studio.storage.files import sync_disk, write_atomically

SHEET_SIDE = 320
"""Pixels of the longer side of a character sheet's thumbnail."""

# Decoding and encoding release the GIL, so threads suffice; more of them wait for the disk.
_WORKERS = 4

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class WrittenSet:
    """A set on disk.

    Attributes:
        folder: The set's folder; everything within refers to the rest by relative paths.
        manifest: What was written.
        index: The gallery page.
        manifest_path: The manifest as JSON.
        contact_sheet: The contact sheet; the first of several where the set is large.
        pictures: The full pictures, in manifest order.
        removed: Files of an earlier version of this set that were removed.
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
    stored: Callable[[str], Path] = Path,
) -> WrittenSet:
    """Write a set, replacing an earlier version of it.

    Pictures are written first, then the page and the manifest that refer to them; files of the
    earlier version are removed last, so that a page never refers to a missing file. A picture that
    is there already is left as it is. Pictures are copied, never linked: people open these files in
    editors, and an edit must not reach the store. The page marks what has changed since the version
    before.

    Args:
        folder: Created where it does not exist. Files in it that no set wrote are never touched.
        rendition: Gives a picture's bytes, or the file that has them; called by several threads.
        sheet: Gives the verified bytes of a character's sheet by its digest in the manifest; None
            shows no sheets.
        thumb: Gives a picture's thumbnail; None where it has to be drawn from the picture. Called
            by several threads.
        stored: Gives the file of a logo's bytes by their digest.

    Raises:
        SetError: Two pictures claim one file, or bytes do not have their digest in the manifest.
        UndecodableImage: A picture cannot be decoded.
        StoreError: A file cannot be written.
    """
    _require_own_files(manifest.pictures)
    earlier = read_earlier(folder / MANIFEST)
    changes = None if earlier is None else compare_sets(earlier, manifest)
    index = FileIndex(folder)
    stale = index.begin([*list_files(manifest), CARD])
    files = SetFiles(folder, index, rendition, thumb)
    with ThreadPoolExecutor(_WORKERS) as pool:
        list(pool.map(files.write, manifest.pictures))
        for logo in manifest.logos:
            files.write_logo(logo, stored(logo.sha256))
        thumbs = _write_thumbs(files, manifest, pool)
        drawing = pool.submit(_write_contact_sheets, files, manifest, thumbs)
        shown = {**thumbs, **_sheet_thumbs(manifest, sheet)}
        page = render_gallery(manifest, thumbs=shown, changes=changes)
        drawing.result()
    # One sync for all files: a thousand single ones take seconds.
    sync_disk(folder)
    write_atomically(folder / INDEX, page.encode())
    write_atomically(folder / DELIVERY, render_delivery(manifest).encode())
    write_manifest(manifest, folder / MANIFEST)
    covers = (row.sha256 for row in choose_covers(manifest))
    write_card(folder, manifest, {digest: files.read(thumbs[digest]) for digest in covers})
    removed = remove_files(folder, stale)
    index.finish()
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


def list_files(manifest: SetManifest) -> tuple[str, ...]:
    """Return the files of a set, as paths within its folder."""
    sheets = divide_sheets(len(manifest.pictures))
    pictures = [picture.file for picture in manifest.pictures]
    thumbs = [] if _is_inline(manifest) else [thumb_file(row) for row in manifest.pictures]
    logos = [logo.file for logo in manifest.logos]
    return (INDEX, MANIFEST, DELIVERY, *sheets, *pictures, *logos, *dict.fromkeys(thumbs))


def _is_inline(manifest: SetManifest) -> bool:
    return len(manifest.pictures) <= INLINE_SETS


def _write_thumbs(
    files: SetFiles, manifest: SetManifest, pool: ThreadPoolExecutor
) -> Mapping[str, Thumb]:
    """Return the thumbnails of a small set; write those of a large one and return their paths."""
    rows = {row.sha256: row for row in manifest.pictures}
    made: Iterable[Thumb] = pool.map(
        files.make_thumb if _is_inline(manifest) else files.write_thumb, rows.values()
    )
    return dict(zip(rows, made, strict=True))


def _write_contact_sheets(
    files: SetFiles, manifest: SetManifest, thumbs: Mapping[str, Thumb]
) -> None:
    """Draw the contact sheets whose pictures or labels have changed.

    One after the other: each takes 40 MB while it is drawn.
    """
    names = {each.id: each.name for each in manifest.channels}
    for contact_sheet in plan_contact_sheets(manifest.name, len(manifest.pictures)):
        rows = [manifest.pictures[place] for place in contact_sheet.places]
        cells = [Cell(label_of(row, names), row.sha256, thumbs[row.sha256]) for row in rows]
        files.write_contact_sheet(contact_sheet, cells)


def _require_own_files(pictures: Sequence[Picture]) -> None:
    claims: dict[str, Picture] = {}
    for picture in pictures:
        other = claims.setdefault(picture.file, picture)
        if other is not picture:
            raise SetError(
                f"{picture.file} is claimed by {other.prompt_key} and by {picture.prompt_key}; "
                "each picture needs a file name of its own"
            )


def _sheet_thumbs(
    manifest: SetManifest, sheet: Callable[[str], bytes] | None
) -> Mapping[str, bytes]:
    if sheet is None:
        return {}
    wanted = {digest: each.name for each in manifest.characters for digest in each.sheets}
    thumbs = {}
    for digest, name in wanted.items():
        what = f"sheet of {name}"
        # The page shows it in a circle.
        cut = crop_to_ratio(decode_image(sheet(digest), what=what).image, 1)
        thumbs[digest] = thumbnail(cut, SHEET_SIDE)
    return thumbs


def remove_files(folder: Path, names: Sequence[str]) -> tuple[Path, ...]:
    """Remove files of an earlier set, and the folders that are empty then; return their paths."""
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
