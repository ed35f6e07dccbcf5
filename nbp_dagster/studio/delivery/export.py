"""Exports a campaign's finished set as zips, or says why it may not leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.studio.delivery.archive import Archive, write_archives
from nbp_dagster.studio.delivery.chosen_variants import choose_variants
from nbp_dagster.studio.delivery.file_names import name_pictures
from nbp_dagster.studio.delivery.parcel import NotPublishable, read_set
from nbp_dagster.studio.delivery.refusals import Candidate, list_refusals
from nbp_dagster.studio.manifest.manifest import set_digest
from nbp_dagster.studio.review.approvals import list_unapproved, review_pictures
from nbp_dagster.studio.review.decision_log import Decision, Place
from nbp_dagster.yaml_source.problems import list_accepted


@dataclass(frozen=True)
class ExportRules:
    """How a set is exported.

    Attributes:
        per_channel: A zip for each channel instead of one for all.
        is_trial: Whether simulated pictures may be in it.
        allow_missing: Whether pictures of the campaign may lack.
        decisions: The latest one about each file of the campaign.
    """

    per_channel: bool = False
    is_trial: bool = False
    allow_missing: bool = False
    decisions: Mapping[Place, Decision] = field(default_factory=dict)


def export_set(
    sets: Path, briefs: Briefs, campaign_id: str, to: Path, rules: ExportRules
) -> tuple[Archive, ...]:
    """Write a campaign's set as zips.

    Args:
        sets: Folder of the finished sets.
        briefs: Has the brand's file names and blocking checks.
        campaign_id: The campaign.
        to: Folder of the zips.
        rules: How.

    Raises:
        NotPublishable: There is no such campaign or set, or it may not leave.
        FileNameError: The brand's pattern does not fit the set.
        DeliveryError: The zips can't be written; what was there before is still there.
    """
    if campaign_id not in briefs.campaigns:
        known = list_accepted(briefs.campaigns, wanted=campaign_id)
        raise NotPublishable(f"no campaign {campaign_id} in {briefs.root}; {known}")
    folder = sets / campaign_id
    manifest = read_set(folder, campaign_id)
    brand = briefs.brands[briefs.campaigns[campaign_id].brand]
    rows = review_pictures(manifest, rules.decisions)
    part = choose_variants(manifest, rows).manifest
    version = set_digest(manifest)
    candidate = Candidate(
        folder=folder,
        manifest=part,
        version=version,
        recorded=version,
        blocking_checks=brand.blocking_checks,
        allow_missing=rules.allow_missing,
        allow_simulated=rules.is_trial,
        unapproved=list_unapproved(
            rows,
            requires_all=briefs.campaigns[campaign_id].require_approval,
        ),
    )
    for reason in list_refusals(candidate):
        raise NotPublishable(f"the set of {campaign_id} is not exported: {reason}")
    source = briefs.source_of("brand", brand.id)
    line = source.line_of(("file_names",))
    where = source.file if line is None else f"{source.file}:{line}"
    names = name_pictures(part, brand.file_names, where=where)
    return write_archives(folder, part, names, to, per_channel=rules.per_channel)
