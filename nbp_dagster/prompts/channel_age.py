"""Which channels of a campaign have figures that nobody compared with their source lately."""

from collections.abc import Container, Iterator
from datetime import date

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel
from nbp_dagster.clock import MOST_DAYS_UNCHECKED, is_unchecked
from nbp_dagster.yaml_source.problems import BriefProblem, format_key


def describe_age(channel: Channel, today: date) -> str | None:
    """Return why a channel's figures may be old, or None.

    One's own channels without a platform and without `checked_on` are nobody's to compare.
    """
    if channel.checked_on is None:
        if channel.platform is None:
            return None
        return f"its figures could not be compared with their source; look at {channel.platform}'s"
    if not is_unchecked(channel.checked_on, today):
        return None
    return (
        f"its figures were last compared with their source on {channel.checked_on}, over "
        f"{MOST_DAYS_UNCHECKED} days ago; compare them, and override the channel if they have "
        "changed"
    )


def find_old_channels(
    briefs: Briefs, today: date, campaigns: Container[str] | None = None
) -> Iterator[BriefProblem]:
    """Yield a warning for each channel of some campaigns, or of all, whose figures may be old."""
    for campaign in briefs.campaigns.values():
        if campaigns is not None and campaign.id not in campaigns:
            continue
        source = briefs.source_of("campaign", campaign.id)
        for place, name in enumerate(campaign.channels):
            reason = describe_age(briefs.channels[name], today)
            if reason is not None:
                key = ("channels", place)
                line = source.line_of(key)
                yield BriefProblem(source.file, line, format_key(key), repr(name), reason)
