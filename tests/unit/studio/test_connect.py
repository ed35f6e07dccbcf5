"""Simulated models and prices without a web server: the same as with one."""

from dataclasses import replace
from pathlib import Path

import pytest
import requests

from nbp_dagster.briefs.models import DEFAULT_MODEL
from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.errors import NotFound
from nbp_dagster.simulator.catalogue import Catalogue
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.connect import (
    SIMULATOR_KEY,
    UnfitPictures,
    create_simulated_catalogue,
    run_simulator,
)
from tests.rigs.pictures import draw_scene, encode
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


def test_simulator_mode_sends_the_pictures_of_a_folder(tmp_path: Path) -> None:
    data = encode(draw_scene(64, 48), "JPEG")
    (tmp_path / "own.jpg").write_bytes(data)
    with run_simulator(latency=0, state_dir=None, pictures=tmp_path) as server:
        answer = requests.post(
            f"{server.url}/api/ai/images/edit",
            json={"model": DEFAULT_MODEL, "prompt": "a cup"},
            headers={"Authorization": f"Bearer {SIMULATOR_KEY}"},
            timeout=30,
        )
        sent = requests.get(answer.json()["images"][0]["url"], timeout=30).content
    assert sent == data


def test_a_folder_without_pictures_is_one_error_before_anything_is_sent(tmp_path: Path) -> None:
    with (
        pytest.raises(UnfitPictures, match=r"NBP_SIMULATOR_PICTURES: .* has no JPEG"),
        run_simulator(latency=0, state_dir=None, pictures=tmp_path),
    ):
        pass
