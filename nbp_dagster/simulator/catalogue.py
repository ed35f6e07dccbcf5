"""The models the simulator offers, their request schemas and prices; knows no HTTP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

SchemaName = Literal["page", "live"]

NANO_BANANA_PRO = "google-nano-banana-pro"
NANO_BANANA_2_1 = "nano-banana-2-1"

# The picture model's page lists eight ratios; a live model object seen later adds three.
PAGE_RATIOS = ("auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3")
LIVE_RATIOS = (*PAGE_RATIOS, "4:5", "5:4", "21:9")
# What the page of Nano Banana 2.1 lists.
PANORAMIC_RATIOS = (*LIVE_RATIOS, "4:1", "1:4", "8:1", "1:8")

MAX_REFERENCES = 14

_JSON_TYPES: Mapping[str, type] = {"string": str, "array": list, "boolean": bool}


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model of the catalogue.

    `properties` is the JSON Schema `properties` mapping of its request; `pricing` is the block
    of the model object, or None for a model that names no price.
    """

    id: str
    display_name: str
    summary: str
    developer: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    pricing: Mapping[str, Any] | None
    properties: Mapping[str, Mapping[str, Any]]
    schema_key: str

    def to_json(self) -> dict[str, Any]:
        """Return the model object of `GET /api/ai/models/{id}`."""
        schema = {
            "type": "object",
            "required": ["prompt"],
            "properties": {name: dict(rule) for name, rule in self.properties.items()},
            "basic": [name for name in ("prompt", "input_image") if name in self.properties],
        }
        return {
            "id": self.id,
            "object": "model",
            "created": 1_763_596_800,
            "owned_by": self.developer.lower(),
            "display_name": self.display_name,
            "description": self.summary,
            "summary": self.summary,
            "model_type": "base",
            "endpoint": "/images/generate" if "image" in self.outputs else "/chat/completions",
            "capabilities": {"input": list(self.inputs), "output": list(self.outputs)},
            "pricing": None if self.pricing is None else dict(self.pricing),
            "fine_tuning": None,
            "deployments": [],
            "developer": {"name": self.developer, "logo": None},
            "source_model": None,
            "image_url": None,
            "released_at": "2025-11-20",
            self.schema_key: schema,
        }

    def price(self, parameters: Mapping[str, Any]) -> Decimal | None:
        """Return the price in USD of one picture, or None when the model names none."""
        if self.pricing is None:
            return None
        grid = self.pricing.get("cost_per_image_grid")
        if grid is None:
            return Decimal(str(self.pricing["cost_per_image"]))
        column = grid["high"]
        default = self.properties["resolution"]["default"]
        wanted = parameters.get("resolution")
        is_known = isinstance(wanted, str) and wanted in column
        return Decimal(str(column[wanted if is_known else default]))

    def find_flaw(self, parameters: Mapping[str, Any]) -> str | None:
        """Return what is wrong with the model's own parameters, or None.

        Parameters the schema does not name are passed over, as the service is assumed to do.
        """
        for name, rule in self.properties.items():
            value = parameters.get(name)
            if value is None:
                continue
            if not isinstance(value, _JSON_TYPES[rule["type"]]):
                return f"{name} must be of type {rule['type']}"
            accepted: Sequence[str] = rule.get("enum", ())
            if accepted and value not in accepted:
                return f"{name} must be one of {', '.join(accepted)}; got {value!r}"
        return None


class Catalogue:
    """All models by id, in listing order."""

    def __init__(self, schema: SchemaName) -> None:
        models = (
            _nano_banana_pro(schema),
            _nano_banana_2_1(schema),
            _nano_banana_2(schema),
            _unpriced_image_model(schema),
            _text_model(schema),
        )
        self._models = {model.id: model for model in models}
        self._withdrawn: set[str] = set()

    def find(self, model_id: str) -> ModelSpec | None:
        """Return a model, or None when the id is unknown or withdrawn."""
        return None if model_id in self._withdrawn else self._models.get(model_id)

    def withdraw(self, model_id: str) -> None:
        """Have a model be gone from now on, as one that was shut down.

        Raises:
            LookupError: The id is unknown.
        """
        self._withdrawn.add(self._models[model_id].id)

    def offer(self, model_id: str) -> None:
        """Have a model that was withdrawn be there again.

        Raises:
            LookupError: The id is unknown.
        """
        self._withdrawn.discard(self._models[model_id].id)

    def list_ratios(self, model_id: str, ratios: Sequence[str]) -> None:
        """Have a model's schema list these aspect ratios, and no others, from now on.

        Raises:
            LookupError: The id is unknown.
        """
        model = self._models[model_id]
        rule = {**model.properties["aspect_ratio"], "enum": list(ratios)}
        properties = {**model.properties, "aspect_ratio": rule}
        self._models[model_id] = replace(model, properties=properties)

    def reprice(self, model_id: str, usd: Decimal) -> None:
        """Have a model cost a flat price from now on.

        Raises:
            LookupError: The id is unknown.
        """
        pricing = {"method": "per_image", "cost_per_image": float(usd)}
        self._models[model_id] = replace(self._models[model_id], pricing=pricing)

    def search(self, text: str = "") -> list[dict[str, Any]]:
        """Return the model objects whose id or name contains `text`, case ignored."""
        wanted = text.casefold()
        return [
            model.to_json()
            for model in self._models.values()
            if model.id not in self._withdrawn
            and (wanted in model.id.casefold() or wanted in model.display_name.casefold())
        ]


