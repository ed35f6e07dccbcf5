"""The log of corrections: on SQLite and PostgreSQL, from several machines at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.correction_log import Correction, CorrectionLog
from nbp_dagster.studio.ledger.database import open_ledger
from tests.fakes.clock import FakeClock

DRAFT = Correction(
    parent="1" * 64,
    original="2" * 64,
    number=1,
    fingerprint="3" * 64,
    prompt="Ada pours tea. The headline is spelt as quoted.",
    checks=("copy_legible",),
    key="winter/kitchen/en/1x1/v1",
)
PLACE = (DRAFT.parent, DRAFT.original)


@pytest.fixture
def log(ledger_url: str) -> Iterator[CorrectionLog]:
    engine: Engine = open_ledger(ledger_url)
    yield CorrectionLog(engine, clock=FakeClock())
    engine.dispose()


def test_of_two_wordings_the_first_one_is_asked_for(log: CorrectionLog) -> None:
    """Two machines with other versions of a check would say it differently."""
    drafts = [replace(DRAFT, fingerprint=str(n) * 64, prompt=f"words {n}") for n in range(4, 8)]

    with ThreadPoolExecutor(4) as pool:
        asked = set(pool.map(log.ask, drafts))

    assert len(asked) == 1
    assert log.of([DRAFT.parent]) == {PLACE: tuple(asked)}


def test_what_is_decided_stays_so(log: CorrectionLog) -> None:
    asked = log.ask(DRAFT)

    decided = log.decide(asked, "correction", "it fails nothing")

    assert (decided.kept, decided.reason) == ("correction", "it fails nothing")
    assert log.decide(asked, "first", "another scorer says so") == decided
    assert log.of([DRAFT.parent])[PLACE] == (decided,)


def test_a_picture_bought_again_on_purpose_starts_anew(log: CorrectionLog) -> None:
    log.decide(log.ask(DRAFT), "first", "no better")
    again = log.ask(replace(DRAFT, original="9" * 64))

    assert again.kept is None
    assert set(log.of([DRAFT.parent])) == {PLACE, (DRAFT.parent, "9" * 64)}
    assert [item.original[0] for item in log.behind(DRAFT.fingerprint)] == ["2", "9"]
    assert log.of(["7" * 64]) == {}


def test_a_person_decides_anew_all_of_it_or_nothing(log: CorrectionLog) -> None:
    first = log.decide(log.ask(DRAFT), "correction", "better")
    second = log.decide(log.ask(replace(DRAFT, number=2)), "correction", "better")

    rows = log.decide_anew([first, second], {1: "correction", 2: "first"}, "taken back")

    assert rows is not None
    assert [row.kept for row in rows] == ["correction", "first"]
    assert log.of([DRAFT.parent]) == {PLACE: rows}
    assert log.decide_anew([first, second], {1: "first"}, "somebody who looked before") is None
    assert log.of([DRAFT.parent]) == {PLACE: rows}
