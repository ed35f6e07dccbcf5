"""One run with a prompt for each fault of the simulator: each turns exactly its check red."""

import importlib.util
import shutil
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.simulator.faults import Fault
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.rigs.briefs import campaign, write_briefs
from tests.rigs.briefs import shot as plain_shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
CONFIG = Path(__file__).parents[3] / "assets_config"

# What each fault is to be found by; nothing is to be found where nothing is named.
RED = {
    "misspelt_headline": {"copy_legible"},
    "missing_headline": {"copy_legible"},
    "low_contrast": {"copy_contrast"},
    "stray_text": {"unrequested_text"},
    "off_palette": {"palette_coverage"},
    "other_character": {"cross_similarity"},
    "missing_character": {"cross_similarity"},
    "copy_paste": {"copy_paste_rate"},
    "missing_logo": {"logo_present"},
    "wrong_size": {"asked_size"},
    "mislabelled": {"labelled_type"},
    # Fetched again, and whole then.
    "truncate": set(),
}
# A web page in place of the picture, however often it is fetched.
PAGE = "html"
# Asked for in the words of another shot.
TWIN = "twin"
CAMPAIGN = "faults"

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("rapidocr") is None, reason='needs pip install "nbp-dagster[ocr]"'
    ),
    # Fifteen pictures are painted and read: half a minute, and more on a busy machine.
    pytest.mark.timeout(600),
]


def shot(fault: str) -> dict[str, Any]:
    tag = f"[[sim:{fault}]] " if fault in RED and fault else ""
    # One scene for all, so that nothing but the fault tells the pictures apart.
    where = "" if fault != PAGE else f" on a page of {PAGE}"
    return {
        "id": fault or "clean",
        "scene": f"{tag}Pip waves from the door of a shop in a sunny street{where}",
        "characters": ["pip"],
        "text": "drawn",
        "copy": {"headline": {"en": "Slow mornings win"}},
    }


def key(fault: str) -> str:
    return f"{CAMPAIGN}/{fault or 'clean'}/en/1x1/v1"


@dataclass(frozen=True)
class Run:
    """What a run came to, and the set of what it made."""

    location: CodeLocation
    prompts: dg.ExecuteInProcessResult
    sets: dg.ExecuteInProcessResult


def red_of(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, str]]:
    """The checks that failed, by partition, with what is told of them."""
    found: dict[str, dict[str, str]] = {}
    for event in result.all_events:
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            item = event.asset_check_evaluation_data
            if item.partition and not item.passed:
                found.setdefault(item.partition, {})[item.check_name] = str(item.metadata)
    return found


@pytest.fixture
def run(location: CodeLocation) -> Run:
    """A brand with a mascot, a logo and a target for a colour, on a service that paints."""
    folder = location.settings.config
    shutil.rmtree(folder)
    shutil.copytree(CONFIG / "brands" / "images", folder / "brands" / "images")
    brand = yaml.safe_load((CONFIG / "brands" / "pennyway.yaml").read_text(encoding="utf-8"))
    brief = {
        "id": CAMPAIGN,
        "brand": brand["id"],
        "objective": "one prompt a fault",
        "locales": ["en"],
        "channels": ["instagram_square"],
        "resolution": "1K",
        "budget_usd": 50,
        # Room for the logo beside the mascot's card and face and the card of colours.
        "max_references": 4,
        "palette_targets": {"accent": 0.01},
        "shots": [shot(fault) for fault in ("", TWIN, *RED, PAGE)],
    }
    write_briefs(folder, brief, brand=brand)
    page = Fault(kind="html", path=".png", prompt=f"page of {PAGE}")
    with SimulatorServer(SimulatorOptions(latency=0.02, faults=(page,))) as server:
        update = {"oxen_base_url": server.url, "ocr": "on", "character_scorer": "colour"}
        made = replace(location, settings=location.settings.model_copy(update=update))
        made.sheets_made()
        prompts = made.materialize(PROMPT_ASSETS)
        return Run(made, prompts, made.materialize([NAMES.campaign_sets]))


