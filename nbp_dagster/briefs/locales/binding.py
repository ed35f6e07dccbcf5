"""Finds which of a brand's rules by locale bind a text; must not know what the rules are.

A rule must reach each locale that its own is another name for or has as a part, whichever way the
two are written. What a text falls back on is another question: `languages.lineage_of` answers it,
and fonts and copy, and so what is bought, depend on that.
"""

from collections.abc import Iterable

from nbp_dagster.briefs.languages import language_of, lineage_of, region_of, script_of
from nbp_dagster.briefs.locales.regions import PARTS, WORLD

# Languages with two codes, and Norwegian, which is what either of its two is written as.
_ALSO = {
    "no": ("nb",),
    "nb": ("no",),
    "nn": ("no",),
    "fil": ("tl",),
    "tl": ("fil",),
    "ak": ("tw",),
    "tw": ("ak",),
    "prs": ("fa",),
}
# The likely script of Chinese (CLDR); that of its other regions is not known.
_CHINESE_SCRIPTS = {"TW": "Hant", "HK": "Hant", "MO": "Hant", "CN": "Hans", "SG": "Hans"}


def find_binding(locales: Iterable[str], locale: str) -> tuple[str, ...]:
    """Return those of some locales whose rules hold for a text, those it belongs to first.

    `zh_Hant` holds for `zh_TW`, `zh_TW` for `zh_Hant_TW`, `no` for `nb_NO`, `es_419` for `es_MX`.
    What names a script holds for texts whose locale does not say theirs.

    Args:
        locales: Those that rules are given for.
        locale: That of the text.
    """
    given = tuple(locales)
    lineage = [each for each in lineage_of(locale) if each in given]
    return (*lineage, *(each for each in given if each not in lineage and _binds(each, locale)))


def _binds(rule: str, locale: str) -> bool:
    language = language_of(locale)
    if language_of(rule) not in (language, *_ALSO.get(language, ())):
        return False
    script = script_of(locale) or _likely_script(locale)
    if script is not None and script_of(rule) not in (None, script):
        return False
    wanted, region = region_of(rule), region_of(locale)
    return wanted in (None, WORLD, region) or region in PARTS.get(wanted, ())


def _likely_script(locale: str) -> str | None:
    if language_of(locale) != "zh":
        return None
    region = region_of(locale)
    return "Hans" if region is None else _CHINESE_SCRIPTS.get(region)
