"""Simulated models and prices without a web server: the same as with one."""

from dataclasses import replace

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.errors import NotFound
from nbp_dagster.simulator.catalogue import Catalogue
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.connect import create_simulated_catalogue
from tests.rigs.workbench import Workbench

MODELS = [model["id"] for model in Catalogue("page").search()]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_and_its_price_are_those_of_the_simulator(bench: Workbench, name: str) -> None:
    here = create_simulated_catalogue(clock=SystemClock()).get_model(name)
    there = bench.client.get_model(name)

    # Of the raw object the client hides its key, which is another one here.
    assert replace(here, raw={}) == replace(there, raw={})


def test_a_model_that_the_simulator_lacks_is_missing_here_too(
    simulator: SimulatorServer, bench: Workbench
) -> None:
    catalogue = create_simulated_catalogue(clock=SystemClock())

    with pytest.raises(NotFound) as there:
        bench.client.get_model("no-such-model")
    with pytest.raises(NotFound) as here:
        catalogue.get_model("no-such-model")

    assert here.value.detail == there.value.detail


def test_anything_but_a_model_is_missing() -> None:
    with pytest.raises(NotFound):
        create_simulated_catalogue(clock=SystemClock()).list_generations()
