"""A set as it is sent: its files with their digests, and the one digest that names all of it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.manifest.manifest import SetManifest, set_digest, to_json
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.sets.delivery_list import DELIVERY
from nbp_dagster.studio.sets.set_writer import list_files

_PICTURES: Final = "images/"
# When a set was written says nothing of what is in it.
_ANY_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class NotPublishable(NbpError):
    """The set is not there, or may not be published."""


@dataclass(frozen=True)
class ParcelFile:
    """A file that is sent.

    Attributes:
        path: Within the set, with forward slashes.
        source: Where it lies on this machine.
        size: Bytes.
        sha256: Digest of the bytes, hex.
    """

    path: str
    source: Path
    size: int
    sha256: str

    @property
    def is_page(self) -> bool:
        """Whether it is a page or a list: written anew with a set, whatever is in it."""
        return not self.path.startswith(_PICTURES)


@dataclass(frozen=True)
class Parcel:
    """A campaign's set as a target takes it.

    Attributes:
        campaign: The campaign's id, which is a plain name.
        digest: Hex; the same for two sets that differ in nothing but when they were written.
        version: The set's data version; see `manifest.set_digest`.
        manifest: The set's manifest.
        files: Every file of the set's folder that belongs to it.
    """

    campaign: str
    digest: str
    version: str
    manifest: SetManifest
    files: tuple[ParcelFile, ...]


def read_set(folder: Path, campaign_id: str) -> SetManifest:
    """Return the manifest of a campaign's set.

    Raises:
        NotPublishable: No set was written there.
        ManifestError: The manifest can't be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise NotPublishable(
            f"{folder} holds no set: materialize campaign_sets for {campaign_id} first, or "
            f"`nbp run {campaign_id}`"
        )
    return read_manifest(path)


def pack_set(folder: Path, campaign_id: str, manifest: SetManifest) -> Parcel:
    """Return a set's folder as a parcel.

    Raises:
        NotPublishable: A file of the set is gone.
    """
    names: Iterable[str] = list_files(manifest)
    # A set that an earlier version wrote has no list yet.
    kept = [name for name in names if name != DELIVERY or (folder / name).is_file()]
    content = to_json(replace(manifest, created=_ANY_TIME))
    return Parcel(
        campaign=campaign_id,
        digest=hashlib.sha256(content.encode()).hexdigest(),
        version=set_digest(manifest),
        manifest=manifest,
        files=tuple(_pack(folder, name) for name in kept),
    )


def _pack(folder: Path, name: str) -> ParcelFile:
    path = folder / name
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return ParcelFile(name, path, path.stat().st_size, digest)
    except OSError as error:
        raise NotPublishable(
            f"{path} can't be read ({error.strerror}): materialize campaign_sets again"
        ) from error
