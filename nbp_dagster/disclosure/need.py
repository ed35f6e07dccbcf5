"""What the rules of a campaign's markets ask of one picture; must not know pixels or requests."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from nbp_dagster.briefs.languages import find_nearest
from nbp_dagster.briefs.models import Brand, Campaign, Shot
from nbp_dagster.briefs.supplied_images import edited_image
from nbp_dagster.briefs.vocabulary import EU, EU_COUNTRIES, STATES, US, Realism
from nbp_dagster.disclosure.table import DisclosureTable, Icon, Rule, When, load_packaged_table

_STRONGEST: Final[tuple[Icon, ...]] = ("fully_generated", "partially_modified", "basic")


@dataclass(frozen=True, kw_only=True)
class LabelSpec:
    """The label that a rendition must carry: what all rules that hold for it ask together.

    Attributes:
        words: What is set beside the icon; empty for an icon alone.
        fallback: Words that stand where a font lacks a letter of `words`.
        language: Locale of the words, which decides fonts and direction.
        icon: Kind of the icon; None for none.
        least_px: Least size of its letters, in pixels of the em.
        least_share: The same as a share of the frame's shorter side; the larger of both holds.
        least_contrast: WCAG ratio of its letters.
    """

    words: str
    fallback: str
    language: str
    icon: Icon | None
    least_px: int
    least_share: float
    least_contrast: float

    def least_size(self, frame: tuple[int, int]) -> int:
        """Return the least size of its letters on a frame, in pixels of the em."""
        return max(self.least_px, round(self.least_share * min(frame)))


@dataclass(frozen=True, kw_only=True)
class Need:
    """What the markets of a campaign ask of the pictures of one shot.

    Attributes:
        markets: Where the campaign runs, as written; none where the brief does not say.
        realism: Whether its pictures look like photographs; None where the brief does not say.
        rules: Those that hold, in the table's order.
        is_synthetic_performer: Whether it shows a person and looks like a photograph.
        off: Why no label is set although one is asked for; None where one is.
        declarations: What each platform's field holds, by platform and field.
        is_modified: Whether its pictures are supplied images that the model changed.
    """

    markets: tuple[str, ...] = ()
    realism: Realism | None = None
    rules: tuple[Rule, ...] = ()
    is_synthetic_performer: bool = False
    off: str | None = None
    declarations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    is_modified: bool = False

    @property
    def facts(self) -> dict[str, Any]:
        """What records and recipes say of it, as plain values."""
        return {
            "rules": tuple(rule.id for rule in self.rules),
            "is_synthetic_performer": self.is_synthetic_performer,
            "off": self.off,
            "declarations": self.declarations,
        }

    @property
    def is_labelled(self) -> bool:
        """Whether its renditions carry a label."""
        return bool(self.rules) and self.off is None


def need_of(
    brand: Brand, campaign: Campaign, shot: Shot, table: DisclosureTable | None = None
) -> Need:
    """Return what the markets of a campaign ask of a shot's pictures.

    Without markets no rule holds; what platforms ask of every generated picture is declared.

    Args:
        brand: Has the cast's kinds.
        campaign: Has the markets.
        shot: The scene.
        table: Another table than the packaged one.
    """
    table = table or load_packaged_table()
    realism = campaign.realism or brand.realism
    is_photoreal = realism == "photoreal"
    has_person = any(brand.characters[name].kind == "person" for name in shot.characters)
    shown: dict[When, bool] = {"any": True}
    if campaign.markets:
        # Only then does the brief say for certain who and what is shown.
        shown["photoreal"] = is_photoreal
        shown["synthetic_performer"] = is_photoreal and has_person
    markets = _spread(campaign.markets)
    return Need(
        markets=campaign.markets,
        realism=realism,
        rules=tuple(
            rule for rule in table.rules if shown.get(rule.when) and markets & _spread(rule.markets)
        ),
        is_synthetic_performer=shown.get("synthetic_performer", False),
        off=None if campaign.disclosure is None else campaign.disclosure.off,
        declarations={
            each.id: {each.field: each.value if shown[each.when] else each.otherwise}
            for each in table.declarations
            if each.when in shown
        },
        is_modified=edited_image(campaign, shot) is not None,
    )


def label_of(
    need: Need, brand: Brand, locales: Iterable[str], table: DisclosureTable | None = None
) -> LabelSpec | None:
    """Return the label of a rendition that serves some locales; None where it carries none.

    Its words are in the first of the locales: every language's name AI.

    Args:
        need: What is asked of it.
        brand: May word the label itself.
        locales: Those it serves, in the campaign's order; at least one.
        table: Another table than the packaged one.
    """
    if not need.is_labelled:
        return None
    table = table or load_packaged_table()
    locale = next(iter(locales))
    own = brand.disclosure.words
    words = find_nearest(own, locale) or table.words_in(locale)
    icons = {rule.icon for rule in need.rules}
    if need.is_modified and "fully_generated" in icons:
        # What was photographed or drawn by somebody is no generated picture.
        icons = (icons - {"fully_generated"}) | {"partially_modified"}
    return LabelSpec(
        words=words if any(rule.has_words for rule in need.rules) else "",
        fallback=table.words_in("en"),
        language=locale,
        icon=next((icon for icon in _STRONGEST if icon in icons), None),
        least_px=max(rule.least_px for rule in need.rules),
        least_share=max(rule.least_share for rule in need.rules),
        least_contrast=max(rule.least_contrast for rule in need.rules),
    )


def _spread(markets: Iterable[str]) -> frozenset[str]:
    """Return markets with the places they consist of: two lists share one where they overlap."""
    found = set[str]()
    for market in markets:
        found.add(market)
        found |= EU_COUNTRIES if market == EU else set()
        found |= STATES if market == US else set()
    return frozenset(found)
