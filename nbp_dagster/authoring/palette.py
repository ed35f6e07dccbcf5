"""Chooses a brand's palette among colours that were found; must not know how they were found."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nbp_dagster.authoring.colours import (
    Colour,
    measure_chroma,
    measure_difference,
    measure_lightness,
)
from nbp_dagster.studio.typography.contrast import measure_contrast

Fits = Callable[["Candidate"], bool]
Role = Literal["primary", "accent", "neutral", "ink"]

_COLOURED: Final = 0.05  # OKLCH chroma from which a colour is not taken for a grey
_APART: Final = 0.12  # OKLab: an accent is told from the primary colour at a glance
_LEGIBLE: Final = 3.0  # WCAG: large type of one colour on the other
_GROUND: Final = 0.85  # OKLCH lightness from which a colour is a ground to lay things on
_INK: Final = 0.35  # and up to which it is an ink

_HINTS: Final[Mapping[Role, frozenset[str]]] = {
    "primary": frozenset(("primary", "brand", "main", "theme", "corporate")),
    "accent": frozenset(("accent", "secondary", "highlight", "cta", "action", "tertiary")),
    "neutral": frozenset(
        ("neutral", "background", "bg", "surface", "paper", "canvas", "cream", "sand", "page")
    ),
    "ink": frozenset(("ink", "text", "foreground", "fg")),
}
# Words of a name that say nothing of its role.
_PLAIN_WORDS = """
color colour colors colours clr c col ds sys ref base default value global site app hex
token palette 500 600 main brand
"""
_PLAIN: Final = frozenset(_PLAIN_WORDS.split())
# A shade for a state, or what lies on top of the colour that is named.
_STATES_WORDS = """
hover focus active disabled visited border shadow outline ring foreground on contrast
inverse muted subtle dim alpha gradient dark darker darkest light lighter lightest soft
tint shade text rgb hsl h s l 50 100 200 300 400 700 800 900 950 error success warning
danger info
"""
_STATES: Final = frozenset(_STATES_WORDS.split())


@dataclass(frozen=True)
class Candidate:
    """A colour that was found.

    Attributes:
        colour: The colour.
        origin: Where, in words.
        name: Name of the variable that holds it; empty for none.
        weight: How much it says of the brand, above 0; it decides among colours without a name.
    """

    colour: Colour
    origin: str
    name: str = ""
    weight: float = 1.0


def choose_palette(found: Iterable[Candidate]) -> dict[Role, Candidate]:
    """Return the colour of each role that has one.

    Named colours come first. Of the others the primary colour is the weightiest that is no grey,
    the accent a coloured one that differs from it at a glance, the neutral a light grey or cream
    that the primary is legible on: accent and neutral are told apart by chroma and contrast.

    Example:
        >>> teal = Candidate((20, 112, 122), "the logo", weight=2)
        >>> cream = Candidate((255, 241, 221), "the style sheet")
        >>> choose_palette([teal, cream])["neutral"].colour
        (255, 241, 221)
    """
    candidates = list(found)
    palette: dict[Role, Candidate] = {}
    primary = _find_named("primary", candidates) or _find_primary(candidates)
    if primary is None:
        return palette
    palette["primary"] = primary
    named = _find_named("accent", candidates)
    if named is None or measure_difference(named.colour, primary.colour) < _APART / 2:
        named = None
    accent = named or _first(
        candidates,
        lambda item: (
            measure_chroma(item.colour) >= _COLOURED
            and measure_difference(item.colour, primary.colour) >= _APART
            and measure_lightness(item.colour) < 0.97
        ),
    )
    if accent is not None:
        palette["accent"] = accent
    neutral = _find_neutral(candidates, primary.colour)
    if neutral is not None:
        palette["neutral"] = neutral
        ink = _find_named("ink", candidates)
        if ink is not None and _is_ink(ink.colour, neutral.colour, primary.colour):
            palette["ink"] = ink
    return palette


def _find_neutral(candidates: Sequence[Candidate], primary: Colour) -> Candidate | None:
    def can_be(item: Candidate) -> bool:
        is_grey = measure_chroma(item.colour) < _COLOURED
        is_ground = measure_lightness(item.colour) >= _GROUND
        return is_grey and is_ground and measure_contrast(item.colour, primary) >= _LEGIBLE

    fitting = [item for item in candidates if can_be(item)]
    named = _find_named("neutral", fitting)
    # Of the others one with a hue of its own, before plain white, which every page has.
    tinted = [item for item in fitting if min(item.colour) < 250]
    return named or _first(tinted, can_be) or _first(fitting, can_be)


def _is_ink(colour: Colour, neutral: Colour, primary: Colour) -> bool:
    return (
        measure_lightness(colour) <= _INK
        and measure_contrast(colour, neutral) >= 7
        and measure_difference(colour, primary) >= _APART / 2
    )


def _find_primary(candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the weightiest colour; a brand may be black, where nothing has a hue."""
    coloured = _first(
        candidates,
        lambda item: (
            measure_chroma(item.colour) >= _COLOURED and measure_lightness(item.colour) < 0.95
        ),
    )
    return coloured or _first(candidates, lambda item: measure_lightness(item.colour) <= 0.45)


def _find_named(role: Role, candidates: Iterable[Candidate]) -> Candidate | None:
    """Return the candidate whose name says the role in the fewest words."""
    ranked = [
        (rank, place, item)
        for place, item in enumerate(candidates)
        if item.name and (rank := _rank_name(role, item.name)) is not None
    ]
    return min(ranked, key=lambda entry: entry[:2])[2] if ranked else None


def _rank_name(role: Role, name: str) -> int | None:
    """Return how many words a name has beyond the role; None where it says another or none."""
    words = [word for word in re.split(r"[^a-z0-9]+", _split_camel(name).lower()) if word]
    hints = _HINTS[role]
    said = [word for word in words if word in hints]
    if not said or (_STATES & set(words)) - hints:
        return None
    # `--brand-accent` is an accent, and not what the brand is primarily.
    others = frozenset().union(*(known for each, known in _HINTS.items() if each != role))
    if role == "primary" and others & set(words):
        return None
    extra = [word for word in words if word not in hints and word not in _PLAIN]
    return 10 * len(extra) + (role == "primary" and "primary" not in words)


def _split_camel(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", name)


def _first(candidates: Sequence[Candidate], fits: Fits) -> Candidate | None:
    """Return the weightiest candidate that fits."""
    fitting = [item for item in candidates if fits(item)]
    return max(fitting, key=lambda item: item.weight) if fitting else None
