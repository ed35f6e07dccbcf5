"""A brand's calibration takes approvals and rejections of its real pictures as evidence."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbp_dagster.cli.main import main
from nbp_dagster.cli.openings import (
    create_access_rules,
    open_picture_index,
    open_review,
    open_studio,
)
from nbp_dagster.studio.review.reviews import Reviews, Seen
from nbp_dagster.studio.thresholds import decided_thresholds
from nbp_dagster.studio.thresholds.brand_calibration import BrandCalibration, calibrate_brand
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import CodeLocation
from tests.rigs.daemon import all_made

SAMPLES = Path(__file__).parents[2] / "assets_config" / "brands" / "images"
VIEWS = ("pip_front.png", "pip_waving.png", "pip_face.png")
ADA = {
    "name": "Ada",
    "traits": ["fox"],
    "may_vary": ["pose"],
    "references": [f"images/{view}" for view in VIEWS],
}
DRAWN = {**BRAND, "characters": {"ada": ADA}}
SHOTS = tuple(shot(f"shot{number}") for number in range(4))


@pytest.fixture
def location(location: CodeLocation) -> CodeLocation:
    """One that measures likeness: its character has three supplied views."""
    images = location.settings.config / "brands" / "images"
    images.mkdir()
    for view in VIEWS:
        shutil.copy2(SAMPLES / view, images)
    return replace(
        location, settings=location.settings.model_copy(update={"character_scorer": "colour"})
    )


@pytest.fixture
def reviews(location: CodeLocation) -> Iterator[Reviews]:
    access = create_access_rules(location.settings, listen="127.0.0.1", default_name="ada@desk")
    with open_review(location.settings, access) as context:
        yield context.reviews


def decide(reviews: Reviews, faults: Mapping[str, str]) -> None:
    """Approve every picture but those of some shots, which are rejected for a fault."""
    for row in reviews.open("winter").rows:
        seen = Seen(row.picture.file, row.picture.sha256, row.number)
        fault = faults.get(row.picture.shot, "")
        verdict = "rejected" if fault else "approved"
        reviews.decide("winter", seen, verdict, who="ada", fault=fault)


def calibrate(location: CodeLocation, *, with_decisions: bool = True) -> BrandCalibration:
    settings = location.settings
    with open_studio(settings) as studio, open_picture_index(settings) as index:
        return calibrate_brand(studio, index, "hilltop", with_decisions=with_decisions)


def test_decisions_are_counted_and_too_few_move_nothing(
    location: CodeLocation, reviews: Reviews
) -> None:
    location.write(campaign(*SHOTS), brand=DRAWN)
    all_made(location)
    bills = location.service.bills
    decide(reviews, {"shot3": "cross_similarity", "shot2": "subject_whole"})

    done = calibrate(location)

    (move,) = done.moves
    assert (move.approved, move.rejected) == (2, 1)
    assert "too few" in move.why
    assert done.found.cross == done.by_sheets == calibrate(location, with_decisions=False).by_sheets
    assert {each.check for each in done.agreements} >= {"cross_similarity", "subject_whole"}
    told = say(location)
    assert "standing of a body: 2 approved, 1 rejected; at" in told
    assert "it stays: too few: 10 approved and 10 rejected are needed" in told
    assert "subject_whole: 1 decision; 0 rejected as it said" in told
    assert "decisions" not in say(location, "--sheets-only")
    assert location.service.bills == bills


def say(location: CodeLocation, *options: str) -> str:
    """Return what the command prints."""
    settings = location.settings
    environment = {
        "NBP_MODE": settings.mode,
        "NBP_HOME": str(settings.home),
        "NBP_CONFIG": str(settings.config),
        "NBP_CHARACTER_SCORER": settings.character_scorer,
        "OXEN_BASE_URL": settings.oxen_base_url,
    }
    done = CliRunner().invoke(main, ["calibrate", "hilltop", *options], env=environment)
    assert done.exit_code == 0, done.output
    return done.output


def test_enough_decisions_set_the_threshold_that_runs_judge_by(
    location: CodeLocation, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decided_thresholds, "LEAST_DECISIONS", 1)
    monkeypatch.setattr(decided_thresholds, "WORST_RATE", 1.1)
    location.write(campaign(*SHOTS), brand=DRAWN)
    all_made(location)
    decide(reviews, {"shot3": "cross_similarity"})

    done = calibrate(location)

    assert not done.moves[0].why
    assert done.found.cross != done.by_sheets
    all_made(location)
    thresholds = {row.threshold for row in reviews.read("winter").manifest.likenesses}
    assert thresholds == {done.found.cross}


def test_a_picture_of_an_earlier_brief_is_left_out(
    location: CodeLocation, reviews: Reviews
) -> None:
    location.write(campaign(*SHOTS), brand=DRAWN)
    all_made(location)
    decide(reviews, {})
    edited = (shot("shot0", scene="Ada reads a letter"), *SHOTS[1:])
    location.write(campaign(*edited), brand=DRAWN)

    done = calibrate(location)

    assert done.moves[0].approved == 3
    assert done.left_out == {"made for an earlier brief or sheet": 1}
