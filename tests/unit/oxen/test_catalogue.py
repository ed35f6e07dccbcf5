"""What a model accepts and costs, in both spellings of the catalogue."""

from decimal import Decimal

import pytest

from nbp_dagster.oxen.responses import Model, ShapeError, parse_model, parse_models

SCHEMA = {
    "properties": {
        "aspect_ratio": {"type": "string", "enum": ["16:9", "1:1"], "default": "16:9"},
        "resolution": {"type": "string", "enum": ["1K", "2K", "4K"], "default": "2K"},
        "google_search": {"type": "boolean", "default": False},
        "prompt": {"type": "string"},
    }
}
GRID = {"high": {"1K": 0.0871, "2K": 0.1313, "4K": 0.1963}}


def make_model(pricing: object, schema: object = SCHEMA) -> Model:
    return parse_model({"id": "m", "pricing": pricing, "request_schema": schema})


@pytest.mark.parametrize(
    "payload",
    [
        {"id": "m", "request_schema": SCHEMA},
        {"id": "m", "json_request_schema": SCHEMA},
        {"id": "m", "request_schema": None, "json_request_schema": SCHEMA},
        {"data": {"id": "m", "request_schema": SCHEMA}},
    ],
)
def test_the_schema_is_found_under_either_name(payload: dict[str, object]) -> None:
    model = parse_model(payload)

    assert model.enum("resolution") == ("1K", "2K", "4K")
    assert model.default("aspect_ratio") == "16:9"
    assert model.default("google_search") is False
    assert model.has_parameter("google_search")


def test_what_the_schema_does_not_list_is_unknown() -> None:
    model = make_model(None)

    assert not model.has_parameter("safety_tolerance")
    assert model.enum("safety_tolerance") is None
    assert model.enum("prompt") is None
    assert model.default("prompt") is None


@pytest.mark.parametrize("schema", [None, "text", {}, {"properties": []}])
def test_a_model_without_a_usable_schema_lists_no_parameter(schema: object) -> None:
    model = make_model({"cost_per_image": 1}, schema)

    assert not model.has_parameter("resolution")
    assert model.price({"resolution": "2K"}) == Decimal(1)


@pytest.mark.parametrize(
    ("pricing", "parameters", "expected"),
    [
        ({"method": "per_image", "cost_per_image": 0.15}, {"resolution": "4K"}, "0.15"),
        ({"cost_per_image": "0.15"}, {}, "0.15"),
        ({"cost_per_image": 0}, {}, "0"),
        ({"cost_per_image": 1e-07}, {}, "1E-7"),
        ({"cost_per_image_grid": GRID}, {"resolution": "4K"}, "0.1963"),
        ({"cost_per_image_grid": GRID}, {"resolution": "4k"}, "0.1963"),
        ({"cost_per_image_grid": GRID}, {}, "0.1313"),
        ({"cost_per_image_grid": GRID}, {"resolution": None}, "0.1313"),
        ({"cost_per_image_grid": GRID}, {"resolution": "8K"}, None),
        ({"cost_per_image_grid": GRID, "cost_per_image": 0.5}, {"resolution": "8K"}, "0.5"),
        (
            {"cost_per_image_grid": {"Low": {"2K": 0.1}, "High": {"2K": 0.3}}},
            {"quality": "high"},
            "0.3",
        ),
        ({"cost_per_image_grid": {"low": {"2K": 0.1}, "high": {"2K": 0.3}}}, {}, None),
        (
            {"cost_per_image_grid": {"low": {"2K": 0.1}, "high": {"2K": 0.3}}, "cost_per_image": 9},
            {"quality": "medium"},
            "9",
        ),
        ({"cost_per_image_grid": "text"}, {}, None),
        ({"cost_per_image_grid": {"high": "text"}}, {}, None),
        ({"cost_per_image": -1}, {}, None),
        ({"cost_per_image": "free"}, {}, None),
        ({"cost_per_image": "e-5"}, {}, None),
        ({"cost_per_image": True}, {}, None),
        ({"cost_per_image": float("inf")}, {}, None),
        ({"method": "token", "input_cost_per_token": 0.1}, {}, None),
        (None, {}, None),
        ("text", {}, None),
    ],
)
def test_the_price_of_one_image(
    pricing: object, parameters: dict[str, object], expected: str | None
) -> None:
    price = make_model(pricing).price(parameters)

    assert price == (None if expected is None else Decimal(expected))


def test_the_default_quality_chooses_the_row() -> None:
    schema = {"properties": {"quality": {"default": "High"}, "resolution": {"default": "2K"}}}
    grid = {"low": {"2K": 0.1}, "high": {"2K": 0.3}}

    assert make_model({"cost_per_image_grid": grid}, schema).price({}) == Decimal("0.3")


@pytest.mark.parametrize("wrap", [lambda items: {"object": "list", "data": items}, list])
def test_the_catalogue_is_a_list_under_data_or_bare(wrap) -> None:
    models = parse_models(wrap([{"id": "a", "display_name": "A"}, {"id": "b"}]))

    assert [(model.id, model.display_name) for model in models] == [("a", "A"), ("b", "b")]


@pytest.mark.parametrize("payload", [{}, {"id": ""}, {"id": 7}, [], None])
def test_a_model_without_an_id_is_refused(payload: object) -> None:
    with pytest.raises(ShapeError):
        parse_model(payload)


def test_a_catalogue_that_is_no_list_is_refused() -> None:
    with pytest.raises(ShapeError, match="`data` is not a list"):
        parse_models({"data": {"id": "m"}})
