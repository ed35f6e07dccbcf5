"""Zips of a set for people without our tools: pictures by readable names, list, manifest, schema.

The same set gives the same bytes on every machine and day.
"""

import os
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zipfile import ZipFile, ZipInfo

from nbp_dagster.studio.delivery.chosen_variants import keep_pictures
from nbp_dagster.studio.delivery.publish_target import DeliveryError
from nbp_dagster.studio.manifest.manifest import SetManifest, count_totals, to_json
from nbp_dagster.studio.manifest.manifest_file import MANIFEST
from nbp_dagster.studio.manifest.schema import SCHEMA, read_schema
from nbp_dagster.studio.sets.delivery_list import DELIVERY, render_delivery

# The earliest date that a zip can hold; when a file was packed says nothing of it.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_READABLE_FILE: Final = 0o100644 << 16
_UNIX: Final = 3


@dataclass(frozen=True)
class Archive:
    """A zip that was written.

    Attributes:
        path: The file.
        pictures: How many it holds.
        size: Bytes.
    """

    path: Path
    pictures: int
    size: int


def write_archives(
    folder: Path,
    manifest: SetManifest,
    names: Mapping[str, str],
    to: Path,
    *,
    per_channel: bool,
) -> tuple[Archive, ...]:
    """Write a set's zips, each whole or not at all.

    Args:
        folder: The set's folder.
        manifest: Its manifest.
        names: Delivered path of each picture by its path in the set.
        to: Folder of the zips; made where it is not there.
        per_channel: Whether each channel with pictures gets a zip of its own.

    Raises:
        DeliveryError: The folder can't be written, or a picture not be read.
    """
    stem = f"{manifest.brand.id}_{manifest.campaign.id}"
    if not per_channel:
        return (_write(to / f"{stem}.zip", folder, manifest, names),)
    parts = (_cut(manifest, channel.id) for channel in manifest.channels)
    return tuple(
        _write(to / f"{stem}_{part.channels[0].id}.zip", folder, part, names)
        for part in parts
        if part.pictures
    )


def _cut(manifest: SetManifest, channel: str) -> SetManifest:
    """Return the part of a manifest that is about one channel."""
    kept = keep_pictures(manifest, lambda picture: picture.channel == channel)
    missing = tuple(
        replace(row, channels=(channel,)) for row in manifest.missing if channel in row.channels
    )
    return replace(
        kept,
        totals=count_totals(kept.pictures, missing),
        channels=tuple(each for each in manifest.channels if each.id == channel),
        missing=missing,
        passed_over=tuple(name for name in manifest.passed_over if f"/{channel}/" in name),
    )


def _write(path: Path, folder: Path, manifest: SetManifest, names: Mapping[str, str]) -> Archive:
    rows = tuple(replace(row, file=names[row.file]) for row in manifest.pictures)
    renamed = replace(manifest, pictures=rows)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            with ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                for name, data in _contents(folder, manifest, renamed):
                    archive.writestr(_entry(name), data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        return Archive(path, len(rows), path.stat().st_size)
    except OSError as error:
        raise DeliveryError(
            f"cannot write {path}: {error.strerror or 'the disk refused it'}; free the disk, or "
            "name another folder with --to"
        ) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def _contents(
    folder: Path, manifest: SetManifest, renamed: SetManifest
) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each file, one at a time."""
    yield DELIVERY, render_delivery(renamed).encode()
    yield MANIFEST, to_json(renamed).encode()
    yield SCHEMA, read_schema()
    for old, new in zip(manifest.pictures, renamed.pictures, strict=True):
        try:
            data = (folder / old.file).read_bytes()
        except OSError as error:
            raise DeliveryError(
                f"{folder / old.file} can't be read ({error.strerror}): make the set again"
            ) from error
        yield new.file, data


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _DATE)
    entry.external_attr = _READABLE_FILE
    entry.create_system = _UNIX
    return entry
