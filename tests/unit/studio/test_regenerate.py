"""Asking again without Dagster: how often, and what stops it. No picture here passes its check."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.clock import SystemClock
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.due_reasons import describe_due
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import (
    Failed,
    Generated,
    Made,
    Outcome,
    OutcomeCounts,
    Reused,
)
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.plan import plan_prompts
from nbp_dagster.studio.regenerate import rank
from nbp_dagster.studio.regeneration_rules import AlreadyAsked
from nbp_dagster.studio.renditions.postprocessor import Postprocessor
from tests.crash.correcting import NOTE_WORDS, make, make_asked, make_corrected, open_prompts
from tests.rigs.service import ServiceProbe

# Words that only a second request has.
AGAIN = "points before all others"


def rows(home: Path) -> Sequence[Purchase]:
    ledger = Ledger(open_ledger(home / "ledger.sqlite"), clock=SystemClock())
    try:
        return list(ledger.rows())
    finally:
        ledger.close()


def spent(outcomes: dict[str, Outcome]) -> str:
    tally = OutcomeCounts()
    for outcome in outcomes.values():
        tally = tally.add(outcome)
    return f"{tally.spent_usd:.2f}"


def fails_palette(off_target: float) -> PromptRecord:
    facts = CheckFacts(
        name="palette_coverage",
        verdict="failed",
        sentence="",
        severity="warn",
        threshold="",
        figures={"off_target": off_target},
    )
    return PromptRecord(
        prompt_key="k", fingerprint="f", recipe="r", pictures=(), preview="", checks=(facts,)
    )


def test_of_two_that_miss_their_colours_the_nearer_one_is_better() -> None:
    assert rank(fails_palette(0.02)) < rank(fails_palette(0.05))


def test_two_attempts_are_two_other_requests_for_the_first_picture(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    done = make_corrected(simulator.url, tmp_path, count=1, attempts=2)
    again = make_corrected(simulator.url, tmp_path, count=1, attempts=2)

    first, *others = rows(tmp_path)
    assert ServiceProbe(simulator.url).bills == 3
    assert [row.parent for row in others] == [first.fingerprint] * 2
    assert len({row.fingerprint for row in (first, *others)}) == 3
    # The command's budget counts what is not kept too.
    assert (spent(done), spent(again)) == ("0.45", "0.00")


class Doubting:
    """Makes every failed check an unsure one, as an unsure likeness is."""

    def __init__(self, inner: Postprocessor) -> None:
        self._inner = inner
        self.get, self.set = inner.get, inner.set

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        self._inner.postprocess(made, image)
        rendered = self._inner.get(made.key)
        assert rendered.record is not None
        assert rendered.record.failed_checks
        checks = tuple(replace(check, is_unsure=True) for check in rendered.record.checks)
        self.set(made.key, replace(rendered, record=replace(rendered.record, checks=checks)))


def test_nothing_is_bought_for_a_doubt(simulator: SimulatorServer, tmp_path: Path) -> None:
    """The same picture with a check that is sure buys another one."""
    done = make_corrected(simulator.url, tmp_path, count=2, attempts=2, wrap=Doubting)
    assert (spent(done), ServiceProbe(simulator.url).bills) == ("0.30", 2)
    make_corrected(simulator.url, tmp_path, count=1, attempts=1)
    assert ServiceProbe(simulator.url).bills == 3


def test_a_correction_that_was_not_attempted_is_made_by_the_next_run(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    probe = ServiceProbe(simulator.url)
    probe.script({"kind": "no_credit", "prompt": AGAIN})
    [kept] = make_corrected(simulator.url, tmp_path, count=1).values()
    assert isinstance(kept, Generated)
    assert probe.bills == 1

    probe.heal()
    make_corrected(simulator.url, tmp_path, count=1)
    assert probe.bills == 2


def test_whoever_stopped_buying_first_pictures_buys_no_second(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    make_corrected(simulator.url, tmp_path, count=1, attempts=1)
    ServiceProbe(simulator.url).script({"kind": "no_credit", "prompt": "shot1"})

    outcomes = make_corrected(simulator.url, tmp_path, count=3, attempts=2)

    # The first prompt still owes its second correction.
    assert [type(outcome) for outcome in outcomes.values()].count(Failed) == 2
    assert [row.state for row in rows(tmp_path) if row.parent] == ["made"]


def test_what_a_person_asks_for_is_one_more_request_and_is_kept(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    """Its picture fails the same check as the first: nobody asks a check."""
    done = make_asked(simulator.url, tmp_path, count=1)
    again = make_asked(simulator.url, tmp_path, count=1)

    first, second = rows(tmp_path)
    assert ServiceProbe(simulator.url).bills == 2
    assert second.parent == first.fingerprint
    assert NOTE_WORDS in second.request["prompt"]
    assert [made.receipt.fingerprint for made in done.values() if isinstance(made, Made)] == [
        second.fingerprint
    ]
    assert (spent(done), spent(again)) == ("0.15", "0.00")


def test_a_second_note_is_added_to_the_first(simulator: SimulatorServer, tmp_path: Path) -> None:
    make_asked(simulator.url, tmp_path, count=1)
    with open_prompts(simulator.url, tmp_path, count=1) as studio:
        orders = studio.compile(studio.prompts).orders
        (made,) = studio.find_made(orders.values())
        assert isinstance(made, Reused)
        studio.regenerations.ask(orders[made.key], made, "The cup is blue")
        make(studio)

    prompt = rows(tmp_path)[-1].request["prompt"]
    assert prompt.index(NOTE_WORDS) < prompt.index("The cup is blue")
    assert ServiceProbe(simulator.url).bills == 3


def test_while_a_picture_is_asked_for_nobody_asks_again(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1) as studio:
        make(studio)
        orders = studio.compile(studio.prompts).orders
        (made,) = studio.find_made(orders.values())
        assert isinstance(made, Reused)
        studio.regenerations.ask(orders[made.key], made, "The cup is blue")

        with pytest.raises(AlreadyAsked, match="asked for already; make it first"):
            studio.regenerations.ask(orders[made.key], made, "The cup is red")

    assert ServiceProbe(simulator.url).bills == 1


def test_a_note_that_the_service_refuses_leaves_the_picture_there_is(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    probe = ServiceProbe(simulator.url)
    probe.script({"kind": "refuse", "prompt": NOTE_WORDS})

    (kept,) = make_asked(simulator.url, tmp_path, count=1).values()
    make_asked(simulator.url, tmp_path, count=1)

    first, second = rows(tmp_path)
    assert second.state == "refused"
    assert isinstance(kept, Made)
    assert kept.receipt.fingerprint == first.fingerprint
    assert len(rows(tmp_path)) == 2


def test_the_quote_names_what_a_person_asked_for(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=2) as studio:
        make(studio)
        orders = studio.compile(studio.prompts).orders
        made = next(iter(studio.find_made(orders.values())))
        assert isinstance(made, Reused)
        studio.regenerations.ask(orders[made.key], made, "The cup is blue")

        plan = plan_prompts(studio, studio.prompts)

        assert describe_due(studio, orders.values(), fresh=False) == (
            "1 to buy: 1 asked again by a person"
        )
    asked = [row for row in plan.images if row.standing == "to_make"]
    assert [(row.key, row.why, f"{row.price_usd:.2f}") for row in asked] == [
        (made.key, ("asked again: The cup is blue",), "0.15")
    ]


def test_a_cap_holds_for_what_a_person_asks_for(simulator: SimulatorServer, tmp_path: Path) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, budget_usd=0.2) as studio:
        make(studio)
        orders = studio.compile(studio.prompts).orders
        (made,) = studio.find_made(orders.values())
        assert isinstance(made, Reused)
        studio.regenerations.ask(orders[made.key], made, "The cup is blue")
        (kept,) = make(studio).values()

    assert isinstance(kept, Reused)
    assert ServiceProbe(simulator.url).bills == 1
