"""Rules about the letters of composited copy: every one must be in the font that will set it.

A letter that a font lacks is drawn as an empty box, on a picture that is paid for by then.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbp_dagster.briefs.fonts import FontFile, choose_fonts
from nbp_dagster.briefs.languages import find_locale_fault, language_of
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath

_SHOWN_LETTERS = 20


def check_letters(
    campaign: Document,
    brands: Mapping[str, Document | None],
    fonts: Mapping[str, FontFile],
) -> list[BriefProblem]:
    """Check the composited copy of a campaign against the fonts of its brand.

    Args:
        campaign: The campaign's file.
        brands: Each brand's file by name; None where the file could not be read at all.
        fonts: Every font that could be read, by its source.

    Returns:
        One problem for each text with letters that are missing; a brand's own disclaimer is told
        in the brand's file.
    """
    name = campaign.data.get("brand")
    brand = brands.get(name) if isinstance(name, str) else None
    if brand is None:
        return []
    problems: list[BriefProblem] = []
    for path, copy in _composited(campaign):
        for place, locale, text in _lines(path, copy):
            problems += _check(campaign, brand, place, locale, text, fonts)
        if "disclaimer" not in copy:
            problems += _check_standing(campaign, brand, fonts)
    return list(dict.fromkeys(problems))


def _composited(campaign: Document) -> Iterator[tuple[KeyPath, Mapping[str, Any]]]:
    shots = campaign.data.get("shots")
    for index, shot in enumerate(shots if isinstance(shots, tuple) else ()):
        copy = shot.get("copy") if isinstance(shot, Mapping) else None
        if isinstance(copy, Mapping) and copy and shot.get("text") == "composited":
            yield ("shots", index, "copy"), copy


def _lines(path: KeyPath, copy: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    for field, texts in copy.items():
        for locale, text in texts.items() if isinstance(texts, Mapping) else ():
            if isinstance(text, str) and not find_locale_fault(locale):
                yield (*path, field, locale), locale, text


def _check_standing(
    campaign: Document, brand: Document, fonts: Mapping[str, FontFile]
) -> Iterator[BriefProblem]:
    """Check the brand's disclaimers that join this campaign's copy."""
    disclaimers = brand.data.get("disclaimers")
    locales = campaign.data.get("locales")
    if not isinstance(disclaimers, Mapping) or not isinstance(locales, Sequence):
        return
    for locale in locales:
        if not isinstance(locale, str) or find_locale_fault(locale):
            continue
        key = locale if locale in disclaimers else language_of(locale)
        text = disclaimers.get(key)
        if isinstance(text, str):
            yield from _check(brand, brand, ("disclaimers", key), locale, text, fonts)


def _check(
    document: Document,
    brand: Document,
    place: KeyPath,
    locale: str,
    text: str,
    fonts: Mapping[str, FontFile],
) -> Iterator[BriefProblem]:
    pair = choose_fonts(brand.data.get("fonts"), locale, fonts)
    missing = "" if pair is None else pair.find_missing(text)
    if pair is None or not missing:
        return
    letters = " ".join(missing[:_SHOWN_LETTERS]) + (" ..." if missing[_SHOWN_LETTERS:] else "")
    yield document.problem(
        place,
        f"no glyph for {letters} in {pair.name}; give brand {brand.data.get('id')} a font that "
        f"has them under fonts.locales.{locale}, use text: drawn, or reword it",
    )
