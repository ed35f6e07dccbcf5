"""What a style sheet says of a brand: variables, fonts, colours in use; fetches nothing."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from nbp_dagster.authoring.colours import Colour, read_colour

MAX_CHARACTERS: Final = 3_000_000
"""Of a style sheet no more is read."""

_COMMENT: Final = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_IMPORT: Final = re.compile(r"@import\s+(?:url\(\s*)?[\"']?([^\"')\s;]{1,500})", re.IGNORECASE)
# Strings and addresses may hold the signs that divide a style sheet.
_OPAQUE: Final = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|url\([^()\n]*\)", re.IGNORECASE)
_SIGNS: Final = re.compile(r"[{};]")
_TOKEN: Final = re.compile(r"[^{};]+|[{};]")
_ROOT: Final = re.compile(r"(?:^|[\s,])(?::root|:host|html|body|\*)(?=$|[\s,:.\[])")
_DARK: Final = re.compile(r"prefers-color-scheme:\s*dark|[.\[\"'=-]dark\b|\bdark-", re.IGNORECASE)
_VARIABLE: Final = re.compile(r"var\(\s*(--[\w-]+)\s*(?:,([^()]*))?\)")
_PAINTS: Final = frozenset(
    ("color", "background", "background-color", "border-color", "fill", "stroke")
)
# What every site of a framework has, whatever its brand is.
_FRAMEWORKS: Final = re.compile(
    r"--(?:bs-(?!primary$|secondary$|body)|tw-|swiper-|fa-|wp--preset--(?:color--(?:black$|white$|"
    r"cyan-bluish|pale|vivid|luminous)|gradient|duotone|shadow|font-size|spacing)|wp-admin|wp--style)"
)
_NESTED: Final = 6  # blocks around a declaration that are looked at
_RESOLVED: Final = 6  # variables that stand for one another, one after the other, at most


@dataclass(frozen=True)
class Stylesheet:
    """What one style sheet declares, outside of its dark forms.

    Attributes:
        variables: Value of each custom property as written; of the page's root before others.
        families: Selector and value of each `font-family`.
        colours: How often each colour is declared for text, ground, border or shape.
        imports: Addresses of style sheets that it imports.
    """

    variables: Mapping[str, str] = field(default_factory=dict)
    families: tuple[tuple[str, str], ...] = ()
    colours: Mapping[Colour, int] = field(default_factory=dict)
    imports: tuple[str, ...] = ()


def read_stylesheet(text: str) -> Stylesheet:
    """Return what a style sheet declares; what can't be read of it is passed over."""
    text = _COMMENT.sub(" ", text[:MAX_CHARACTERS])
    imports = tuple(_IMPORT.findall(text))
    plain = _OPAQUE.sub(lambda found: _SIGNS.sub(" ", found[0]), text)
    root: dict[str, str] = {}
    others: dict[str, str] = {}
    families: list[tuple[str, str]] = []
    paints: list[str] = []
    for selector, name, value in _list_declarations(plain):
        if name.startswith("--"):
            if _ROOT.search(selector):
                root[name] = value
            else:
                others.setdefault(name, value)
        elif name == "font-family":
            families.append((selector, value))
        elif name in _PAINTS:
            paints.append(value)
    variables = {
        name: value
        for name, value in {**others, **root}.items()
        if not _FRAMEWORKS.match(name.lower())
    }
    resolved = (resolve(value, {**others, **root}) for value in paints)
    colours = Counter(colour for value in resolved if (colour := read_colour(value)))
    return Stylesheet(variables, tuple(families), colours, imports)


def resolve(value: str, variables: Mapping[str, str]) -> str:
    """Return a value with the variables that it names put in, or its fallback where one is gone."""
    for _ in range(_RESOLVED):
        found = _VARIABLE.search(value)
        if found is None or len(value) > 500:
            return value.strip()
        put = variables.get(found[1], found[2] or "")
        value = f"{value[: found.start()]}{put}{value[found.end() :]}"
    return value.strip()


def _list_declarations(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield selector, property and value of each declaration that is for a light page."""
    selectors: list[str] = []
    pending = ""
    for token in _TOKEN.findall(text):
        if token == "{":
            selectors.append(" ".join(pending.split())[:300])
        elif token not in ("}", ";"):
            pending = token
            continue
        else:
            name, colon, value = pending.partition(":")
            selector = " ".join(selectors[-_NESTED:])
            if colon and selectors and not _DARK.search(selector):
                value = value.replace("!important", "")
                yield selector, name.strip(), " ".join(value.split())[:500]
            if token == "}" and selectors:
                selectors.pop()
        pending = ""
