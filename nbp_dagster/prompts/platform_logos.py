"""Which platforms ask for the brand's logo as a file of its own, and campaigns that have none."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.models import Campaign
from nbp_dagster.clock import MOST_DAYS_UNCHECKED, is_unchecked
from nbp_dagster.yaml_source.problems import BriefProblem, format_key, show_text


@dataclass(frozen=True, kw_only=True)
class LogoRule:
    """A logo file that a platform asks for: a square PNG.

    Attributes:
        name: Stem of the file's name in a set.
        platform: As channels name it in `platform`.
        side: Pixels of the square's side.
        shown: Share of the side that the platform shows on every device, in the middle.
        max_bytes: Largest file.
        checked_on: Day the figures were last compared with their source.
        source: Where they come from.
    """

    name: str
    platform: str
    side: int
    shown: float
    max_bytes: int
    checked_on: date
    source: str


LOGO_RULES: Final = (
    LogoRule(
        name="google_logo",
        platform="Google Demand Gen and Performance Max",
        side=1200,
        shown=0.8,
        max_bytes=150_000,
        checked_on=date(2026, 11, 28),
        source=(
            "Google Ads Help 17140672: logo 1:1, 1200x1200 recommended, at most 150 KB. Google Ads "
            "Help 14530211: content in the middle 80 %, transparent logos are shown on white in "
            "most ads, none that is mostly white on transparent ground."
        ),
    ),
)


def find_logo_rules(briefs: Briefs, campaign: Campaign) -> tuple[LogoRule, ...]:
    """Return the logo files that the platforms of a campaign's channels ask for."""
    platforms = {briefs.channels[name].platform for name in campaign.channels}
    return tuple(rule for rule in LOGO_RULES if rule.platform in platforms)


def find_logo_problems(
    briefs: Briefs, today: date, campaigns: Container[str] | None = None
) -> Iterator[BriefProblem]:
    """Yield a warning for each campaign, of some or all, whose logo file is wanting or may be old.

    A platform asks for the file, and the brand has no logo; or the rule's figures are old.
    """
    for campaign in briefs.campaigns.values():
        if campaigns is not None and campaign.id not in campaigns:
            continue
        brand = briefs.brands[campaign.brand]
        source = briefs.source_of("campaign", campaign.id)
        for rule in find_logo_rules(briefs, campaign):
            if brand.logo is None:
                message = (
                    f"{rule.platform} asks for a logo file and the brand {brand.id} has no `logo`; "
                    "give it one, or upload a logo by hand"
                )
            elif is_unchecked(rule.checked_on, today):
                message = (
                    f"the figures of the logo file for {rule.platform} were last compared on "
                    f"{rule.checked_on}, over {MOST_DAYS_UNCHECKED} days ago; compare them"
                )
            else:
                continue
            key = ("channels",)
            shown = show_text(", ".join(campaign.channels))
            yield BriefProblem(source.file, source.line_of(key), format_key(key), shown, message)
