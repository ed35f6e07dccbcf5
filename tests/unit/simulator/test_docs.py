"""The simulator's page names everything there is to set and to break."""

from dataclasses import fields
from pathlib import Path

import pytest

from nbp_dagster.simulator.faults import (
    DOWNLOAD_FAULTS,
    JOB_FAULTS,
    LIST_FAULTS,
    PICTURE_FAULTS,
    REQUEST_FAULTS,
    STREAM_FAULTS,
    Fault,
)
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.routes.control import ROUTES

PAGE = (Path(__file__).parents[3] / "docs" / "simulator.md").read_text(encoding="utf-8")
KINDS = (
    *REQUEST_FAULTS,
    *JOB_FAULTS,
    *DOWNLOAD_FAULTS,
    *STREAM_FAULTS,
    *LIST_FAULTS,
    *PICTURE_FAULTS,
)


@pytest.mark.parametrize("name", [field.name for field in fields(SimulatorOptions)])
def test_every_option_has_its_row(name: str) -> None:
    assert f"\n| `{name}` |" in PAGE


@pytest.mark.parametrize("name", [*KINDS, *(field.name for field in fields(Fault))])
def test_every_fault_and_every_field_of_one_is_named(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_every_route_of_its_own_is_named(path: str) -> None:
    assert path in PAGE
