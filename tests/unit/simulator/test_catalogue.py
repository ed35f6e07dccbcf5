"""The models on offer."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from nbp_dagster.simulator.catalogue import (
    NANO_BANANA_2_1,
    NANO_BANANA_PRO,
    Catalogue,
    ModelSpec,
    SchemaName,
)


def find(model_id: str, schema: SchemaName = "page") -> ModelSpec:
    spec = Catalogue(schema).find(model_id)
    assert spec is not None
    return spec


def test_the_page_schema_has_eight_ratios_and_the_safety_level() -> None:
    schema = find(NANO_BANANA_PRO, "page").to_json()["json_request_schema"]

    assert len(schema["properties"]["aspect_ratio"]["enum"]) == 8
    assert "safety_tolerance" in schema["properties"]
    assert "google_search" not in schema["properties"]


def test_the_live_schema_has_eleven_ratios_and_web_search_under_the_other_key() -> None:
    model = find(NANO_BANANA_PRO, "live").to_json()
    properties = model["request_schema"]["properties"]

    assert "json_request_schema" not in model
    assert {"4:5", "5:4", "21:9"} < set(properties["aspect_ratio"]["enum"])
    assert "google_search" in properties
    assert "safety_tolerance" not in properties


def test_one_price_holds_for_every_resolution_of_the_main_model() -> None:
    spec = find(NANO_BANANA_PRO)

    assert {spec.price({"resolution": size}) for size in ("1K", "2K", "4K")} == {Decimal("0.15")}


@pytest.mark.parametrize(
    ("parameters", "usd"),
    [({"resolution": "4K"}, "0.1963"), ({}, "0.0871"), ({"resolution": ["4K"]}, "0.0871")],
)
def test_a_price_grid_is_read_by_resolution(parameters: dict[str, object], usd: str) -> None:
    assert find("nano-banana-2").price(parameters) == Decimal(usd)


def test_a_model_without_pricing_has_no_price() -> None:
    assert find("simulated-unpriced-image").price({}) is None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"aspect_ratio": "4:5"}, "aspect_ratio must be one of auto"),
        ({"aspect_ratio": 3}, "aspect_ratio must be of type string"),
        ({"safety_tolerance": "7"}, "safety_tolerance must be one of 1"),
        ({"input_image": "https://example.com/a.png"}, "input_image must be of type array"),
    ],
)
def test_a_bad_parameter_is_named(parameters: dict[str, object], words: str) -> None:
    flaw = find(NANO_BANANA_PRO).find_flaw(parameters)

    assert flaw is not None
    assert words in flaw


def test_an_unknown_parameter_is_passed_over() -> None:
    assert find(NANO_BANANA_PRO).find_flaw({"mood": "calm"}) is None


def test_search_ignores_case_and_looks_at_names() -> None:
    found = Catalogue("page").search("NANO banana")

    assert [model["id"] for model in found] == [NANO_BANANA_PRO, NANO_BANANA_2_1, "nano-banana-2"]


@pytest.mark.parametrize("schema", ["page", "live"])
def test_nano_banana_2_1_has_panoramas_searches_and_levels_of_thinking(schema: SchemaName) -> None:
    spec = find(NANO_BANANA_2_1, schema)

    assert {"4:1", "1:4", "8:1", "1:8"} < set(spec.properties["aspect_ratio"]["enum"])
    assert len(spec.properties["aspect_ratio"]["enum"]) == 15
    assert spec.properties["resolution"]["enum"] == ["1K", "2K", "4K"]
    assert spec.properties["thinking_level"]["enum"] == ["minimal", "medium", "high"]
    assert {"google_search", "image_search"} < set(spec.properties)
    assert spec.price({}) == spec.price({"resolution": "2K"}) == Decimal("0.1313")
    assert spec.find_flaw({"aspect_ratio": "8:1", "thinking_level": "high"}) is None


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"resolution": "512"}, "resolution must be one of 1K, 2K, 4K"),
        ({"thinking_level": "low"}, "thinking_level must be one of minimal"),
        ({"image_search": "yes"}, "image_search must be of type boolean"),
    ],
)
def test_nano_banana_2_1_refuses_what_its_page_does_not_list(
    parameters: dict[str, object], words: str
) -> None:
    assert words in (find(NANO_BANANA_2_1).find_flaw(parameters) or "")


def test_a_withdrawn_model_is_gone_until_it_is_offered_again() -> None:
    catalogue = Catalogue("page")
    catalogue.withdraw(NANO_BANANA_PRO)

    assert catalogue.find(NANO_BANANA_PRO) is None
    assert NANO_BANANA_PRO not in [model["id"] for model in catalogue.search()]
    assert catalogue.find(NANO_BANANA_2_1) is not None

    catalogue.offer(NANO_BANANA_PRO)

    assert catalogue.find(NANO_BANANA_PRO) is not None


def test_a_model_may_list_other_ratios_from_one_day_to_the_next() -> None:
    catalogue = Catalogue("page")
    catalogue.list_ratios(NANO_BANANA_2_1, ["1:1", "16:9"])
    spec = catalogue.find(NANO_BANANA_2_1)

    assert spec is not None
    assert "one of 1:1, 16:9" in (spec.find_flaw({"aspect_ratio": "8:1"}) or "")


@pytest.mark.parametrize("change", [Catalogue.withdraw, Catalogue.offer])
def test_an_unknown_model_can_not_be_changed(change: Callable[[Catalogue, str], None]) -> None:
    with pytest.raises(LookupError):
        change(Catalogue("page"), "nobody")
