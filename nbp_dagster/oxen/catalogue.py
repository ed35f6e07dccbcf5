"""The catalogue's model objects: what a model accepts and what one image costs.

Must not know: HTTP, or how many images are ordered.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from nbp_dagster.oxen.json_bodies import ShapeError, as_mapping, unwrap

_SCHEMA_KEYS = ("request_schema", "json_request_schema")
"""The catalogue's own spelling first; the model pages use the second."""

_AMOUNT = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")


@dataclass(frozen=True, kw_only=True)
class Pricing:
    """What one image costs in USD.

    Attributes:
        method: The service's word, e.g. `per_image`.
        cost_per_image: Flat price, or None.
        grid: Price by quality, then by resolution, keys in lower case; empty when there is none.
    """

    method: str
    cost_per_image: Decimal | None
    grid: Mapping[str, Mapping[str, Decimal]]


@dataclass(frozen=True, kw_only=True)
class Model:
    """One model of the catalogue.

    Attributes:
        id: What a request names.
        schema: JSON Schema of the request, with the service's extensions; empty when not given.
        raw: The object as received.

    Example:
        >>> model = client.get_model("google-nano-banana-pro")
        >>> model.price({"resolution": "2K"})
        Decimal('0.15')
    """

    id: str
    display_name: str
    pricing: Pricing | None
    schema: Mapping[str, object] = field(repr=False)
    raw: Mapping[str, object] = field(repr=False)

    def price(self, parameters: Mapping[str, object]) -> Decimal | None:
        """Return the USD price of one image with these parameters; None when it is not stated.

        A parameter left out counts with the schema's default. The grid comes first, the flat price
        second.
        """
        if self.pricing is None:
            return None
        row = self._row(parameters)
        found = row.get(self._choice(parameters, "resolution"))
        return found if found is not None else self.pricing.cost_per_image

    def has_parameter(self, name: str) -> bool:
        """Return whether the model's schema lists a parameter."""
        return name in self._properties()

    def enum(self, name: str) -> tuple[object, ...] | None:
        """Return the values a parameter accepts; None when it is unknown or takes any."""
        values = self._property(name).get("enum")
        return tuple(values) if isinstance(values, list) else None

    def default(self, name: str) -> object:
        """Return a parameter's default; None when it has none."""
        return self._property(name).get("default")

    def _row(self, parameters: Mapping[str, object]) -> Mapping[str, Decimal]:
        grid = self.pricing.grid if self.pricing is not None else {}
        if len(grid) == 1:
            return next(iter(grid.values()))
        return grid.get(self._choice(parameters, "quality"), {})

    def _choice(self, parameters: Mapping[str, object], name: str) -> str:
        value = parameters.get(name)
        return str(self.default(name) if value is None else value).lower()

    def _properties(self) -> Mapping[str, object]:
        found = self.schema.get("properties")
        return found if isinstance(found, Mapping) else {}

    def _property(self, name: str) -> Mapping[str, object]:
        found = self._properties().get(name)
        return found if isinstance(found, Mapping) else {}


def parse_model(payload: object) -> Model:
    """Read one model, bare or under `data`."""
    found = unwrap(as_mapping(payload, "the model"))
    identity = found.get("id")
    if not isinstance(identity, str) or not identity:
        raise ShapeError("the model's `id` is missing")
    name = found.get("display_name")
    schemas = (found.get(key) for key in _SCHEMA_KEYS)
    schema = next((item for item in schemas if isinstance(item, Mapping) and item), {})
    return Model(
        id=identity,
        display_name=name if isinstance(name, str) and name else identity,
        pricing=_parse_pricing(found.get("pricing")),
        schema=MappingProxyType(dict(schema)),
        raw=MappingProxyType(dict(found)),
    )


def parse_models(payload: object) -> tuple[Model, ...]:
    """Read the catalogue: `{"data": [...]}`, or a bare list."""
    items = payload if isinstance(payload, list) else as_mapping(payload, "the answer").get("data")
    if not isinstance(items, list):
        raise ShapeError("`data` is not a list of models")
    return tuple(parse_model(item) for item in items)


def _parse_pricing(value: object) -> Pricing | None:
    if not isinstance(value, Mapping):
        return None
    grid = value.get("cost_per_image_grid")
    rows = grid.items() if isinstance(grid, Mapping) else ()
    method = value.get("method")
    return Pricing(
        method=method if isinstance(method, str) else "",
        cost_per_image=_amount(value.get("cost_per_image")),
        grid=MappingProxyType({str(quality).lower(): _row_of(row) for quality, row in rows}),
    )


def _row_of(row: object) -> Mapping[str, Decimal]:
    cells = row.items() if isinstance(row, Mapping) else ()
    priced = {str(resolution).lower(): _amount(value) for resolution, value in cells}
    return MappingProxyType({key: value for key, value in priced.items() if value is not None})


def _amount(value: object) -> Decimal | None:
    """Read an amount exactly as printed; what is not a plain, non-negative number is no price."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value).strip()
    return Decimal(text) if _AMOUNT.fullmatch(text) else None
