"""Taking an earlier picture back over the one that was asked for: free, where it can be."""

from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.asking.asker import Asker, CannotAsk, Change
from nbp_dagster.studio.asking.earlier_picture import keep_earlier
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.provenance.picture_index import KnownPicture, PictureIndex
from nbp_dagster.studio.regeneration_rules import AlreadyAsked
from nbp_dagster.studio.studio import Studio
from tests.crash.correcting import make, open_prompts
from tests.rigs.service import ServiceProbe

KEY = "winter/shot0/all/1x1/v1"
PRICE = Decimal("0.15")


@pytest.fixture
def originals(studio: Studio) -> tuple[KnownPicture, KnownPicture]:
    """The first picture, and the one that was asked for."""
    ask(studio, "She waves")
    engine = open_ledger(studio.paths.ledger)
    rows = [row for row in PictureIndex(engine).find_by_prompt(KEY) if row.is_original]
    engine.dispose()
    first, second = rows
    return first, second


def ask(studio: Studio, note: str) -> None:
    Asker(lambda: nullcontext(studio)).ask(KEY, Change(note), price_usd=PRICE)
    make(studio)


def present(studio: Studio) -> str:
    record = studio.records.read(KEY)
    assert record is not None
    return record.fingerprint


def test_the_earlier_picture_is_present_after_the_next_run_and_nothing_is_bought(
    studio: Studio, originals: tuple[KnownPicture, KnownPicture], simulator: SimulatorServer
) -> None:
    first, second = originals
    assert present(studio) == second.fingerprint

    keep_earlier(studio, first, who="ada")
    make(studio)
    assert present(studio) == first.fingerprint
    keep_earlier(studio, second, who="bo")
    make(studio)

    assert present(studio) == second.fingerprint
    assert ServiceProbe(simulator.url).bills == 2
    (row,) = studio.regenerations.log.all()
    assert (row.kept, row.reason) == ("correction", "taken back by bo")


def test_another_note_after_that_is_a_picture_of_its_own(
    studio: Studio, originals: tuple[KnownPicture, KnownPicture], simulator: SimulatorServer
) -> None:
    first, _ = originals
    keep_earlier(studio, first, who="ada")
    make(studio)

    ask(studio, "She sits")

    record = studio.records.read(KEY)
    assert record is not None
    prompts = {picture.prompt for picture in record.pictures}
    assert all("She sits." in prompt and "She waves." not in prompt for prompt in prompts)
    assert ServiceProbe(simulator.url).bills == 3


def test_while_another_one_is_asked_for_none_is_taken_back(
    studio: Studio, originals: tuple[KnownPicture, KnownPicture]
) -> None:
    Asker(lambda: nullcontext(studio)).ask(KEY, Change("She sits"), price_usd=PRICE)

    with pytest.raises(AlreadyAsked, match="wait for it"):
        keep_earlier(studio, originals[0], who="ada")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"generation_id": "another job"}, "bought anew since"),
        ({"fingerprint": "f" * 64}, "bought anew since"),
        ({"prompt_key": "winter/shot9/all/1x1/v1"}, "no such prompt"),
    ],
)
def test_what_is_no_version_of_the_present_request_is_refused(
    studio: Studio,
    originals: tuple[KnownPicture, KnownPicture],
    changes: dict[str, str],
    told: str,
) -> None:
    with pytest.raises(CannotAsk, match=told):
        keep_earlier(studio, replace(originals[0], **changes), who="ada")

    assert [row.kept for row in studio.regenerations.log.all()] == ["correction"]


def test_what_checks_had_replaced_is_not_taken_back(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    """The next run might buy another picture in its place."""
    correct = {"max_attempts": 1, "checks": ["palette_coverage"]}
    home = tmp_path / "corrected"
    with open_prompts(simulator.url, home, count=1, correct=correct) as studio:
        make(studio)
        log = studio.regenerations.log
        log.decide_anew(log.all(), {1: "correction"}, "it fails nothing")
        engine = open_ledger(studio.paths.ledger)
        rows = [row for row in PictureIndex(engine).find_by_prompt(KEY) if row.is_original]
        engine.dispose()

        with pytest.raises(CannotAsk, match="replaced as it failed palette_coverage"):
            keep_earlier(studio, rows[0], who="ada")

        assert [row.kept for row in log.all()] == ["correction"]
