"""Writes a new brand or campaign as YAML that people go on editing; reads and asks nothing.

Comments say what a field is for and where its value was found.
"""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from nbp_dagster.authoring.schemas import schema_line

STAND_IN: Final = "stand-in"
"""Begins the origin of a value that was not found."""

_WIDTH: Final = 92
_FOLDED_FROM: Final = 76  # characters; shorter text stands behind its key
# Text that YAML 1.1 reads as itself without quotes.
_PLAIN: Final = re.compile(r"[A-Za-zÀ-ɏ][\w ,.;()/’‘“”–—…&'+-]*[\w.)’”!?…]|[A-Za-z]")
_READ_OTHERWISE: Final = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


@dataclass(frozen=True)
class NewCharacter:
    """A character of a new brand.

    Attributes:
        id, name: How briefs and people call it.
        traits: What never changes about it.
        kind: person, animal, mascot or illustration; empty where it is not said.
    """

    id: str
    name: str
    traits: tuple[str, ...]
    kind: str = ""


@dataclass(frozen=True)
class NewBrand:
    """What a new brand's file says.

    Attributes:
        id, name, voice, style, typography: Fields of the brief.
        palette: `#RRGGBB` by name.
        logo: Path beside the file; empty for none.
        fonts: Paths of the regular and the bold font beside the file; empty for none.
        characters: Its characters, if any.
        origins: Where each value was found, by key, such as `name` and `palette.primary`.
        languages: Locales that its pages have.
        source: Page or folder that it was begun from; empty for none.
    """

    id: str
    name: str
    voice: str
    style: str
    typography: str
    palette: Mapping[str, str]
    logo: str = ""
    fonts: tuple[str, ...] = ()
    characters: tuple[NewCharacter, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    source: str = ""


@dataclass(frozen=True)
class NewShot:
    """A shot of a new campaign; copy is text by locale by field."""

    id: str
    scene: str
    characters: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    text: str = "composited"
    copy: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    alt_text: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NewCampaign:
    """What a new campaign's file says."""

    id: str
    brand: str
    objective: str
    locales: tuple[str, ...]
    channels: tuple[str, ...]
    resolution: str
    shots: tuple[NewShot, ...]
    budget_usd: float = 1.0


def write_brand(brand: NewBrand) -> str:
    """Return the text of a brand's file."""
    return "\n".join(_brand_lines(brand)) + "\n"


def write_campaign(campaign: NewCampaign) -> str:
    """Return the text of a campaign's file."""
    return "\n".join(_campaign_lines(campaign)) + "\n"


def quote(value: Any) -> str:
    """Return a text or number as a YAML value on one line, quoted where it has to be."""
    if not isinstance(value, str):
        return f"{value:g}" if isinstance(value, float) else str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _READ_OTHERWISE:
        return value
    return json.dumps(value, ensure_ascii=False)


def _brand_lines(brand: NewBrand) -> Iterator[str]:
    yield schema_line("brand")
    begun = f", begun from {brand.source}" if brand.source else ""
    yield from _comment(f"A brand{begun}. Check every value: it goes into each picture.")
    origins = brand.origins
    yield f"id: {brand.id}"
    yield from _entry("name", brand.name, origins)
    yield from _comment("How the brand speaks, for whoever writes its copy.")
    yield from _entry("voice", brand.voice, origins)
    yield from _comment("What every picture looks like: light, lens, medium.")
    yield from _entry("style", brand.style, origins)
    yield "palette:"
    for name, colour in brand.palette.items():
        yield from _entry(name, colour, origins, within="palette", indent=2)
    yield from _comment("What lettering looks like that the model draws.")
    yield from _entry("typography", brand.typography, origins)
    if brand.logo:
        yield from _entry("logo", brand.logo, origins)
    if brand.fonts:
        yield from _comment("Sets composited copy; see that the licence allows it.")
        yield "fonts:"
        for weight, font in zip(("regular", "bold"), brand.fonts, strict=False):
            yield f"  {weight}: {quote(font)}"
    if brand.languages:
        yield from _comment(f"Its pages are in {', '.join(brand.languages)}; campaigns say which.")
    yield from _comment("What copy must never say, by locale, such as {en: [guaranteed]}.")
    yield "prohibited_terms: {}"
    yield from _character_lines(brand.characters)
    yield from _comment("Packs that must look as they are, by id, each with name, description and")
    yield from _comment("references: pictures of it beside this file.")
    yield "products: {}"


def _character_lines(characters: Sequence[NewCharacter]) -> Iterator[str]:
    yield from _comment(
        "Who returns in the pictures, by id. What is listed never changes; say it as"
    )
    yield from _comment("one would to a stranger: age, build, hair, colours, clothes.")
    if not characters:
        yield "characters: {}"
        return
    yield "characters:"
    for character in characters:
        yield f"  {character.id}:"
        yield f"    name: {quote(character.name)}"
        if character.kind:
            yield f"    kind: {character.kind}"
        yield "    traits:"
        for trait in character.traits:
            yield f"      - {quote(trait)}"
        yield "    may_vary: [pose, expression, camera angle]"
        yield "    # The first sheet that is drawn counts; without this line, choose: nbp sheets"
        yield "    auto_pin: true"


def _campaign_lines(campaign: NewCampaign) -> Iterator[str]:
    yield schema_line("campaign")
    yield from _comment(f"A campaign of {campaign.brand}. `nbp plan {campaign.id}` says its price.")
    yield f"id: {campaign.id}"
    yield f"brand: {campaign.brand}"
    yield from _entry("objective", campaign.objective, {})
    yield f"locales: {_flow(campaign.locales)}"
    yield from _flow_lines("channels", campaign.channels)
    yield from _comment("Where it runs, such as [eu, US-NY]: decides what pictures must disclose.")
    yield "markets: []"
    yield f"resolution: {campaign.resolution}"
    yield "variants: 1"
    yield from _comment("A run stops before it spends more.")
    yield f"budget_usd: {quote(campaign.budget_usd)}"
    yield "shots:"
    for shot in campaign.shots:
        yield from _shot_lines(shot)


def _shot_lines(shot: NewShot) -> Iterator[str]:
    yield f"  - id: {shot.id}"
    yield from _entry("scene", shot.scene, {}, indent=4)
    for key, names in (("characters", shot.characters), ("products", shot.products)):
        if names:
            yield f"    {key}: {_flow(names)}"
    if shot.text == "composited":
        yield "    # drawn: the model letters it; composited: set on the picture, exact; none"
    yield f"    text: {shot.text}"
    if shot.copy:
        yield "    copy:"
    for key, texts in shot.copy.items():
        yield f"      {key}:"
        for locale, text in texts.items():
            yield f"        {quote(locale)}: {quote(text)}"
    if shot.alt_text:
        yield "    alt_text:"
    for locale, text in shot.alt_text.items():
        yield f"      {quote(locale)}: {quote(text)}"


def _entry(
    key: str, value: str, origins: Mapping[str, str], *, within: str = "", indent: int = 0
) -> Iterator[str]:
    """Yield a key and its text, below a comment that says where it was found."""
    space = " " * indent
    origin = origins.get(f"{within}.{key}" if within else key)
    if origin:
        said = origin if origin.startswith(STAND_IN) else f"from {origin}"
        yield from _comment(said, indent)
    text = " ".join(value.split(" "))
    if len(text) <= _FOLDED_FROM or re.search(r"  |^ | $", text):
        yield f"{space}{key}: {quote(text)}"
        return
    yield f"{space}{key}: >-"
    lines = textwrap.wrap(text, _WIDTH - indent, break_long_words=False, break_on_hyphens=False)
    for line in lines:
        yield f"{space}  {line}"


def _comment(text: str, indent: int = 0) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH - indent, break_long_words=False):
        yield f"{' ' * indent}# {line}"


def _flow(names: Sequence[str]) -> str:
    return f"[{', '.join(quote(name) for name in names)}]"


def _flow_lines(key: str, names: Sequence[str]) -> Iterator[str]:
    line = f"{key}: {_flow(names)}"
    if len(line) <= _WIDTH:
        yield line
        return
    yield f"{key}:"
    for name in names:
        yield f"  - {quote(name)}"
