"""One clear error for options that stand in defs.yaml where they stood before `options:`."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, create_model, model_validator
from pydantic_core import InitErrorDetails, ValidationError

# Attributes of the Component itself in earlier versions; later options never were.
_ONCE_FLAT = frozenset(
    {"in_flight", "daily_budget_usd", "on_cancel", "references", "references_repository"}
)


def refuse_moved(attributes: Any) -> Any:
    """Return attributes without such an option as they are; for a validator of mode `before`.

    Raises:
        ValidationError: One error for each option, which `dg` shows with its line of defs.yaml.
    """
    moved = sorted(_ONCE_FLAT & set(attributes)) if isinstance(attributes, Mapping) else []
    if moved:
        # An error of pydantic's own type: Dagster makes it anew to add the line.
        told = {"error": ValueError("moved below `options:`")}
        errors = [
            InitErrorDetails(type="value_error", ctx=told, loc=(name,), input=attributes[name])
            for name in moved
        ]
        raise ValidationError.from_exception_data("BrandCampaigns", errors, hide_input=True)
    return attributes


@cache
def with_refusal(model: type[BaseModel]) -> type[BaseModel]:
    """Return a model of defs.yaml that refuses moved options before it says they are unknown."""
    check: Any = model_validator(mode="before")(refuse_moved)
    return create_model(model.__name__, __base__=model, __validators__={"moved": check})
