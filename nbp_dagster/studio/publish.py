"""Publishes a finished set: one commit to an Oxen repository (S3 would be another destination)."""

from dataclasses import dataclass

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.checks.set_checks import run_set_checks
from nbp_dagster.studio.manifest.manifest import from_json, set_digest
from nbp_dagster.studio.sets.set_writer import list_files
from nbp_dagster.studio.studio import Studio


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


def publish_set(studio: Studio, campaign_id: str, destination: Destination) -> PublishedSet:
    """Commit a campaign's set folder to `<campaign>/` of the destination.

    Raises:
        NotPublishable: The set was not written yet, holds a simulated picture, or one that failed
            a blocking check.
        OxenError: The repository refused or can't be reached; nothing is half-published, a
            commit is whole.
    """
    folder = studio.paths.sets / campaign_id
    manifest_path = folder / "manifest.json"
    if not manifest_path.is_file():
        raise NotPublishable(
            f"{folder} holds no set: materialize campaign_sets for {campaign_id} first"
        )
    manifest = from_json(manifest_path.read_text(encoding="utf-8"), what=str(manifest_path))
    if manifest.simulated:
        raise NotPublishable(
            f"the set of {campaign_id} holds simulated pictures, and those are never published: "
            "make it with NBP_MODE=live first"
        )
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
    if blocked:
        raise NotPublishable(
            f"the set of {campaign_id} has pictures that failed a blocking check "
            f"({', '.join(list(dict.fromkeys(blocked))[:5])}): make them again, or take the check "
            "out of the brand's blocking_checks"
        )
    names = list_files(manifest)
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
