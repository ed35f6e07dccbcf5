"""Rules about the words on a picture: what none may say, and what must not be missing.

Works on the data as written, valid or not, as `rules` does.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from nbp_dagster.briefs.brand_terms import find_term, find_wildcard_fault
from nbp_dagster.briefs.languages import language_of
from nbp_dagster.briefs.models import EVERY_LOCALE
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, show_text

# A scene is for the model to read, but what it puts between quotes is meant to be seen.
_QUOTED = re.compile('["“”„«»]([^"“”„«»]+)["“”„«»]')


def check_terms(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any], brand: Document
) -> Iterator[BriefProblem]:
    """Yield a problem for every line of a shot that has a term its brand prohibits.

    Copy is searched for the terms of its locale; what the scene quotes, for those of every locale
    of the campaign. The rest of a scene is not seen on the picture and may say what it likes.
    """
    owner = brand.data.get("id")
    for field, texts in _mapping(shot.get("copy")).items():
        for locale, text in _mapping(texts).items():
            term = _find(brand, text, locale)
            if term is not None:
                message = f"has the prohibited term {show_text(term)} of brand {owner}; reword it"
                yield campaign.problem((*path, "copy", field, locale), message)
    scene = shot.get("scene")
    for quoted in _QUOTED.findall(scene) if isinstance(scene, str) else ():
        found = (_find(brand, quoted, locale) for locale in _strings(campaign.data.get("locales")))
        term = next((term for term in found if term is not None), None)
        if term is not None:
            message = f"quotes the prohibited term {show_text(term)} of brand {owner}; reword it"
            yield campaign.problem((*path, "scene"), message)


def check_disclaimers(
    campaign: Document, path: KeyPath, shot: Mapping[str, Any], brand: Document
) -> Iterator[BriefProblem]:
    """Yield a problem for every locale in which a shot's words lack a disclaimer it must have."""
    copy = _mapping(shot.get("copy"))
    required = _strings(brand.data.get("disclaimer_required"))
    if not copy or "disclaimer" in copy or shot.get("text") == "none":
        return  # a disclaimer of its own has a text for every locale, or its own problem
    standing = _mapping(brand.data.get("disclaimers"))
    for locale in dict.fromkeys(_strings(campaign.data.get("locales"))):
        binds = {EVERY_LOCALE, locale, language_of(locale)} & set(required)
        if binds and not {locale, language_of(locale)} & standing.keys():
            message = (
                f"missing; brand {brand.data.get('id')} requires a disclaimer in {locale}: "
                f"add one to the copy, or to the brand's disclaimers"
            )
            yield campaign.problem((*path, "copy", "disclaimer", locale), message, value="")


def _find(brand: Document, text: object, locale: str) -> str | None:
    if not isinstance(text, str):
        return None
    terms = _mapping(brand.data.get("prohibited_terms"))
    keys = dict.fromkeys((language_of(locale), locale))
    listed = [term for key in keys for term in _strings(terms.get(key))]
    return find_term(text, [term for term in listed if not find_wildcard_fault(term)], locale)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, tuple) else []
