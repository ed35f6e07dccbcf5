"""A Dagster instance over small briefs and a simulator, in the roles of a live service."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.settings import Settings
from nbp_dagster.simulator.server import SimulatorServer
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.code_location import CodeLocation
from tests.rigs.service import ServiceProbe


@pytest.fixture
def location(
    simulator: SimulatorServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CodeLocation]:
    """Three shots of one campaign, nothing made yet."""
    monkeypatch.setenv("OXEN_API_KEY", "test-key-3f9a")
    # Where make keeps the state of its own commands.
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    settings = Settings(
        mode="live",
        home=tmp_path / "home",
        config=tmp_path / "briefs",
        oxen_base_url=simulator.url,
        # The plain painter draws nobody: every picture would be unlike its sheet.
        character_scorer="off",
    )
    write_briefs(
        settings.config, campaign(shot("kitchen"), shot("garden"), shot("attic", characters=[]))
    )
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield CodeLocation(settings, instance, ServiceProbe(simulator.url))
