"""Finds copy of ours that has no room on a channel, with file and line; draws nothing."""

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import Campaign, Shot
from nbp_dagster.briefs.wording import wording_of
from nbp_dagster.prompts.render_context import sets_type
from nbp_dagster.studio.typography.copy_layer import check_copy
from nbp_dagster.studio.typography.text_block import TextDoesNotFit
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, format_key


def find_crowded_copy(briefs: Briefs) -> list[BriefProblem]:
    """Return a problem for every locale of a shot whose copy can't be set on all its channels."""
    return [
        problem
        for campaign in briefs.campaigns.values()
        for index, shot in enumerate(campaign.shots)
        if sets_type(shot, [briefs.channels[name] for name in campaign.channels])
        for locale in campaign.locales
        for problem in _check(briefs, campaign, index, shot, locale)
    ]


def _check(
    briefs: Briefs, campaign: Campaign, index: int, shot: Shot, locale: str
) -> list[BriefProblem]:
    channels = tuple(briefs.channels[name] for name in campaign.channels)
    words = wording_of(briefs.brands[campaign.brand], shot, locale)
    try:
        check_copy(
            shot,
            {str(field): text for field, text in words.items()},
            channels,
            locale,
            briefs.fonts_of(campaign.brand, locale),
        )
    except TextDoesNotFit as error:
        source = briefs.source_of("campaign", campaign.id)
        path: KeyPath = ("shots", index, "copy")
        return [BriefProblem(source.file, source.line_of(path), format_key(path), "", str(error))]
    return []
