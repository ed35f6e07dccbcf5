"""Writes the index page that lists all sets, from a small card file in each set's folder."""

import base64
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnail_crop import crop_to_ratio
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.manifest.manifest import SetManifest, from_json, to_json
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.sets.gallery import SetCard, choose_covers, render_index
from nbp_dagster.studio.storage.files import write_atomically

INDEX = "index.html"

CARD = ".card.json"
"""Holds what the list shows of a set, as its manifest is large and slow to read."""

COVER_SIDE = 320
"""Pixels of a cover's longer side."""

_LOG = logging.getLogger(__name__)


class ListError(NbpError):
    """A set that the list cannot link to."""


def write_card(folder: Path, manifest: SetManifest, covers: Mapping[str, bytes]) -> None:
    """Write a set's card, once its manifest is written.

    Args:
        folder: The set's folder.
        manifest: As it was written there.
        covers: The bytes of the cover pictures, by their sha256; see `choose_covers`.

    Raises:
        UndecodableImage: A cover can't be decoded.
        StoreError: The card can't be written.
    """
    rows = tuple(row for row in choose_covers(manifest) if row.sha256 in covers)
    shots = tuple(shot for shot in manifest.shots if any(row.shot == shot.id for row in rows))
    short = replace(manifest, pictures=rows, shots=shots, missing=())
    facts = {
        "manifest_sha256": _digest(folder),
        "manifest": json.loads(to_json(short)),
        "covers": {
            row.sha256: base64.b64encode(
                _cover(covers[row.sha256], ratio, what=f"cover {row.sha256[:12]}")
            ).decode()
            for row, ratio in zip(rows, _cover_ratios(len(rows)), strict=True)
        },
    }
    write_atomically(folder / CARD, json.dumps(facts).encode())


def find_sets(folder: Path) -> tuple[Path, ...]:
    """Return the sets directly within a folder, by name."""
    return tuple(sorted(path.parent for path in folder.glob(f"*/{MANIFEST}")))


def write_index(folder: Path, sets: Sequence[Path]) -> Path:
    """Write the page that lists sets, newest first, and return its path.

    A set whose manifest this version cannot read is left out, with a warning, so that one old set
    does not hide the others.

    Args:
        folder: The folder that holds the sets' folders.
        sets: Folders within `folder`, as `find_sets` gives them.

    Raises:
        ListError: A set is outside `folder`, so no relative link reaches it.
        StoreError: The page cannot be written.
    """
    cards = [card for card in (_card(folder, each) for each in sets) if card is not None]
    cards.sort(key=lambda card: card.manifest.created, reverse=True)
    path = folder / INDEX
    write_atomically(path, render_index(cards).encode())
    return path


def _card(folder: Path, written: Path) -> SetCard | None:
    if not written.resolve().is_relative_to(folder.resolve()):
        raise ListError(f"set {written} is not within {folder}: no relative link reaches it")
    name = written.resolve().relative_to(folder.resolve()).as_posix()
    try:
        return _read_card(written, name) or _make_card(written, name)
    except (NbpError, OSError) as error:
        _LOG.warning("set %s is left out of the list: %s", written, error)
        return None


def _read_card(written: Path, name: str) -> SetCard | None:
    """Return the card that was written with the set; None where its manifest has changed since."""
    try:
        facts = json.loads((written / CARD).read_bytes())
        if facts["manifest_sha256"] != _digest(written):
            return None
        covers = {key: base64.b64decode(text) for key, text in facts["covers"].items()}
        manifest = from_json(json.dumps(facts["manifest"]), what=str(written / CARD))
    except (NbpError, OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return SetCard(folder=name, manifest=manifest, thumbs=covers)


def _make_card(written: Path, name: str) -> SetCard:
    manifest = read_manifest(written / MANIFEST)
    rows = choose_covers(manifest)
    covers = {
        row.sha256: _cover((written / row.file).read_bytes(), ratio, what=row.file)
        for row, ratio in zip(rows, _cover_ratios(len(rows)), strict=True)
    }
    return SetCard(folder=name, manifest=manifest, thumbs=covers)


def _cover_ratios(count: int) -> tuple[float, ...]:
    """Return width over height of each cell of a card's mosaic; `gallery.css` lays it out so."""
    wide, tall = 4 / 3, 2 / 3
    return {2: (tall, tall), 3: (tall, wide, wide)}.get(count, (wide,) * count)


def _cover(data: bytes, ratio: float, *, what: str) -> bytes:
    picture = decode_image(data, what=what, least_side=COVER_SIDE).image
    return thumbnail(crop_to_ratio(picture, ratio), COVER_SIDE)


def _digest(folder: Path) -> str:
    """Return the digest of the manifest's bytes, which takes far less time than parsing it."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()
