"""Alternative texts: what a picture shows, in words, for those who can't see it."""

from collections.abc import Iterable, Mapping, Sequence

from nbp_dagster.briefs.brief import wording_of
from nbp_dagster.briefs.languages import DEFAULT_LANGUAGE
from nbp_dagster.briefs.models import Brand, Shot


def compose_alt_text(scene: str, cast: Iterable[str], words: Sequence[str] = ()) -> str:
    """Return one text of a scene, the names in it that the scene does not say, and its copy."""
    unsaid = [name for name in cast if name.casefold() not in scene.casefold()]
    parts = [
        scene.rstrip(" ."),
        f"with {' and '.join(unsaid)}" if unsaid else "",
        "reading " + ", ".join(f"“{each}”" for each in words) if words else "",
    ]
    return "; ".join(part for part in parts if part)


def alt_texts_of(brand: Brand, shot: Shot, locales: Sequence[str]) -> Mapping[str, str]:
    """Return the alternative texts of a picture that serves some locales, by language tag.

    The brief's, where it has them: the first locale's is the default one. Else one default text,
    composed of scene, cast and, where the picture serves one locale, copy.

    Args:
        brand: Has the characters' names.
        shot: The scene.
        locales: Those that the picture is for, at least one.
    """
    given = {locale: shot.alt_text[locale] for locale in locales if locale in shot.alt_text}
    if given:
        tagged = {locale.replace("_", "-"): text for locale, text in given.items()}
        return {DEFAULT_LANGUAGE: next(iter(given.values())), **tagged}
    cast = [brand.characters[each].name for each in shot.characters]
    words = wording_of(brand, shot, locales[0]).values() if len(locales) == 1 else ()
    return {DEFAULT_LANGUAGE: compose_alt_text(shot.scene, cast, list(words))}
