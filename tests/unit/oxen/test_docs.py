"""The page about the client names what the client has."""

from dataclasses import fields
from pathlib import Path

import pytest

from nbp_dagster.oxen import errors
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy

PAGE = (Path(__file__).parents[3] / "docs" / "client.md").read_text(encoding="utf-8")
ERRORS = [name for name in errors.__all__ if isinstance(getattr(errors, name), type)]
CALLS = [name for name, value in vars(OxenClient).items() if callable(value) and name[0] != "_"]


@pytest.mark.parametrize("name", ERRORS)
def test_every_error_has_a_row(name: str) -> None:
    assert f"| `{name}` |" in PAGE


@pytest.mark.parametrize("name", CALLS)
def test_every_call_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("field", fields(RetryPolicy), ids=lambda field: field.name)
def test_every_retry_setting_has_its_default(field) -> None:
    assert f"| `{field.name}` | {field.default:g}" in PAGE
