"""Compares a set with the one that was in its folder before: what is new, changed and gone."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from nbp_dagster.studio.manifest.manifest import Picture, SetManifest

Change = Literal["new", "changed", "unchanged"]

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True)
class EarlierSet:
    """The set that was in a folder before.

    Attributes:
        created: When it was written, with its time zone.
        digests: sha256 of each of its pictures, by the picture's file without its extension.
    """

    created: datetime
    digests: Mapping[str, str]


@dataclass(frozen=True)
class SetChanges:
    """What has changed since an earlier set.

    Attributes:
        since: When that was written.
        pictures: How each picture of the present set compares, by its file.
        gone: Pictures of the earlier set that the present one has not.
    """

    since: datetime
    pictures: Mapping[str, Change]
    gone: int

    def count(self, change: Change) -> int:
        """Return how many pictures compare so."""
        return sum(each == change for each in self.pictures.values())


def read_earlier(manifest_path: Path) -> EarlierSet | None:
    """Return the set that a manifest describes; None where there is none, or none that can be read.

    Only what is compared is read, so that the manifest of another version serves as well.
    """
    try:
        facts = json.loads(manifest_path.read_bytes())
        created = datetime.fromisoformat(facts["created"])
        digests = {_slot(row["file"]): str(row["sha256"]) for row in facts["pictures"]}
        if created.tzinfo is None:
            raise ValueError(f"created {created.isoformat()} has no time zone")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _LOG.warning("%s cannot be read (%s): no changes are marked", manifest_path, error)
        return None
    return EarlierSet(created, digests)


def compare_sets(earlier: EarlierSet, manifest: SetManifest) -> SetChanges:
    """Return what has changed in a set, by the digests of its pictures.

    A picture is the same one while channel, shot, locale, ratio and variant are, whatever type its
    file is of.
    """
    present = {_slot(row.file) for row in manifest.pictures}
    return SetChanges(
        since=earlier.created,
        pictures={row.file: _compare(row, earlier) for row in manifest.pictures},
        gone=len(earlier.digests.keys() - present),
    )


def _compare(picture: Picture, earlier: EarlierSet) -> Change:
    known = earlier.digests.get(_slot(picture.file))
    if known is None:
        return "new"
    return "unchanged" if known == picture.sha256 else "changed"


def _slot(file: str) -> str:
    return file.rpartition(".")[0]