def test_each_fault_turns_exactly_its_check_red(run: Run) -> None:
    found = red_of(run.prompts)
    assert {prompt: set(red) for prompt, red in found.items()} == {
        key(fault): red for fault, red in RED.items() if red
    }, found
    assert "asked for 'Slow mornings win'" in found[key("misspelt_headline")]["copy_legible"]
    assert "sent as png, and by its first bytes it is jpeg" in str(found[key("mislabelled")])
    # The run's own evaluations: red with one prompt, or two, green where no fault is meant.
    counts = {
        item.check_name: item.metadata["failed"].value
        for item in run.prompts.get_asset_check_evaluations()
        if not item.partition
    }
    wanted = [check for red in RED.values() for check in red]
    assert counts == {name: wanted.count(name) for name in counts}
    assert set(counts) >= {*wanted, "not_blank", "prohibited_text", "smallest_letter"}

    described = run.location.latest(NAMES.channel_images, key("wrong_size")).metadata["measures"]
    rows = {row.data["check"]: row.data["why"] for row in described.records}
    assert rows["asked_size"] == "it has 960x960 pixels, 0.0% off the ratio asked for"

    # What is no picture fails its prompt, in words; it holds nothing else back.
    assert run.location.materialized(NAMES.generated_images) == {
        key(fault) for fault in ("", TWIN, *RED)
    }
    failure = next(event for event in run.prompts.all_events if event.is_step_failure)
    assert "accepted: PNG, JPEG, WebP, AVIF" in str(failure.step_failure_data)

    # The picture that another prompt has already is told with both names, once a set.
    twins = red_of(run.sets)[CAMPAIGN]["distinct_originals"]
    assert f"{key(TWIN)} is {key('')}," in twins


def latest_check(location: CodeLocation, name: str) -> tuple[bool, str]:
    """What Dagster shows of a check: the latest evaluation."""
    key = dg.AssetCheckKey(NAMES.channel_images, name)
    records = location.instance.event_log_storage.get_asset_check_execution_history(key, limit=1)
    event = records[0].event
    assert event is not None
    assert event.dagster_event is not None
    item = event.dagster_event.asset_check_evaluation_data
    return item.passed, item.description or ""


def test_a_check_stays_red_until_the_prompt_that_fails_it_is_right(location: CodeLocation) -> None:
    wrong = plain_shot("kitchen", scene="[[sim:wrong_size]] a kitchen", characters=[])
    sound = plain_shot("garden", characters=[])
    location.write(campaign(wrong, sound))
    kitchen, garden = location.prompts()
    assert location.materialize(PROMPT_ASSETS).success
    assert not latest_check(location, "asked_size")[0]

    # A run of the other prompt, whose picture passes.
    assert location.materialize(PROMPT_ASSETS, [garden]).success
    passed, words = latest_check(location, "asked_size")
    assert not passed
    assert words.startswith("1 of 2 pictures passed (1 of other runs fall short still); ")

    location.write(campaign({**wrong, "scene": "a kitchen"}, sound))
    assert location.materialize(PROMPT_ASSETS, [kitchen]).success
    assert latest_check(location, "asked_size") == (True, "1 of 1 pictures passed")


@pytest.mark.parametrize(
    ("strict", "shown"),
    [
        (True, "1 of 2 pictures passed (1 of other runs fall short still); "),
        (False, "1 of 1 pictures passed"),
    ],
)
def test_what_only_strict_runs_fail_is_judged_as_the_latest_run_judges(
    location: CodeLocation, monkeypatch: pytest.MonkeyPatch, strict: bool, shown: str
) -> None:
    """Two prompts whose words nobody could read; then a run of the one that is right by now."""
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    location.settings = location.settings.model_copy(update={"ocr": "auto"})
    rooms = [{**shot(room), "characters": []} for room in ("kitchen", "garden")]
    location.write(campaign(*rooms))
    wrong, right = location.prompts()
    config = {PROMPT_STEP: {"config": {"strict": True}}}
    assert location.materialize(PROMPT_ASSETS, op_config=config).success
    assert not latest_check(location, "copy_legible")[0]
    with open_studio(location.settings) as studio:
        record = studio.records.read(right)
        assert record is not None
        checks = [replace(item, verdict="passed", missing_extra="") for item in record.checks]
        studio.records.write(replace(record, checks=tuple(checks)))

    config = {PROMPT_STEP: {"config": {"strict": strict}}}
    result = location.materialize(PROMPT_ASSETS, [right], op_config=config)

    passed, told = latest_check(location, "copy_legible")
    assert (passed, told.startswith(shown)) == (not strict, True), told
    [evaluation] = [
        item
        for item in result.get_asset_check_evaluations()
        if item.check_name == "copy_legible" and not item.partition
    ]
    assert (wrong in str(evaluation.metadata["falling_short"])) == strict


def test_a_prompt_that_the_briefs_no_longer_have_keeps_no_check_red(
    location: CodeLocation,
) -> None:
    wrong = plain_shot("kitchen", scene="[[sim:wrong_size]] a kitchen", characters=[])
    sound = plain_shot("garden", characters=[])
    location.write(campaign(wrong, sound))
    assert location.materialize(PROMPT_ASSETS).success

    location.write(campaign(sound))
    assert location.materialize(PROMPT_ASSETS).success

    assert latest_check(location, "asked_size")[0]
