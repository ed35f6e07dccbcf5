"""However references are sent, the pictures are the same ones, and are bought once."""

from dataclasses import replace

import pytest

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.briefs import BRAND, campaign, shot
from tests.fakes.painter import paint_plainly
from tests.fakes.pictures import draw_scene, encode
from tests.fakes.service import ServiceProbe
from tests.orchestration.conftest import NAMES, PROMPT_ASSETS, House

REPOSITORY = "simulated-user/references"


def send(house: House, way: str, simulator: SimulatorServer | None = None) -> House:
    """The same house with another way of sending, or on another service."""
    changes = {"references": way, "references_repository": REPOSITORY}
    if simulator is not None:
        changes["oxen_base_url"] = simulator.url
    settings = house.settings.model_copy(update=changes)
    return replace(house, settings=settings, service=ServiceProbe(settings.oxen_base_url))


def put(house: House) -> None:
    path = house.settings.config / "brands" / "logo.png"
    path.write_bytes(encode(draw_scene(64, 48)))
    house.write(campaign(shot("kitchen"), shot("garden")), brand={**BRAND, "logo": "logo.png"})


def test_another_way_of_sending_makes_nothing_stale_and_buys_nothing_again(house: House) -> None:
    put(house)
    house.sheets_made()
    uploading = send(house, "upload")
    assert uploading.materialize(PROMPT_ASSETS).success
    bills = house.service.bills
    puts = [e for e in house.service.requests("/file/main/references") if e["method"] == "PUT"]

    inline = send(house, "inline")
    again = inline.materialize(PROMPT_ASSETS)

    assert len(puts) == 3  # Ada's sheet, the logo and the card, for two prompts
    assert again.success
    assert house.service.bills == bills
    assert inline.stale(NAMES.generated_images) == set()


@pytest.mark.parametrize(
    ("way", "echo_inline"), [("upload", False), ("inline", False), ("inline", True)]
)
def test_a_lost_answer_is_adopted_whatever_the_way(
    house: House, way: str, echo_inline: bool
) -> None:
    put(house)
    options = SimulatorOptions(latency=0.02, echo_inline=echo_inline)
    with SimulatorServer(options, painter=paint_plainly) as simulator:
        there = send(house, way, simulator)
        there.sheets_made()
        sheets = there.service.bills
        fault = {"kind": "reset_after", "method": "POST", "path": "/queue", "prompt": "garden"}
        there.service.script({**fault, "times": 1})

        assert there.materialize(PROMPT_ASSETS).success

        assert there.service.bills == sheets + 2
