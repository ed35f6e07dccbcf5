"""The models on offer."""

from decimal import Decimal

import pytest

from nbp_dagster.simulator.catalogue import NANO_BANANA_PRO, Catalogue, ModelSpec, SchemaName


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

    assert [model["id"] for model in found] == [NANO_BANANA_PRO, "nano-banana-2"]
