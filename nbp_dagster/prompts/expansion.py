"""Expands campaigns to prompts, one paid picture each, in brief order; must not know requests."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.models import Campaign, Shot
from nbp_dagster.prompts.aspect_ratio import ratio_of

ALL_LOCALES = "all"

_Groups = Mapping[str, tuple[str, ...]]


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
    """Return a campaign's prompts by shot, then locale, then ratio, then variant.

    The banners of a shot with drawn words follow its locales: one picture without words serves all
    of them, because the copy of a banner is set by us, beside the picture.
    """
    every = group_channels(campaign, channels)
    plain, banners = _split_banners(every, channels)
    prompts = []
    for shot in campaign.shots:
        for locale, groups in _find_pictures(campaign, shot, every, plain, banners):
            for ratio, names in groups.items():
                stem = f"{campaign.id}/{shot.id}/{locale}/{ratio.replace(':', 'x')}"
                prompts += [
                    Prompt(f"{stem}/v{n}", campaign.id, shot.id, locale, ratio, n, names)
                    for n in range(1, campaign.variants + 1)
                ]
    return tuple(prompts)


def _find_pictures(
    campaign: Campaign, shot: Shot, every: _Groups, plain: _Groups, banners: _Groups
) -> Iterator[tuple[str, _Groups]]:
    """Yield the locales whose words a shot's pictures have, each with its channels by ratio."""
    if draws_text(shot):
        yield from ((locale, plain) for locale in campaign.locales)
        yield ALL_LOCALES, banners
    else:
        yield ALL_LOCALES, every


def _split_banners(groups: _Groups, channels: Mapping[str, Channel]) -> tuple[_Groups, _Groups]:
    """Return channel ids by ratio without the banners, and those of the banners alone."""
    plain: dict[str, tuple[str, ...]] = {}
    banners: dict[str, tuple[str, ...]] = {}
    for ratio, names in groups.items():
        for name in names:
            found = banners if is_banner(channels[name].width, channels[name].height) else plain
            found[ratio] = (*found.get(ratio, ()), name)
    return plain, banners


def is_wordless_banner(prompt: Prompt, shot: Shot) -> bool:
    """Return whether a prompt is for the banners of a shot with drawn words."""
    return prompt.locale == ALL_LOCALES and draws_text(shot)


def find_drawn_forms(
    prompt: Prompt, campaign: Campaign, groups: Mapping[str, tuple[str, ...]]
) -> tuple[Prompt, ...]:
    """Return a banner's prompts as they were when its words were drawn: one for each locale.

    Each has the key of the prompt itself, and all channels of its ratio, as its picture served all
    of them. None for a prompt that is no banner of a shot with drawn words.

    Args:
        prompt: The prompt.
        campaign: Its campaign.
        groups: What `group_channels` returns of the campaign.
    """
    if not is_wordless_banner(prompt, campaign.shot(prompt.shot)):
        return ()
    names = groups[prompt.ratio]
    shot = campaign.shot(prompt.shot)
    # Edits, which are younger, were never asked for with words.
    drawn = campaign.locales[:1] if shot.localize == "edit" else campaign.locales
    locales = drawn if shot.source is None else ()
    return tuple(replace(prompt, locale=locale, channels=names) for locale in locales)


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


def drawn_locale(prompt: Prompt, shot: Shot) -> str | None:
    """Return the locale whose words the model draws; None where it draws none."""
    return prompt.locale if draws_text(shot) and prompt.locale != ALL_LOCALES else None


def locales_of(prompt: Prompt, campaign: Campaign) -> tuple[str, ...]:
    """Return the locales whose renditions a prompt serves: its own, or all of the campaign."""
    return campaign.locales if prompt.locale == ALL_LOCALES else (prompt.locale,)
