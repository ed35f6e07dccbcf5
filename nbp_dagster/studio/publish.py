"""Publishes a finished set to every target that is configured, or says why it may not leave."""

from collections.abc import Sequence
from dataclasses import dataclass

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.delivery.chosen_variants import choose_variants, write_part
from nbp_dagster.studio.delivery.parcel import NotPublishable, Parcel, pack_set, read_set
from nbp_dagster.studio.delivery.publish_target import Delivered, DeliveryError, PublishTarget
from nbp_dagster.studio.delivery.refusals import Candidate, list_refusals
from nbp_dagster.studio.manifest.manifest import SetManifest, from_json, set_digest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST
from nbp_dagster.studio.review.approvals import list_unapproved, review_pictures
from nbp_dagster.studio.studio import Studio


@dataclass(frozen=True)
class PublishRules:
    """What a launch says of the sets it publishes.

    Attributes:
        recorded: Data version of the set that Dagster has recorded; None where it has none.
        allow_missing: Publish a set that lacks pictures of the campaign.
        allow_fewer: Publish fewer pictures than a target has of the campaign now.
    """

    recorded: str | None = None
    allow_missing: bool = False
    allow_fewer: bool = False


@dataclass(frozen=True)
class PublishedSet:
    """What was published.

    Attributes:
        deliveries: What each target did, in the order given.
        files: Number of files of the set.
        digest: Data version of what was published.
        source_digest: Data version of the set it is from.
        passed_over: How many variants stayed behind, as others were chosen.
    """

    deliveries: tuple[Delivered, ...]
    files: int
    digest: str
    source_digest: str
    passed_over: int


def publish_set(
    studio: Studio, campaign_id: str, targets: Sequence[PublishTarget], rules: PublishRules
) -> PublishedSet:
    """Send a campaign's set folder to targets, each of which takes it whole or not at all.

    Nothing is sent before every target is known to accept the set. When a target can't be written
    the others are still served: publishing again changes nothing at these.

    Raises:
        NotPublishable: The set was not written yet, is not the recorded one, holds a picture that
            is simulated, unmarked or rejected, failed a blocking check or waits for approval,
            or the set lacks pictures without leave.
        DeliveryError: Several targets failed; each is named.
        NbpError: The one target that failed; it has the set it had.
    """
    studio.require_store()
    studio.sets.bring(campaign_id)
    folder = studio.paths.sets / campaign_id
    manifest = read_set(folder, campaign_id)
    rows = review_pictures(manifest, studio.decisions.latest(campaign_id))
    part = choose_variants(manifest, rows)
    candidate = Candidate(
        folder=folder,
        manifest=part.manifest,
        version=set_digest(manifest),
        recorded=rules.recorded,
        blocking_checks=studio.briefs.brands[manifest.brand.id].blocking_checks,
        allow_missing=rules.allow_missing,
        allow_simulated=all(target.is_trial for target in targets),
        unapproved=list_unapproved(
            rows, requires_all=studio.briefs.campaigns[campaign_id].require_approval
        ),
    )
    for reason in list_refusals(candidate):
        raise NotPublishable(f"the set of {campaign_id} is not published: {reason}")
    if not rules.allow_fewer:
        for target in targets:
            # What was passed over is not missed.
            _require_no_fewer(target, campaign_id, manifest)
    if not part.is_whole:
        written = studio.paths.deliveries / campaign_id
        write_part(written, folder, part.manifest, studio.store)
        folder = written
    parcel = pack_set(folder, campaign_id, part.manifest)
    return PublishedSet(
        deliveries=_deliver(parcel, targets),
        files=len(parcel.files),
        digest=parcel.version,
        source_digest=candidate.version,
        passed_over=len(part.manifest.passed_over),
    )


def _deliver(parcel: Parcel, targets: Sequence[PublishTarget]) -> tuple[Delivered, ...]:
    done: list[Delivered] = []
    failures: list[NbpError] = []
    for target in targets:
        try:
            done.append(target.deliver(parcel))
        except NbpError as error:
            failures.append(error)
    if len(failures) == 1 and not done:
        raise failures[0]
    if failures:
        words = "; ".join(str(failure) for failure in failures)
        names = ", ".join(each.target for each in done) or "none"
        raise DeliveryError(
            f"the set of {parcel.campaign} is published to {len(done)} of {len(targets)} targets "
            f"({names}): {words}"
        ) from failures[0]
    return tuple(done)


def _require_no_fewer(target: PublishTarget, campaign_id: str, manifest: SetManifest) -> None:
    """Compare a set with the one that a target has.

    Raises:
        NotPublishable: The target has more pictures of the campaign.
    """
    data = target.read(campaign_id, MANIFEST)
    if data is None:
        return
    published = from_json(data.decode("utf-8", "replace"), what=f"the manifest on {target.name}")
    if len(published.pictures) > len(manifest.pictures):
        raise NotPublishable(
            f"the set of {campaign_id} is not published: {target.name} has "
            f"{len(published.pictures)} pictures of it, and this set {len(manifest.pictures)}; "
            "launch with `allow_fewer: true` if the others are to go"
        )
