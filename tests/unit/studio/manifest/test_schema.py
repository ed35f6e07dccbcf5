"""The packaged schema is that of the records, takes real manifests and no others."""

import json
from collections.abc import Callable
from typing import Any

import jsonschema
import pytest

from nbp_dagster.studio.manifest.manifest import to_json
from nbp_dagster.studio.manifest.schema import derive_schema, read_schema
from tests.rigs.prompt_goldens import ROOT
from tests.rigs.sets import build_set

SCHEMA: Any = json.loads(read_schema())


def test_the_packaged_schema_is_the_records_own() -> None:
    """After a change of the records, write `render_schema()` over the file."""
    assert derive_schema() == SCHEMA


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("measured", [False, True])
def test_a_manifest_of_every_kind_of_row_is_valid(measured: bool) -> None:
    manifest = build_set(scale=0.05, measured=measured).manifest

    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(to_json(manifest)))


def test_the_golden_manifest_is_valid() -> None:
    golden = (ROOT / "tests" / "goldens" / "manifest.json").read_text(encoding="utf-8")

    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(golden))


BREAKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a field too many": lambda data: data.update(more=1),
    "a field too few": lambda data: data.pop("pictures"),
    "another version": lambda data: data.update(schema_version=2),
    "a width in words": lambda data: data["pictures"][0].update(width="wide"),
    "a price as a number": lambda data: data["pictures"][0].update(price_usd=0.134),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_no_manifest_is_refused(name: str) -> None:
    data = json.loads(to_json(build_set(scale=0.05).manifest))
    BREAKS[name](data)

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(SCHEMA).validate(data)
