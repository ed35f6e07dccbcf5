"""Rules on the words of a picture: prohibited terms, required disclaimers, glyphs a font lacks.

Works on the data as written, valid or not, as `rules` does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nbp_dagster.briefs.brand_terms import find_term, find_wildcard_fault
from nbp_dagster.briefs.fonts import FontFile, choose_fonts
from nbp_dagster.briefs.languages import (
    find_locale_fault,
    find_nearest_key,
    language_of,
)
from nbp_dagster.briefs.locales.binding import find_binding
from nbp_dagster.briefs.locales.quoted_words import find_quoted
from nbp_dagster.briefs.models import EVERY_LOCALE, MAX_PROSE_CHARACTERS
from nbp_dagster.briefs.vocabulary import is_no_disclaimer
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, show_text


def check_terms(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any], brand: Document
) -> Iterator[BriefProblem]:
    """Yield a problem for every line of a shot that has a term its brand prohibits.

    Copy and alternative text are searched for the terms of their locale; what the scene and the
    instruction of an edit quote, for those of every locale of the campaign. The rest of them is
    not seen on the picture and is not searched.
    """
    owner = brand.data.get("id")
    copy = _mapping(shot.get("copy"))
    said: dict[KeyPath, Any] = {("copy", field): texts for field, texts in copy.items()}
    for place, texts in {**said, ("alt_text",): shot.get("alt_text")}.items():
        for locale, text in _mapping(texts).items():
            term = _find(brand, text, locale)
            if term is not None:
                message = f"has the prohibited term {show_text(term)} of brand {owner}; reword it"
                yield campaign.problem((*path, *place, locale), message)
    for told in ("scene", "instruction"):
        term = _find_quoted_term(campaign, shot.get(told), brand)
        if term is not None:
            message = f"quotes the prohibited term {show_text(term)} of brand {owner}; reword it"
            yield campaign.problem((*path, told), message)


def _find_quoted_term(campaign: Document, text: object, brand: Document) -> str | None:
    if not isinstance(text, str):
        return None
    found = (
        _find(brand, quoted, locale)
        # A longer text is refused for its length.
        for quoted in find_quoted(text[:MAX_PROSE_CHARACTERS])
        for locale in strings_of(campaign.data.get("locales"))
    )
    return next((term for term in found if term is not None), None)


def check_disclaimers(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any], brand: Document
) -> Iterator[BriefProblem]:
    """Yield a problem for every locale in which a shot's copy lacks a disclaimer.

    It lacks one where the brand requires it, and where the brand has one in other languages and
    does not say that this locale needs none.
    """
    copy = _mapping(shot.get("copy"))
    if not copy or "disclaimer" in copy or shot.get("text") == "none":
        return  # a disclaimer of its own has a text for every locale, or its own problem
    for locale in dict.fromkeys(strings_of(campaign.data.get("locales"))):
        fault = None if find_locale_fault(locale) else _find_missing_disclaimer(brand, locale)
        if fault is not None:
            yield campaign.problem((*path, "copy", "disclaimer", locale), fault, value="")


def _find_missing_disclaimer(brand: Document, locale: str) -> str | None:
    """Return what is wrong with the disclaimers of a brand for copy in a locale, or None."""
    owner, standing = brand.data.get("id"), _mapping(brand.data.get("disclaimers"))
    required = strings_of(brand.data.get("disclaimer_required"))
    binds = EVERY_LOCALE in required or find_binding(required, locale)
    key = find_nearest_key(standing, locale) or language_of(locale)
    if key in standing and not is_no_disclaimer(standing[key]):
        return None
    if binds:
        asked = f"missing; brand {owner} requires a disclaimer in {locale}"
        if key in standing:
            return f"{asked}, and says `{key}: none`: add one to the copy, or correct the brand"
        return f"{asked}: add one to the copy, or to the brand's disclaimers"
    others = [name for name, text in standing.items() if not is_no_disclaimer(text)]
    if key in standing or not others:
        return None
    return (
        f"missing; brand {owner} has a disclaimer in {', '.join(others)} and none in {locale}: add "
        f"one to the copy, or to the brand's disclaimers, or write `{locale}: none` there if none "
        "is needed"
    )


def _find(brand: Document, text: object, locale: str) -> str | None:
    if not isinstance(text, str):
        return None
    terms = _mapping(brand.data.get("prohibited_terms"))
    listed = [term for key in find_binding(terms, locale) for term in strings_of(terms[key])]
    return find_term(text, [term for term in listed if not find_wildcard_fault(term)], locale)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def strings_of(value: object) -> list[str]:
    """Return the texts of a list of a brief; none of any other value."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, tuple) else []


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
        One problem for each text with letters that are missing; for a brand's own
        disclaimer it is in the brand's file, and stops the campaign alone.
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
    """Check the brand's disclaimers that are added to this campaign's copy."""
    disclaimers = brand.data.get("disclaimers")
    locales = campaign.data.get("locales")
    if not isinstance(disclaimers, Mapping) or not isinstance(locales, Sequence):
        return
    for locale in locales:
        if not isinstance(locale, str) or find_locale_fault(locale):
            continue
        key = find_nearest_key(disclaimers, locale) or language_of(locale)
        text = disclaimers.get(key)
        if isinstance(text, str) and not is_no_disclaimer(text):
            # Other campaigns of the brand may have no such locale, or draw their words.
            for problem in _check(brand, brand, ("disclaimers", key), locale, text, fonts):
                message = f"for campaign {campaign.data.get('id')}: {problem.message}"
                yield replace(problem, message=message, stops=(campaign.file,))


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
