"""Reads a brand off its material: name, logo, palette, fonts, tone, languages, with origins.

Must not know files or the network: what is needed is loaded by the material itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from nbp_dagster.authoring.colours import measure_chroma, read_colour, write_colour
from nbp_dagster.authoring.html_page import Page
from nbp_dagster.authoring.logo import Logo, choose_logo
from nbp_dagster.authoring.material import Material
from nbp_dagster.authoring.palette import Candidate, choose_palette
from nbp_dagster.authoring.stylesheet import Stylesheet, read_stylesheet, resolve
from nbp_dagster.briefs.languages import find_locale_fault, find_meant_locale, language_of
from nbp_dagster.foreign_text import clean

T = TypeVar("T")

_MOST_SENTENCES: Final = 3
_MOST_LANGUAGES: Final = 8
_LEAST_SENTENCE: Final = 12  # characters
_SEPARATORS: Final = re.compile(r"\s+[|–—·•:»-]\s+")
_FAMILY: Final = re.compile(r"[A-Za-z][A-Za-z0-9 _-]{1,40}")
_GENERIC: Final[Mapping[str, str]] = {
    "serif": "serif",
    "sans-serif": "sans serif",
    "monospace": "monospaced",
    "cursive": "handwritten",
    "ui-rounded": "rounded sans serif",
}
# Fonts of the reader's machine, and of icons: they say nothing of a brand.
_SYSTEM: Final = re.compile(
    r"system-ui|-apple-system|blinkmacsystemfont|segoe|roboto$|helvetica|arial|ui-|emoji|symbol|"
    r"times|georgia$|courier|menlo|consolas|monaco|sfmono|liberation|noto color|inherit|initial|"
    r"unset|awesome|icon|dashicons|swiper|sans-serif|serif|monospace|cursive|fantasy|cantarell|"
    r"oxygen$|ubuntu$|tahoma|verdana|apple|fallback",
    re.IGNORECASE,
)
_HEADLINES: Final = re.compile(r"\bh[1-3]\b|head|title|display", re.IGNORECASE)


@dataclass(frozen=True)
class Found(Generic[T]):
    """A value and where it was found."""

    value: T
    origin: str


@dataclass(frozen=True)
class BrandKit:
    """What was found of a brand; None and empty where nothing was.

    Attributes:
        source: Page or folder.
        name: Its name.
        palette: `#RRGGBB` by role: primary, accent, neutral, ink.
        logo: Its logo.
        fonts: Names of its fonts, that of headlines first.
        lettering: The kind of its lettering, such as serif.
        sentences: How it speaks of itself.
        languages: Locales of its pages.
        missing: What was not found or can't be used, in a sentence each.
    """

    source: str = ""
    name: Found[str] | None = None
    palette: Mapping[str, Found[str]] = field(default_factory=dict)
    logo: Logo | None = None
    fonts: tuple[Found[str], ...] = ()
    lettering: str = ""
    sentences: tuple[Found[str], ...] = ()
    languages: tuple[Found[str], ...] = ()
    missing: tuple[str, ...] = ()


def find_kit(material: Material) -> BrandKit:
    """Return what some material says of a brand."""
    problems = list(material.problems)
    logo = choose_logo(material.logos, problems)
    sheets = [(styles.origin, read_stylesheet(styles.text)) for styles in material.styles]
    variables = {name: value for _, sheet in sheets for name, value in sheet.variables.items()}
    candidates = [*_list_colours(material, sheets, variables), *_colours_of(logo)]
    palette: dict[str, Found[str]] = {
        role: Found(write_colour(item.colour), item.origin)
        for role, item in choose_palette(candidates).items()
    }
    fonts, lettering = _find_fonts(sheets, variables)
    sentences = tuple(_find_sentences(material))
    kit = BrandKit(
        source=material.source,
        name=next(_list_names(material, logo), None),
        palette=palette,
        logo=logo,
        fonts=fonts,
        lettering=lettering,
        sentences=sentences[:_MOST_SENTENCES],
        languages=_find_languages(material),
    )
    return _with_missing(kit, problems)


def _with_missing(kit: BrandKit, problems: Iterable[str]) -> BrandKit:
    absent = {
        "a name": kit.name,
        "a logo": kit.logo,
        "a primary colour": kit.palette.get("primary"),
        "an accent colour": kit.palette.get("accent"),
        "a neutral colour": kit.palette.get("neutral"),
        "fonts of its own": kit.fonts,
        "a sentence about itself": kit.sentences,
        "a language": kit.languages,
    }
    missing = [f"{what} was not found" for what, found in absent.items() if not found]
    if kit.logo is not None and kit.logo.is_white:
        missing.append("a logo for light grounds: the one found is white all over")
    return replace(kit, missing=(*missing, *problems))


def _list_names(material: Material, logo: Logo | None) -> Iterator[Found[str]]:
    """Yield what the brand may be called, the surest first."""
    for origin, page in material.pages:
        for item in page.organisations:
            yield from _text(item.get("name"), f"linked data of {origin}")
        for key in ("og:site_name", "application-name", "apple-mobile-web-app-title"):
            yield from _text(page.meta.get(key), f"{key} of {origin}")
    for key in ("name", "short_name"):
        yield from _text(material.app.get(key), f"{key} of its web app manifest")
    for origin, page in material.pages[:1]:
        yield from _text(_name_in_title(page, material.label), f"the title of {origin}")
    if logo is not None:
        called = re.sub(r"\s*\blogo\b\s*(of\s+)?", "", logo.alt, flags=re.IGNORECASE)
        yield from _text(called, "what its logo is called")
    for origin, text in material.texts:
        heading = re.match(r"#\s+(\S[^\n]{0,60})", text)
        yield from _text(heading[1] if heading else None, f"the heading of {origin}")
    words = re.sub(r"[-_]+", " ", material.label).strip()
    yield from _text(words.title(), f"the name of {material.source}")


def _text(value: object, origin: str) -> Iterator[Found[str]]:
    text = clean(value, max_chars=80).strip() if isinstance(value, str) else ""
    if text:
        yield Found(text, origin)


def _name_in_title(page: Page, label: str) -> str:
    """Return the part of a title that is most like the label, else its last, or the whole."""
    parts = [part for part in _SEPARATORS.split(page.title) if part.strip()]
    alike = [part for part in parts if _letters(part) and _letters(part) in _letters(label)]
    alike += [part for part in parts if _letters(label) and _letters(label) in _letters(part)]
    if alike:
        return min(alike, key=len)
    return min(parts, key=len) if parts else ""


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _list_colours(
    material: Material, sheets: list[tuple[str, Stylesheet]], variables: Mapping[str, str]
) -> Iterator[Candidate]:
    """Yield every colour that pages and style sheets name, with what it weighs."""
    for origin, page in material.pages[:1]:
        for key in ("theme-color", "mask-icon color", "msapplication-tilecolor"):
            colour = read_colour(page.meta.get(key, ""))
            if colour is not None:
                yield Candidate(colour, f"{key} of {origin}", weight=6.0)
    colour = read_colour(str(material.app.get("theme_color", "")))
    if colour is not None:
        yield Candidate(colour, "theme_color of its web app manifest", weight=5.0)
    for origin, sheet in sheets:
        for name, value in sheet.variables.items():
            colour = read_colour(resolve(value, variables))
            if colour is not None:
                yield Candidate(colour, f"{name} of {origin}", name=name[2:], weight=1.5)
        most = max(sheet.colours.values(), default=1)
        for colour, count in sheet.colours.items():
            share = count / most
            weight = 0.2 + 2 * share * (0.3 + measure_chroma(colour))
            yield Candidate(colour, f"{origin}, where it stands {count} times", weight=weight)


def _colours_of(logo: Logo | None) -> Iterator[Candidate]:
    for colour, share in logo.colours if logo else ():
        yield Candidate(colour, f"the logo, {share:.0%} of it", weight=2 + 3 * share)


def _find_fonts(
    sheets: list[tuple[str, Stylesheet]], variables: Mapping[str, str]
) -> tuple[tuple[Found[str], ...], str]:
    """Return fonts that style sheets name, that of headlines first, and the kind of lettering."""
    declared = [
        (selector, resolve(value, variables), origin)
        for origin, sheet in sheets
        for selector, value in sheet.families
        if "@font-face" not in selector
    ]
    declared += [
        (name, resolve(value, variables), origin)
        for origin, sheet in sheets
        for name, value in sheet.variables.items()
        if "font" in name and "," in value
    ]
    declared.sort(key=lambda item: not _HEADLINES.search(item[0]))
    fonts: dict[str, Found[str]] = {}
    lettering = ""
    for _, value, origin in declared:
        names = [name.strip(" \"'") for name in value.split(",")]
        lettering = lettering or next((_GENERIC[n] for n in reversed(names) if n in _GENERIC), "")
        own = next((n for n in names[:2] if _FAMILY.fullmatch(n) and not _SYSTEM.search(n)), None)
        if own is not None:
            fonts.setdefault(own.lower(), Found(own, origin))
    return tuple(fonts.values())[:2], lettering


def _find_sentences(material: Material) -> Iterator[Found[str]]:
    """Yield how the brand speaks of itself, each sentence once."""
    seen: set[str] = set()
    for found in _list_sentences(material):
        text = clean(found.value, max_chars=220).strip()
        # A page's own quotation marks would end the one that it is quoted in.
        text = re.sub('["“”„]', "'", text)
        if len(text) >= _LEAST_SENTENCE and " " in text and text.lower() not in seen:
            seen.add(text.lower())
            yield Found(text, found.origin)


def _list_sentences(material: Material) -> Iterator[Found[str]]:
    for origin, page in material.pages[:3]:
        for item in page.organisations:
            yield from _any(item, ("slogan", "description"), f"linked data of {origin}")
        yield from (Found(text, f"the headline of {origin}") for text in page.headings[:2])
        yield from _any(
            page.meta, ("description", "og:description"), f"the description of {origin}"
        )
    yield from _any(material.app, ("description",), "its web app manifest")
    for origin, text in material.texts:
        lines = (line.strip() for line in text.splitlines())
        prose = [line for line in lines if len(line) > 30 and line[0].isalnum()]
        yield from (Found(line, origin) for line in prose[:2])


def _any(values: Mapping[str, Any], keys: tuple[str, ...], origin: str) -> Iterator[Found[str]]:
    for key in keys:
        if isinstance(values.get(key), str):
            yield Found(values[key], origin)


def _find_languages(material: Material) -> tuple[Found[str], ...]:
    """Return the locales of the pages; of one language the first that was found."""
    found: dict[str, Found[str]] = {}
    for name, page in material.pages:
        for code, origin in page.languages:
            parts = re.split(r"[-_]", code)
            language = parts[0].lower()
            region = parts[-1].upper() if len(parts) > 1 else ""
            locale = f"{language}_{region}" if re.fullmatch(r"[A-Z]{2}", region) else language
            meant = find_meant_locale(locale) if find_locale_fault(locale) else locale
            if meant is not None:
                where = origin.replace("its ", "", 1) + f" of {name}"
                found.setdefault(language_of(meant), Found(meant, where))
    return tuple(found.values())[:_MOST_LANGUAGES]
