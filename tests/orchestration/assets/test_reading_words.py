"""The words on originals, end to end: a flaw of the picture is one red check of its prompt."""

import importlib.util
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.cli.choice import choose_prompts
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.run import run_prompts
from nbp_dagster.cli.run_report import RunReport
from nbp_dagster.cli.run_summary import RunOptions, RunSummary
from nbp_dagster.settings import Settings
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.imaging.places import can_find_places
from nbp_dagster.studio.imaging.xmp import read_marks
from nbp_dagster.studio.manifest.value_types import Pass, Reading, ReadLine
from nbp_dagster.studio.plan import plan_campaigns
from tests.rigs.briefs import campaign, write_briefs
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.service import ServiceProbe

NAMES = Names()
WORDS = ("copy_legible", "copy_contrast", "unrequested_text", "prohibited_text")


def drawn(name: str, scene: str) -> dict[str, Any]:
    return {
        "id": name,
        "scene": scene,
        "text": "drawn",
        "copy": {"headline": {"en": "Slow mornings win"}},
    }


@pytest.fixture
def painted(location: CodeLocation) -> Iterator[CodeLocation]:
    """A location whose service paints what the prompt says, whose originals are looked at."""
    with SimulatorServer(SimulatorOptions(latency=0.02)) as server:
        update = {"oxen_base_url": server.url, "ocr": "on", "places": "auto"}
        yield replace(location, settings=location.settings.model_copy(update=update))


@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason='needs pip install "nbp-dagster[ocr]"'
)
def test_each_flaw_turns_the_check_of_its_prompt_red_and_no_other(painted: CodeLocation) -> None:
    painted.write(
        campaign(
            drawn("kitchen", "a cup on a counter"),
            drawn("garden", "[[sim:misspelt_headline]] a cup on a garden table"),
            drawn("attic", "[[sim:stray_text]] a cup under the roof"),
            drawn("cellar", "[[sim:low_contrast]] a cup on a barrel"),
        )
    )

    result = painted.materialize(PROMPT_ASSETS)

    assert result.success
    by_partition = {
        (item.partition, item.check_name)
        for item in evaluations_of(result)
        if item.check_name in WORDS and item.partition and not item.passed
    }
    assert by_partition == {
        ("winter/garden/en/1x1/v1", "copy_legible"),
        ("winter/attic/en/1x1/v1", "unrequested_text"),
        ("winter/cellar/en/1x1/v1", "copy_contrast"),
    }
    summed = {
        item.check_name: (item.passed, item.metadata["failed"].value)
        for item in result.get_asset_check_evaluations()
        if item.check_name in WORDS and not item.partition
    }
    assert summed == {
        "copy_legible": (False, 1),
        "copy_contrast": (False, 1),
        "unrequested_text": (False, 1),
        "prohibited_text": (True, 0),
    }
    metadata = painted.latest(NAMES.channel_images, "winter/garden/en/1x1/v1").metadata
    rows = {row.data["check"]: row.data["why"] for row in metadata["measures"].records}
    assert "asked for 'Slow mornings win'" in str(rows["copy_legible"])


@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason='needs pip install "nbp-dagster[ocr]"'
)
def test_a_picture_is_bought_for_words_that_are_wrong_and_none_for_words_not_read(
    painted: CodeLocation,
) -> None:
    painted.service = ServiceProbe(str(painted.settings.oxen_base_url))
    painted.write(
        campaign(
            drawn("kitchen", "[[sim:missing_headline]] a cup on a counter"),
            drawn("garden", "[[sim:misspelt_headline]] a cup on a garden table"),
            correct={"max_attempts": 2, "checks": ["copy_legible"]},
        )
    )

    for _ in range(2):
        assert painted.materialize(PROMPT_ASSETS).success

        with open_studio(painted.settings) as studio:
            bought = Counter(row.key for row in studio.ledger.rows())
            record = studio.records.read("winter/kitchen/en/1x1/v1")
            further = plan_campaigns(studio, ["winter"]).corrections
        assert bought == {"winter/kitchen/en/1x1/v1": 1, "winter/garden/en/1x1/v1": 3}
        assert painted.service.bills == 4
        assert further == (0, 0)
        assert record is not None
        assert (record.places is not None) == can_find_places()
        assert [(each.name, each.is_unsure) for each in record.failed_checks] == [
            ("copy_legible", True)
        ]