def _schema_key(schema: SchemaName) -> str:
    return "json_request_schema" if schema == "page" else "request_schema"


def _picture_properties(
    ratios: Sequence[str], resolutions: Sequence[str], *, resolution: str
) -> dict[str, Mapping[str, Any]]:
    return {
        "prompt": {"type": "string", "description": "What to draw, or how to change the input."},
        "input_image": {
            "type": "array",
            "items": {"type": "string", "format": "uri"},
            "nullable": True,
            "description": f"Pictures to work from, at most {MAX_REFERENCES}.",
        },
        "aspect_ratio": {"type": "string", "default": "16:9", "enum": list(ratios)},
        "resolution": {"type": "string", "default": resolution, "enum": list(resolutions)},
    }


def _nano_banana_pro(schema: SchemaName) -> ModelSpec:
    ratios = PAGE_RATIOS if schema == "page" else LIVE_RATIOS
    properties = _picture_properties(ratios, ("1K", "2K", "4K"), resolution="2K")
    if schema == "page":
        levels = [str(level) for level in range(1, 7)]
        properties["safety_tolerance"] = {"type": "string", "default": "6", "enum": levels}
    else:
        properties["google_search"] = {"type": "boolean", "default": False}
    return ModelSpec(
        id=NANO_BANANA_PRO,
        display_name="Nano Banana Pro",
        summary="Simulated: pictures from text and up to 14 reference pictures.",
        developer="Google",
        inputs=("text", "image"),
        outputs=("image",),
        pricing={"method": "per_image", "cost_per_image": 0.15},
        properties=properties,
        schema_key=_schema_key(schema),
    )


def _nano_banana_2_1(schema: SchemaName) -> ModelSpec:
    properties = _picture_properties(PANORAMIC_RATIOS, ("1K", "2K", "4K"), resolution="2K")
    levels = ["minimal", "medium", "high"]
    properties["google_search"] = {"type": "boolean", "default": False}
    properties["image_search"] = {"type": "boolean", "default": False}
    properties["thinking_level"] = {"type": "string", "default": "medium", "enum": levels}
    # No source gives its price at Oxen: that of Nano Banana 2 is assumed.
    grid = {"1K": 0.0871, "2K": 0.1313, "4K": 0.1963}
    return ModelSpec(
        id=NANO_BANANA_2_1,
        display_name="Nano Banana 2.1",
        summary="Simulated: pictures up to 8:1 and 1:8, priced by resolution.",
        developer="Google",
        inputs=("text", "image"),
        outputs=("image",),
        pricing={"method": "per_image", "cost_per_image_grid": {"high": grid}},
        properties=properties,
        schema_key=_schema_key(schema),
    )


def _nano_banana_2(schema: SchemaName) -> ModelSpec:
    grid = {"512": 0.0585, "1K": 0.0871, "2K": 0.1313, "4K": 0.1963}
    return ModelSpec(
        id="nano-banana-2",
        display_name="Nano Banana 2",
        summary="Simulated: a picture model priced by resolution.",
        developer="Google",
        inputs=("text", "image"),
        outputs=("image",),
        pricing={"method": "per_image", "cost_per_image_grid": {"high": grid}},
        properties=_picture_properties(LIVE_RATIOS, tuple(grid), resolution="1K"),
        schema_key=_schema_key(schema),
    )


def _unpriced_image_model(schema: SchemaName) -> ModelSpec:
    return ModelSpec(
        id="simulated-unpriced-image",
        display_name="Simulated unpriced image",
        summary="Simulated: a picture model that names no price.",
        developer="Simulator",
        inputs=("text", "image"),
        outputs=("image",),
        pricing=None,
        properties=_picture_properties(PAGE_RATIOS, ("1K", "2K"), resolution="1K"),
        schema_key=_schema_key(schema),
    )


def _text_model(schema: SchemaName) -> ModelSpec:
    return ModelSpec(
        id="simulated-text",
        display_name="Simulated text",
        summary="Simulated: a model that writes text and draws nothing.",
        developer="Simulator",
        inputs=("text",),
        outputs=("text",),
        pricing={
            "method": "token",
            "input_cost_per_token": 0.000001,
            "output_cost_per_token": 0.000002,
        },
        properties={"prompt": {"type": "string"}},
        schema_key=_schema_key(schema),
    )
