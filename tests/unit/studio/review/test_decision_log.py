"""The log of decisions: on SQLite and PostgreSQL, by several people at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.review.decision_log import (
    Decision,
    DecisionLog,
    DecisionMoved,
    Place,
    Verdict,
)
from tests.fakes.clock import FakeClock

PLACE = Place("winter/kitchen/en/1x1/v1", "instagram_feed", "en", "a" * 64)
DRAFT = Decision(
    place=PLACE,
    brand="acme",
    campaign="winter",
    number=1,
    verdict="approved",
    who="ada",
    seen={"set": "5" * 64, "failed_checks": ["text_contrast"]},
)


@pytest.fixture
def log(ledger_url: str) -> Iterator[DecisionLog]:
    engine: Engine = open_ledger(ledger_url)
    yield DecisionLog(engine, clock=FakeClock())
    engine.dispose()


def decide(log: DecisionLog, verdict: Verdict, number: int, *, who: str = "ada") -> Decision:
    return log.decide([replace(DRAFT, verdict=verdict, number=number, who=who)])[0]


def test_a_decision_is_read_back_with_who_when_and_what_was_seen(log: DecisionLog) -> None:
    (row,) = log.decide([DRAFT])

    assert log.latest("winter") == {PLACE: row}
    assert (row.who, row.seen, row.decided_at) == ("ada", DRAFT.seen, FakeClock().now())
    assert log.latest("summer") == {}


def test_it_holds_for_these_bytes_alone(log: DecisionLog) -> None:
    log.decide([DRAFT])

    assert replace(PLACE, sha256="b" * 64) not in log.latest("winter")


def test_of_two_people_the_second_sees_that_it_moved(log: DecisionLog) -> None:
    decide(log, "rejected", 1, who="ben")

    with pytest.raises(DecisionMoved, match="decided meanwhile: rejected by ben") as error:
        log.decide([DRAFT])

    assert error.value.latest is not None
    assert error.value.latest.who == "ben"
    assert log.latest("winter")[PLACE].verdict == "rejected"


def test_of_many_at_once_exactly_one_is_recorded(log: DecisionLog) -> None:
    def attempt(who: str) -> str:
        try:
            return log.decide([replace(DRAFT, who=who)])[0].who
        except DecisionMoved:
            return ""

    with ThreadPoolExecutor(8) as pool:
        recorded = [who for who in pool.map(attempt, "abcdefgh") if who]

    assert recorded == [log.latest("winter")[PLACE].who]
    assert len(log.history(PLACE.prompt_key)) == 1


def test_several_are_recorded_together_or_not_at_all(log: DecisionLog) -> None:
    other = replace(PLACE, prompt_key="winter/kitchen/en/1x1/v2", sha256="b" * 64)
    log.decide([replace(DRAFT, place=other, verdict="rejected", who="ben")])
    choice = [DRAFT, replace(DRAFT, place=other, verdict="passed_over")]

    with pytest.raises(DecisionMoved):
        log.decide(choice)

    assert PLACE not in log.latest("winter")
    log.decide([DRAFT, replace(choice[1], number=2)])
    assert {row.verdict for row in log.latest("winter").values()} == {"approved", "passed_over"}


def test_undoing_brings_back_what_was_decided_before(log: DecisionLog) -> None:
    decide(log, "approved", 1)
    decide(log, "rejected", 2)

    back = log.undo(PLACE, 2, who="ada")

    assert (back.verdict, back.number) == ("approved", 3)
    assert back.reason == "taken back: rejected by ada"
    assert [row.verdict for row in log.history(PLACE.prompt_key)] == [
        "approved",
        "rejected",
        "approved",
    ]


def test_undoing_the_first_leaves_nothing_decided(log: DecisionLog) -> None:
    decide(log, "rejected", 1)

    assert log.undo(PLACE, 1, who="ben").verdict == "withdrawn"
    assert log.latest("winter")[PLACE].verdict == "withdrawn"


@pytest.mark.parametrize("number", [1, 3])
def test_only_the_latest_can_be_undone(log: DecisionLog, number: int) -> None:
    decide(log, "approved", 1)
    decide(log, "rejected", 2, who="ben")

    with pytest.raises(DecisionMoved, match="rejected by ben"):
        log.undo(PLACE, number, who="ada")

    assert log.latest("winter")[PLACE].number == 2


def test_undoing_what_nobody_decided_says_so(log: DecisionLog) -> None:
    with pytest.raises(DecisionMoved, match="nothing is decided about it"):
        log.undo(PLACE, 1, who="ada")


def test_rows_since_one_come_in_order_and_in_portions(log: DecisionLog) -> None:
    rows = [decide(log, "approved", number) for number in range(1, 5)]

    assert log.since(0, limit=2) == tuple(rows[:2])
    assert log.since(rows[1].id, limit=9) == tuple(rows[2:])
    assert log.since(rows[-1].id, limit=9) == ()
