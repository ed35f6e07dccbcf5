"""Spells the locales of a brief one way: `en-US` is `en_US` inside; must not judge them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nbp_dagster.briefs.languages import LOCALE_PATTERN
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath

# Hyphens, of which U+2011 is what word processors write.
_SPELT = re.compile(LOCALE_PATTERN.replace("_-", r"_\u2010\u2011-"))
_HYPHENS = re.compile("[\u2010\u2011-]")
_ANY = None
# Where a brief has locales: as items of a list, and as keys of a mapping.
_LISTS: tuple[tuple[str | None, ...], ...] = (("locales",), ("disclaimer_required",))
_MAPPINGS: tuple[tuple[str | None, ...], ...] = (
    ("prohibited_terms",),
    ("disclaimers",),
    ("fonts", "locales"),
    ("disclosure", "words"),
    ("shots", _ANY, "copy", _ANY),
    ("shots", _ANY, "alt_text"),
)


def spell_locale(locale: str) -> str:
    """Return `en_US` for `en-US`; any other text as it is."""
    return _HYPHENS.sub("_", locale) if _SPELT.fullmatch(locale) else locale


def spell_locales(document: Document) -> tuple[Document, list[BriefProblem]]:
    """Return a brief with its locales spelt one way, and a problem for each given in both ways.

    A brief without a hyphen in any locale is returned as it is.
    """
    problems: list[BriefProblem] = []
    data = _spell(document.data, (), document, problems)
    if data == document.data and not problems:
        return document, []

    def respell(places: Mapping[KeyPath, Any]) -> dict[KeyPath, Any]:
        spelt: dict[KeyPath, Any] = {}
        for path, value in places.items():
            spelt.setdefault(_spell_path(path), value)
        return spelt

    changed = replace(
        document,
        data=data,
        lines=respell(document.lines),
        scalars=respell(document.scalars),
        swallowed=respell(document.swallowed),
        lost=respell(document.lost),
        enclosed={_spell_path(path) for path in document.enclosed},
        bare=respell(document.bare),
        odd_numbers=respell(document.odd_numbers),
    )
    return changed, problems


def _spell(value: Any, path: KeyPath, document: Document, problems: list[BriefProblem]) -> Any:
    if isinstance(value, Mapping):
        is_by_locale = _is_at(path, _MAPPINGS)
        result: dict[str, Any] = {}
        for key, item in value.items():
            spelt = spell_locale(key) if is_by_locale else key
            if spelt in result:
                message = f"given twice, as {spelt} too; keep one"
                problems.append(document.problem((*path, key), message, value=""))
                continue
            result[spelt] = _spell(item, (*path, key), document, problems)
        return result
    if isinstance(value, tuple):
        if _is_at(path, _LISTS):
            return tuple(spell_locale(item) if isinstance(item, str) else item for item in value)
        return tuple(
            _spell(item, (*path, index), document, problems) for index, item in enumerate(value)
        )
    return value


def _spell_path(path: KeyPath) -> KeyPath:
    return tuple(
        spell_locale(step) if isinstance(step, str) and _is_at(path[:place], _MAPPINGS) else step
        for place, step in enumerate(path)
    )


def _is_at(path: KeyPath, places: tuple[tuple[str | None, ...], ...]) -> bool:
    return any(
        len(place) == len(path)
        and all(wanted in (_ANY, step) for wanted, step in zip(place, path, strict=True))
        for place in places
    )
