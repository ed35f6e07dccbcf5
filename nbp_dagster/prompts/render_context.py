"""All that the briefs say of one prompt, looked up once: brand, campaign, shot, channels, fonts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.models import Brand, Campaign, Shot
from nbp_dagster.briefs.vocabulary import ColourTarget
from nbp_dagster.disclosure.need import LabelSpec, Need, label_of, need_of
from nbp_dagster.disclosure.own_table import table_of
from nbp_dagster.disclosure.table import DisclosureTable, load_packaged_table
from nbp_dagster.prompts.alt_text import alt_texts_of
from nbp_dagster.prompts.expansion import ALL_LOCALES, Prompt, locales_of


@dataclass(frozen=True)
class RenderContext:
    """All that the briefs say of one prompt.

    Attributes:
        channels: Those the picture is cut for, in brief order.
        fonts: By locale, the fonts of copy that is composited, and of labels.
        table: What law and platforms ask.
    """

    prompt: Prompt
    brand: Brand
    campaign: Campaign
    shot: Shot
    channels: tuple[Channel, ...]
    fonts: Mapping[str, FontPair] = field(default_factory=dict)
    table: DisclosureTable = field(default_factory=load_packaged_table)

    @cached_property
    def need(self) -> Need:
        """What the campaign's markets ask of its pictures."""
        return need_of(self.brand, self.campaign, self.shot, self.table)

    def label(self, locale: str) -> LabelSpec | None:
        """Return the label of a rendition for a locale; None where it carries none."""
        served = self.campaign.locales if locale == ALL_LOCALES else (locale,)
        return label_of(self.need, self.brand, served, self.table)

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
    brand, table = briefs.brands[campaign.brand], table_of(briefs)
    needs_fonts = sets_type(shot, channels) or need_of(brand, campaign, shot, table).is_labelled
    return RenderContext(
        prompt=prompt,
        brand=brand,
        campaign=campaign,
        shot=shot,
        channels=channels,
        fonts=_fonts(briefs, campaign, prompt) if needs_fonts else {},
        table=table,
    )


def sets_type(shot: Shot, channels: Iterable[Channel]) -> bool:
    """Return whether copy is composited on any rendition; on banners, drawn copy is too."""
    if shot.text == "drawn":
        return any(is_banner(channel.width, channel.height) for channel in channels)
    return shot.text == "composited"


def _fonts(briefs: Briefs, campaign: Campaign, prompt: Prompt) -> Mapping[str, FontPair]:
    locales = locales_of(prompt, campaign)
    return {locale: briefs.fonts_of(campaign.brand, locale) for locale in locales}
