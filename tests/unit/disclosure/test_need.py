"""Which rules hold for a picture follows from its markets, its cast and its realism."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from nbp_dagster.briefs.models import Brand, Campaign
from nbp_dagster.disclosure.need import Need, label_of, need_of
from tests.rigs.briefs import BRAND, campaign, shot

EU, NEW_YORK = "eu_ai_act_50", "us_ny_gbl_396b"


def brand(*, kind: str | None = "person", **changes: Any) -> Brand:
    characters = {
        name: {**member, **({"kind": kind} if kind else {})}
        for name, member in BRAND["characters"].items()
    }
    return Brand.model_validate(_freeze({**BRAND, "characters": characters, **changes}))


def brief(*, cast: Sequence[str] = ("ada",), **changes: Any) -> Campaign:
    made = campaign(shot("kitchen", characters=cast), **changes)
    return Campaign.model_validate(_freeze(made))


def _freeze(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _freeze(item) for key, item in value.items()}
    return tuple(map(_freeze, value)) if isinstance(value, list | tuple) else value


def need(whose: Brand, what: Campaign) -> Need:
    return need_of(whose, what, what.shots[0])


def rules(whose: Brand, what: Campaign) -> list[str]:
    return [rule.id for rule in need(whose, what).rules]


@pytest.mark.parametrize(
    ("markets", "expected"),
    [
        ([], []),
        (["JP"], []),
        (["eu"], [EU]),
        (["DE"], [EU]),
        (["GB"], []),
        (["NO"], []),
        (["US-NY"], [NEW_YORK]),
        (["US"], [NEW_YORK]),
        (["US-CA"], []),
        (["JP", "FR", "US-NY"], [EU, NEW_YORK]),
    ],
)
def test_a_market_brings_the_rules_of_its_place(markets: list[str], expected: list[str]) -> None:
    assert rules(brand(), brief(markets=markets, realism="photoreal")) == expected


@pytest.mark.parametrize(
    ("kind", "realism", "expected"),
    [
        ("person", "photoreal", [EU, NEW_YORK]),
        ("person", "illustrated", []),
        ("mascot", "photoreal", [EU]),
        ("animal", "photoreal", [EU]),
        ("illustration", "illustrated", []),
    ],
)
def test_a_synthetic_performer_is_a_person_in_a_photoreal_picture(
    kind: str, realism: str, expected: list[str]
) -> None:
    made = brief(markets=["eu", "US-NY"], realism=realism)

    assert rules(brand(kind=kind), made) == expected
    found = need(brand(kind=kind), made)
    assert found.is_synthetic_performer == (NEW_YORK in expected)


def test_a_shot_without_a_cast_shows_no_performer() -> None:
    made = brief(cast=(), markets=["eu", "US-NY"], realism="photoreal")

    assert rules(brand(), made) == [EU]


def test_the_campaign_s_realism_stands_instead_of_the_brand_s() -> None:
    made = brief(markets=["eu"], realism="illustrated")

    assert rules(brand(realism="photoreal"), made) == []
    assert rules(brand(realism="photoreal"), brief(markets=["eu"])) == [EU]


def test_disclosure_off_sets_no_label_and_keeps_rules_and_reason() -> None:
    made = brief(markets=["eu"], realism="photoreal", disclosure={"off": "the player says it"})
    found = need(brand(), made)

    assert not found.is_labelled
    assert label_of(found, brand(), ["en"]) is None
    assert found.facts["rules"] == (EU,)
    assert found.facts["off"] == "the player says it"


def test_every_generated_picture_is_declared_even_without_markets() -> None:
    assert need(brand(kind=None), brief()).declarations["taboola"] == {
        "ai_disclosure.status": "AI_GENERATED"
    }


def test_rules_that_hold_together_ask_for_one_label() -> None:
    found = need(brand(), brief(markets=["eu", "US-NY"], realism="photoreal"))
    label = label_of(found, brand(), ["de", "en"])

    assert label is not None
    assert (label.words, label.icon, label.language) == ("KI-generiert", "fully_generated", "de")
    assert label.least_size((320, 50)) == 10
    assert label.least_size((2480, 3508)) == 50


def test_new_york_alone_asks_for_words_without_the_eu_s_icon() -> None:
    found = need(brand(), brief(markets=["US-NY"], realism="photoreal"))
    label = label_of(found, brand(), ["en"])

    assert label is not None
    assert (label.words, label.icon) == ("AI-generated", None)


def test_a_supplied_image_that_is_edited_is_partially_modified() -> None:
    edits = {**shot("kitchen"), "from": "images/room.jpg", "instruction": "add a cat"}
    what = Campaign.model_validate(
        _freeze(campaign(edits, markets=["eu", "US-NY"], realism="photoreal"))
    )
    found = need(brand(), what)
    label = label_of(found, brand(), ["en"])

    assert found.is_modified
    assert label is not None
    assert (label.words, label.icon) == ("AI-generated", "partially_modified")


def test_an_edit_of_a_generated_picture_is_generated() -> None:
    edits = {**shot("snow"), "from": "kitchen", "instruction": "make it winter"}
    what = Campaign.model_validate(_freeze(campaign(shot("kitchen"), edits, markets=["eu"])))

    assert not need_of(brand(), what, what.shots[1]).is_modified


def test_a_brand_words_its_own_label() -> None:
    own = brand(disclosure={"words": {"en": "Made with AI", "de": "Mit KI gemacht"}})
    found = need(own, brief(markets=["eu"], realism="photoreal"))

    words = [label_of(found, own, [locale]) for locale in ("en", "de_AT", "fr")]
    assert [each.words if each else None for each in words] == [
        "Made with AI",
        "Mit KI gemacht",
        "Généré par IA",
    ]
