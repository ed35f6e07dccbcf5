"""Asking again without Dagster: how often, and what stops it. No picture here passes its check."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from nbp_dagster.clock import SystemClock
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Failed, Generated, Made, Outcome, OutcomeCounts
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.regenerate import rank
from nbp_dagster.studio.renditions.postprocessor import Postprocessor
from tests.crash.correcting import make_corrected
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
