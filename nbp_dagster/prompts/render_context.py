"""All that the briefs say of one prompt, looked up once: brand, campaign, shot, channels, fonts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.models import Brand, Campaign, Shot
from nbp_dagster.briefs.vocabulary import ColourTarget
from nbp_dagster.prompts.alt_text import alt_texts_of
from nbp_dagster.prompts.aspect_ratio import is_banner
from nbp_dagster.prompts.expansion import ALL_LOCALES, Prompt, locales_of


@dataclass(frozen=True)
class RenderContext:
    """All that the briefs say of one prompt.

    Attributes:
        channels: Those the picture is cut for, in brief order.
        fonts: By locale, the fonts of copy that is composited.
    """

    prompt: Prompt
    brand: Brand
    campaign: Campaign
    shot: Shot
    channels: tuple[Channel, ...]
    fonts: Mapping[str, FontPair] = field(default_factory=dict)

    @property
    def discloses_prompt(self) -> bool:
        """Whether pictures may hold the prompt: as the campaign sets it, else the brand."""
        own = self.campaign.disclose_prompt
        return self.brand.disclose_prompt if own is None else own

    def alt_texts(self, locale: str) -> Mapping[str, str]:
        """Return the alternative texts of a rendition for a locale, by language tag."""
        served = self.campaign.locales if locale == ALL_LOCALES else (locale,)
        return alt_texts_of(self.brand, self.shot, served)

    @property
    def palette_targets(self) -> Mapping[str, ColourTarget]:
        """Each colour's share of the picture: as the shot sets it, else the campaign."""
        return {**self.campaign.palette_targets, **self.shot.palette_targets}


def render_context_of(briefs: Briefs, prompt: Prompt) -> RenderContext:
    """Look up a prompt's brand, campaign, shot and channels in validated briefs."""
    campaign = briefs.campaigns[prompt.campaign]
    shot = campaign.shot(prompt.shot)
    channels = tuple(briefs.channels[channel] for channel in prompt.channels)
    return RenderContext(
        prompt=prompt,
        brand=briefs.brands[campaign.brand],
        campaign=campaign,
        shot=shot,
        channels=channels,
        fonts=_fonts(briefs, campaign, prompt) if sets_type(shot, channels) else {},
    )


def sets_type(shot: Shot, channels: Iterable[Channel]) -> bool:
    """Return whether copy is composited on any rendition; on banners, drawn copy is too."""
    if shot.text == "drawn":
        return any(is_banner(channel.width, channel.height) for channel in channels)
    return shot.text == "composited"


def _fonts(briefs: Briefs, campaign: Campaign, prompt: Prompt) -> Mapping[str, FontPair]:
    locales = locales_of(prompt, campaign)
    return {locale: briefs.fonts_of(campaign.brand, locale) for locale in locales}
