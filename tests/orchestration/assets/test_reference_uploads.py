"""However references are sent, the pictures are the same ones, and are bought once."""

from dataclasses import replace

import pytest

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import NAMES, PROMPT_ASSETS, CodeLocation
from tests.rigs.pictures import draw_scene, encode
from tests.rigs.service import ServiceProbe

REPOSITORY = "simulated-user/references"


def send(
    location: CodeLocation, way: str, simulator: SimulatorServer | None = None
) -> CodeLocation:
    """The same location with another way of sending, or on another service."""
    changes = {"references": way, "references_repository": REPOSITORY}
    if simulator is not None:
        changes["oxen_base_url"] = simulator.url
    settings = location.settings.model_copy(update=changes)
    return replace(location, settings=settings, service=ServiceProbe(settings.oxen_base_url))


def put(location: CodeLocation) -> None:
    path = location.settings.config / "brands" / "logo.png"
    path.write_bytes(encode(draw_scene(64, 48)))
    location.write(campaign(shot("kitchen"), shot("garden")), brand={**BRAND, "logo": "logo.png"})


def test_another_way_of_sending_makes_nothing_stale_and_buys_nothing_again(
    location: CodeLocation,
) -> None:
    put(location)
    location.sheets_made()
    uploading = send(location, "upload")
    assert uploading.materialize(PROMPT_ASSETS).success
    bills = location.service.bills
    puts = [e for e in location.service.requests("/file/main/references") if e["method"] == "PUT"]

    inline = send(location, "inline")
    again = inline.materialize(PROMPT_ASSETS)

    assert len(puts) == 3  # Ada's sheet, the logo and the card, for two prompts
    assert again.success
    assert location.service.bills == bills
    assert inline.stale(NAMES.generated_images) == set()


@pytest.mark.parametrize(
    ("way", "echo_inline"), [("upload", False), ("inline", False), ("inline", True)]
)
def test_a_lost_answer_is_adopted_whatever_the_way(
    location: CodeLocation, way: str, echo_inline: bool
) -> None:
    put(location)
    options = SimulatorOptions(latency=0.02, echo_inline=echo_inline)
    with SimulatorServer(options, painter=paint_plainly) as simulator:
        there = send(location, way, simulator)
        there.sheets_made()
        sheets = there.service.bills
        fault = {"kind": "reset_after", "method": "POST", "path": "/queue", "prompt": "garden"}
        there.service.script({**fault, "times": 1})

        assert there.materialize(PROMPT_ASSETS).success

        assert there.service.bills == sheets + 2
