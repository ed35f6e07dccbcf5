"""Everything the briefs say about one prompt, looked up once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.models import Brand, Campaign, Channel, Shot
from nbp_dagster.briefs.vocabulary import ColourTarget
from nbp_dagster.prompts.aspect_ratio import is_banner
from nbp_dagster.prompts.expansion import Prompt, locales_of


@dataclass(frozen=True)
class RenderContext:
    """Everything the briefs say about one prompt.

    Attributes:
        fonts: By locale, what copy is set in that we set ourselves.
    """

    prompt: Prompt
    brand: Brand
    campaign: Campaign
    shot: Shot
    channels: tuple[Channel, ...]
    fonts: Mapping[str, FontPair] = field(default_factory=dict)

    @property
    def discloses_prompt(self) -> bool:
        """Whether pictures may hold the text that was sent: the campaign's word, or the brand's."""
        said = self.campaign.disclose_prompt
        return self.brand.disclose_prompt if said is None else said

    @property
    def palette_targets(self) -> Mapping[str, ColourTarget]:
        """How much of each colour the picture must have: the shot's word, else the campaign's."""
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
    """Return whether we set copy on any rendition: on banners that of drawn words, too."""
    if shot.text == "drawn":
        return any(is_banner(channel.width, channel.height) for channel in channels)
    return shot.text == "composited"


def _fonts(briefs: Briefs, campaign: Campaign, prompt: Prompt) -> Mapping[str, FontPair]:
    locales = locales_of(prompt, campaign)
    return {locale: briefs.fonts_of(campaign.brand, locale) for locale in locales}
