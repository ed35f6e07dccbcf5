"""Which copy each rendition gets, and whether it fits; must not know pixels.

Validation and compiling use it before anything is bought.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbp_dagster.briefs.brief import Briefs, wording_of
from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.models import Campaign, Shot
from nbp_dagster.prompts.expansion import draws_text, locales_of
from nbp_dagster.prompts.render_context import RenderContext, sets_type
from nbp_dagster.studio.typography.banner import check_banner
from nbp_dagster.studio.typography.text_block import TextDoesNotFit, check_type
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, format_key


@dataclass(frozen=True)
class LocaleCopy:
    """The copy one rendition gets; no texts where the picture has its words already, or none."""

    locale: str
    texts: Mapping[str, str]


def locale_copies(context: RenderContext, channel: Channel) -> Iterator[LocaleCopy]:
    """Yield the copy of each rendition that a channel gets.

    One wordless rendition, unless we set the type: then one for each locale. On a banner we set it
    for a shot with drawn words, too.
    """
    shot, prompt = context.shot, context.prompt
    is_set = draws_text(shot) and is_banner(channel.width, channel.height)
    if is_set or shot.text == "composited":
        for locale in locales_of(prompt, context.campaign):
            yield LocaleCopy(locale, _words(context, locale))
        return
    yield LocaleCopy(prompt.locale, {})


def count_renditions(context: RenderContext) -> int:
    """Return how many pictures a prompt's original becomes."""
    return sum(1 for channel in context.channels for _ in locale_copies(context, channel))


def check_copy_fits(context: RenderContext) -> None:
    """Make sure that copy we set ourselves can be set on every channel, before anything is bought.

    Raises:
        TextDoesNotFit: There is no room for it, or no glyph.
    """
    for locale in dict.fromkeys(
        each.locale for channel in context.channels for each in locale_copies(context, channel)
    ):
        check_shot_copy(
            context.shot,
            _words(context, locale),
            context.channels,
            locale,
            context.fonts.get(locale),
        )


def check_shot_copy(
    shot: Shot,
    words: Mapping[str, str],
    channels: tuple[Channel, ...],
    locale: str,
    fonts: FontPair | None,
) -> None:
    """Make sure that a shot's copy in one locale can be set wherever we set it.

    Raises:
        TextDoesNotFit: There is no room for it on one of the channels, or no glyph.
    """
    if not words or shot.text == "none":
        return
    sizes = {(item.width, item.height): item.safe_area for item in channels}
    plain = {size: area for size, area in sizes.items() if not is_banner(*size)}
    if plain and shot.text == "composited":
        check_type(words, sizes=plain, language=locale, fonts=fonts)
    for size, area in sizes.items():
        if is_banner(*size):
            check_banner(words, size=size, safe_area=area, language=locale, fonts=fonts)


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


def _words(context: RenderContext, locale: str) -> Mapping[str, str]:
    if not context.shot.texts:
        return {}
    words = wording_of(context.brand, context.shot, locale)
    return {str(name): text for name, text in words.items()}


def _check(
    briefs: Briefs, campaign: Campaign, index: int, shot: Shot, locale: str
) -> list[BriefProblem]:
    channels = tuple(briefs.channels[name] for name in campaign.channels)
    words = wording_of(briefs.brands[campaign.brand], shot, locale)
    try:
        check_shot_copy(
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
