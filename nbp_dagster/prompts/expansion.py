"""Expands campaigns to prompts, one paid picture each, in brief order; must not know requests."""

from collections.abc import Mapping
from dataclasses import dataclass

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel
from nbp_dagster.briefs.models import Campaign, Shot
from nbp_dagster.prompts.aspect_ratio import ratio_of

ALL_LOCALES = "all"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One partition: one paid picture.

    Attributes:
        key: `<campaign>/<shot>/<locale>/<ratio>/v<variant>`, the ratio's colon written `x`.
        campaign: Id of the campaign.
        shot: Id of the shot.
        locale: The locale whose words are drawn; `all` when the picture has no drawn words.
        ratio: The aspect ratio its channels are asked in, such as `9:16`.
        variant: From 1.
        channels: Ids of the channels this picture is cut for, in brief order.
    """

    key: str
    campaign: str
    shot: str
    locale: str
    ratio: str
    variant: int
    channels: tuple[str, ...]


def draws_text(shot: Shot) -> bool:
    """Return whether the model draws words into a shot."""
    return shot.text == "drawn" and bool(shot.texts)


def group_channels(
    campaign: Campaign, channels: Mapping[str, Channel]
) -> dict[str, tuple[str, ...]]:
    """Return the campaign's channel ids by ratio, ratios in the order of their first use."""
    groups: dict[str, tuple[str, ...]] = {}
    for name in campaign.channels:
        ratio = ratio_of(channels[name], campaign.chain[0])
        groups[ratio] = (*groups.get(ratio, ()), name)
    return groups


def expand_campaign(campaign: Campaign, channels: Mapping[str, Channel]) -> tuple[Prompt, ...]:
    """Return a campaign's prompts by shot, then locale, then ratio, then variant."""
    groups = group_channels(campaign, channels)
    prompts = []
    for shot in campaign.shots:
        for locale in campaign.locales if draws_text(shot) else (ALL_LOCALES,):
            for ratio, names in groups.items():
                stem = f"{campaign.id}/{shot.id}/{locale}/{ratio.replace(':', 'x')}"
                prompts += [
                    Prompt(f"{stem}/v{n}", campaign.id, shot.id, locale, ratio, n, names)
                    for n in range(1, campaign.variants + 1)
                ]
    return tuple(prompts)


def expand(briefs: Briefs) -> tuple[Prompt, ...]:
    """Return the prompts of every campaign, in the order of the campaigns' files."""
    return tuple(
        prompt
        for campaign in briefs.campaigns.values()
        for prompt in expand_campaign(campaign, briefs.channels)
    )


def sheet_keys(briefs: Briefs) -> tuple[str, ...]:
    """Return `<brand>/<character>` of every character, in brief order."""
    return tuple(
        f"{brand.id}/{character}"
        for brand in briefs.brands.values()
        for character in brand.characters
    )


def locales_of(prompt: Prompt, campaign: Campaign) -> tuple[str, ...]:
    """Return the locales whose renditions a prompt serves: its own, or all of the campaign."""
    return campaign.locales if prompt.locale == ALL_LOCALES else (prompt.locale,)
