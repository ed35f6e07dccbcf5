"""Alternative texts: the brief's where it has them, else composed."""

import pytest

from nbp_dagster.briefs.models import Brand, Shot
from nbp_dagster.prompts.alt_text import alt_texts_of, compose_alt_text
from tests.rigs.briefs import BRAND, shot

OWNER = Brand.model_validate({**BRAND, "disclaimers": {"de": "Enthält Koffein."}}, strict=False)


def scene(**changes: object) -> Shot:
    return Shot.model_validate(
        {**shot("kitchen", scene="A kitchen."), "text": "drawn", **changes}, strict=False
    )


def test_a_text_is_composed_of_scene_cast_and_copy() -> None:
    words = {"headline": {"en": "Slow mornings", "de": "Langsame Morgen"}}
    found = alt_texts_of(OWNER, scene(copy=words), ("de",))
    assert found == {
        "x-default": "A kitchen; with Ada; reading “Langsame Morgen”, “Enthält Koffein.”"
    }


def test_a_picture_of_all_locales_has_no_copy_in_its_text() -> None:
    words = {"headline": {"en": "Slow mornings", "de": "Langsame Morgen"}}
    assert alt_texts_of(OWNER, scene(copy=words), ("en", "de")) == {
        "x-default": "A kitchen; with Ada"
    }


@pytest.mark.parametrize(
    ("locales", "found"),
    [
        (("de_AT",), {"x-default": "Küche", "de-AT": "Küche"}),
        (("en", "de_AT"), {"x-default": "Kitchen", "en": "Kitchen", "de-AT": "Küche"}),
    ],
)
def test_the_briefs_text_stands_under_its_language(
    locales: tuple[str, ...], found: dict[str, str]
) -> None:
    given = scene(alt_text={"en": "Kitchen", "de_AT": "Küche"}, copy={})
    assert alt_texts_of(OWNER, given, locales) == found


def test_a_name_that_the_scene_says_is_not_said_again() -> None:
    assert compose_alt_text("Ada pours coffee", ["Ada", "Otto"]) == "Ada pours coffee; with Otto"
