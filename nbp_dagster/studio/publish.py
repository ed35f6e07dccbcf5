"""Publishes a finished set: one commit to an Oxen repository (S3 would be another destination)."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.errors import DownloadFailed, NotFound
from nbp_dagster.studio.checks.set_checks import run_set_checks
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest, from_json, set_digest
from nbp_dagster.studio.manifest.value_types import LogoFacts
from nbp_dagster.studio.sets.delivery_list import DELIVERY
from nbp_dagster.studio.sets.set_writer import list_files
from nbp_dagster.studio.studio import Studio

MANIFEST = "manifest.json"
# Prompts, files or checks that an error names.
_NAMED = 5


class NotPublishable(NbpError):
    """The set is not there, or may not be published."""


@dataclass(frozen=True)
class Destination:
    """Where sets are published: `namespace/name`, a branch, and the author of the commit."""

    repository: str
    branch: str
    author_name: str
    author_email: str


@dataclass(frozen=True)
class PublishRules:
    """What a launch says of the sets it publishes.

    Attributes:
        recorded: Data version of the set that Dagster has recorded; None where it has none.
        allow_missing: Publish a set that lacks pictures of the campaign.
        allow_fewer: Publish fewer pictures than the branch has of the campaign now.
    """

    recorded: str | None = None
    allow_missing: bool = False
    allow_fewer: bool = False


@dataclass(frozen=True)
class PublishedSet:
    """What was published.

    Attributes:
        commit: The commit's id; None when the repository had the same files already.
        files: Number of files of the set.
        digest: The set's data version.
    """

    commit: str | None
    files: int
    digest: str


def publish_set(
    studio: Studio, campaign_id: str, destination: Destination, rules: PublishRules
) -> PublishedSet:
    """Commit a campaign's set folder to `<campaign>/` of the destination.

    Raises:
        NotPublishable: The set was not written yet, is not the recorded one, holds a simulated
            picture or one that failed a blocking check, or lacks pictures without leave.
        OxenError: The repository refused or can't be reached; nothing is half-published, a
            commit is whole.
    """
    folder = studio.paths.sets / campaign_id
    manifest = _read_manifest(folder, campaign_id)
    for problem in _problems(studio, folder, manifest, rules):
        raise NotPublishable(f"the set of {campaign_id} is not published: {problem}")
    if not rules.allow_fewer:
        _require_no_fewer(studio, campaign_id, manifest, destination)
    # A set that an earlier version wrote has no list yet.
    names = [each for each in list_files(manifest) if each != DELIVERY or (folder / each).is_file()]
    commit = studio.client.put_files(
        destination.repository,
        destination.branch,
        campaign_id,
        [(name, (folder / name).read_bytes()) for name in names],
        message=f"{manifest.name} ({len(manifest.pictures)} pictures)",
        author_name=destination.author_name,
        author_email=destination.author_email,
    )
    return PublishedSet(
        commit=None if commit is None else commit.id,
        files=len(names),
        digest=set_digest(manifest),
    )


def _read_manifest(folder: Path, campaign_id: str) -> SetManifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise NotPublishable(
            f"{folder} holds no set: materialize campaign_sets for {campaign_id} first"
        )
    return from_json(path.read_text(encoding="utf-8"), what=str(path))


def _problems(
    studio: Studio, folder: Path, manifest: SetManifest, rules: PublishRules
) -> Iterator[str]:
    """Yield why a set may not be published, the gravest reason first."""
    if manifest.simulated:
        yield (
            "it holds simulated pictures, and those are never published: make it with "
            "NBP_MODE=live first"
        )
    if rules.recorded != set_digest(manifest):
        yield (
            f"{folder} does not hold the set that Dagster has recorded; another machine wrote a "
            "newer one, or a run ended in between: materialize campaign_sets here first"
        )
    blocked = _blocked(studio, manifest)
    if blocked:
        yield (
            f"pictures failed a blocking check ({', '.join(blocked[:_NAMED])}): make them again, "
            "or take the check out of the brand's blocking_checks"
        )
    if manifest.missing and not rules.allow_missing:
        named = "; ".join(f"{item.prompt_key}: {item.reason}" for item in manifest.missing[:_NAMED])
        yield (
            f"it lacks the pictures of {len(manifest.missing)} prompts ({named}); make them and "
            "materialize campaign_sets, or launch with `allow_missing: true`"
        )
    files: tuple[Picture | LogoFacts, ...] = (*manifest.pictures, *manifest.logos)
    edited = [row.file for row in files if not _is_as_written(folder, row)]
    if edited:
        yield (
            f"files were changed or removed after it was written ({', '.join(edited[:_NAMED])}): "
            "materialize campaign_sets to write them again"
        )


def _blocked(studio: Studio, manifest: SetManifest) -> list[str]:
    """Return the blocking checks that pictures, or the set, failed."""
    blocked = [
        f"{picture.prompt_key}: {check.name}"
        for picture in manifest.pictures
        for check in picture.failed_checks
        if check.severity == "error"
    ]
    rules = studio.briefs.brands[manifest.brand.id].blocking_checks
    blocked += [
        f"the set: {result.name}"
        for result in run_set_checks(manifest, rules)
        if result.verdict == "failed" and result.severity == "error"
    ]
    return list(dict.fromkeys(blocked))


def _is_as_written(folder: Path, row: Picture | LogoFacts) -> bool:
    try:
        data = (folder / row.file).read_bytes()
    except FileNotFoundError:
        return False
    return hashlib.sha256(data).hexdigest() == row.sha256


def _require_no_fewer(
    studio: Studio, campaign_id: str, manifest: SetManifest, destination: Destination
) -> None:
    """Compare a set with the one on the branch.

    Raises:
        NotPublishable: The branch has more pictures of the campaign.
    """
    path = f"{campaign_id}/{MANIFEST}"
    try:
        url = studio.client.presign_file(destination.repository, destination.branch, path)
        data = studio.client.download(url)
    except (NotFound, DownloadFailed) as error:
        if error.status != 404:
            raise
        return
    published = from_json(data.decode("utf-8"), what=f"the manifest on {destination.branch}")
    if len(published.pictures) > len(manifest.pictures):
        raise NotPublishable(
            f"the set of {campaign_id} is not published: {destination.branch} of "
            f"{destination.repository} has {len(published.pictures)} pictures of it, and this set "
            f"{len(manifest.pictures)}; launch with `allow_fewer: true` if the others are to go"
        )