def test_a_reading_at_hand_keeps_renditions_from_cutting_words(location: CodeLocation) -> None:
    """Words that a crop for the channel would cut: found later, the picture is made again, free."""
    banner = drawn("kitchen", "a cup on a counter")
    location.write(campaign(banner, channels=["instagram_feed", "display_728x90"]))
    assert location.materialize(PROMPT_ASSETS).success
    key, wide = "winter/kitchen/en/4x5/v1", "winter/kitchen/all/21x9/v1"
    with open_studio(location.settings) as studio:
        before = studio.records.read(key)
        assert before is not None
        [picture] = before.pictures
        assert (picture.framing.method, before.words) == ("cover", ())
        line = ReadLine(
            text="Slow mornings win", score=0.99, left=0.0, top=0.0, right=0.9, bottom=1.0
        )
        reading = Reading(
            original=picture.original_sha256, reader="x", passes=(Pass(side=800, lines=(line,)),)
        )
        studio.records.write(replace(before, reading=reading))
        bills = location.service.bills
        outcomes = studio.compile(studio.prompts).orders
        prompts = {prompt.key: prompt for prompt in studio.prompts}
        made = {item.key: item for item in studio.find_made(outcomes.values())}
        after = studio.render(prompts[key], outcomes[key], made[key])
        again = studio.render(prompts[key], outcomes[key], made[key])
        of_banner = studio.records.read(wide)
        assert of_banner is not None
        [banner_row] = of_banner.pictures
        marks = read_marks(studio.store.get(banner_row.sha256))
    assert after.words == ((0.0, 0.0, 0.9, 1.0),)
    assert after.pictures[0].framing.method == "inside"
    assert again == after
    assert location.service.bills == bills
    # The words of the banner are set by us, and it says so.
    assert banner_row.framing.method == "beside"
    assert marks["Iptc4xmpExt:DigitalSourceType"].endswith("/compositeWithTrainedAlgorithmicMedia")


def evaluations_of(result: dg.ExecuteInProcessResult) -> list[dg.AssetCheckEvaluation]:
    """Every evaluation logged, those of single prompts included."""
    return [
        event.asset_check_evaluation_data
        for event in result.all_events
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION
    ]


@pytest.fixture
def without_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the extra were not installed."""
    monkeypatch.setitem(sys.modules, "rapidocr", None)


def word_results(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str]]:
    return {
        item.check_name: (item.passed, item.severity.value)
        for item in result.get_asset_check_evaluations()
        if item.check_name in WORDS and not item.partition
    }


@pytest.mark.usefixtures("without_reader")
def test_without_the_extra_there_is_no_verdict_and_a_strict_run_fails(
    location: CodeLocation,
) -> None:
    location.settings = location.settings.model_copy(update={"ocr": "auto"})
    location.write(campaign(drawn("kitchen", "a cup on a counter")))

    lenient = location.materialize(PROMPT_ASSETS)
    strict = location.materialize(
        PROMPT_ASSETS, op_config={PROMPT_STEP: {"config": {"strict": True}}}
    )

    assert lenient.success
    assert word_results(lenient) == {}
    assert word_results(strict) == dict.fromkeys(WORDS, (False, "ERROR"))


@pytest.mark.usefixtures("without_reader")
def test_a_strict_command_fails_and_names_the_extra(tmp_path: Path) -> None:
    folder = write_briefs(tmp_path / "briefs", campaign(drawn("kitchen", "a cup on a counter")))
    settings = Settings(
        mode="simulator",
        home=tmp_path / "home",
        config=folder,
        ocr="on",
        simulator_latency=0,
    )

    def run(*, strict: bool) -> RunSummary:
        with RunReport(Console(quiet=True)) as report:
            briefs = load_briefs(folder)
            return run_prompts(
                settings,
                briefs,
                choose_prompts(briefs, ["winter"]),
                options=RunOptions(strict=strict),
                listener=report,
            )

    strict, lenient = run(strict=True), run(strict=False)

    assert not strict.errors
    assert not strict.is_complete
    [done] = strict.campaigns
    assert [name for name, why in done.unchecked if "nbp-dagster[ocr]" in why] == list(WORDS)
    # Nothing was left to make, and nobody asked for the checks.
    assert lenient.is_complete
    assert lenient.campaigns[0].up_to_date == 1
