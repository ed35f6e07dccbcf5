"""The manifest's form as a JSON schema, made from the records that write it."""

import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from pydantic import TypeAdapter

from nbp_dagster.studio.manifest.manifest import SetManifest

SCHEMA: Final = "manifest.schema.json"
"""The schema's file, in this package and beside every manifest that is delivered."""


def derive_schema() -> Mapping[str, Any]:
    """Return the schema of what `manifest.to_json` writes (JSON Schema, draft 2020-12)."""
    made = TypeAdapter(SetManifest).json_schema(mode="serialization")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "description": "A campaign's set: its pictures with their lineage, prompts without one.",
    }
    return {**head, **{name: value for name, value in made.items() if name != "description"}}


def render_schema() -> str:
    """Return the schema as the packaged file holds it."""
    return json.dumps(derive_schema(), indent=2, ensure_ascii=False) + "\n"


def read_schema() -> bytes:
    """Return the packaged schema, which is the same whatever version of pydantic is installed."""
    return files("nbp_dagster.studio.manifest").joinpath(SCHEMA).read_bytes()
