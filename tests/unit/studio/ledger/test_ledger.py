"""The ledger under any sequence of calls by several runs: what must hold always holds."""

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from nbp_dagster.studio.ledger.budget import campaign_cap, day_cap, run_cap
from nbp_dagster.studio.ledger.database import LedgerDatabaseError, open_ledger
from nbp_dagster.studio.ledger.ledger import (
    AlreadyClaimed,
    GenerationTaken,
    Ledger,
    LedgerError,
    OverCap,
)
from nbp_dagster.studio.ledger.orders import KeptImage
from nbp_dagster.studio.ledger.purchases import JobTimes, Purchase
from nbp_dagster.studio.ledger.statements import OPEN
from tests.fakes.clock import FakeClock
from tests.rigs.workbench import PRICE, order

OWNERS = ("a" * 32, "b" * 32, "c" * 32)
NUMBERS = (1, 2, 3)
GENERATIONS = ("g1", "g2", "g3", "g4")
IMAGE = KeptImage(sha256="d" * 64, width=8, height=8, file_type="png", bytes=9)
TIMES = JobTimes(None, None, None)
# Room for five purchases over all runs, and for two in one.
CAPS = (campaign_cap("spring", PRICE * 5), run_cap(PRICE * 2))


class Purchasing(RuleBasedStateMachine):
    """Runs that claim, lose, settle and take over, each with what it last saw of a purchase."""

    seen = Bundle("seen")

    def __init__(self) -> None:
        super().__init__()
        self._folder = TemporaryDirectory()
        path = Path(self._folder.name) / "ledger.sqlite"
        path.write_bytes(_empty_ledger())
        self.ledger = Ledger(open_ledger(path), clock=FakeClock())
        # Of another process, which has its own idea of what counts against the caps.
        self.other = Ledger(open_ledger(path), clock=FakeClock())
        self.rows: list[Purchase] = []

    def teardown(self) -> None:
        self.ledger.close()
        self.other.close()
        self._folder.cleanup()

    @rule(
        target=seen,
        number=st.sampled_from(NUMBERS),
        who=st.sampled_from(OWNERS),
        fresh=st.booleans(),
    )
    def claim(self, number: int, who: str, fresh: bool) -> Purchase | None:
        latest = self.ledger.latest([order(number).request.fingerprint])
        ledger = self.other if who == OWNERS[-1] else self.ledger
        try:
            claimed = ledger.claim(
                order(number), owner=who, run_id=who, request={}, caps=CAPS, fresh=fresh
            )
        except AlreadyClaimed:
            assert latest, "refused without a reason"
            return None
        except OverCap:
            everything, one_run = CAPS
            is_full = self._sum() + PRICE > everything.limit
            assert is_full or self._sum(who) + PRICE > one_run.limit
            return None
        assert all(item.state not in OPEN for item in latest.values())
        assert fresh or all(item.state != "made" for item in latest.values())
        return claimed

    @rule(target=seen, purchase=seen, generation=st.sampled_from(GENERATIONS))
    def record_enqueued(self, purchase: Purchase | None, generation: str) -> Purchase | None:
        holder = [row for row in self.rows if row.generation_id == generation]
        try:
            return self._change(purchase, lambda it: self.ledger.record_enqueued(it, generation))
        except GenerationTaken:
            assert purchase is not None
            assert [row.id for row in holder] != [purchase.id]
            assert holder
            return purchase

    @rule(target=seen, purchase=seen)
    def settle(self, purchase: Purchase | None) -> Purchase | None:
        return self._change(purchase, lambda it: self.ledger.settle(it, image=IMAGE, times=TIMES))

    @rule(target=seen, purchase=seen)
    def refuse(self, purchase: Purchase | None) -> Purchase | None:
        return self._change(purchase, lambda it: self.ledger.refuse(it, "no"))

    @rule(target=seen, purchase=seen, billed=st.booleans())
    def fail(self, purchase: Purchase | None, billed: bool) -> Purchase | None:
        return self._change(purchase, lambda it: self.ledger.fail(it, "broke", billed=billed))

    @rule(target=seen, purchase=seen)
    def withdraw(self, purchase: Purchase | None) -> Purchase | None:
        return self._change(purchase, lambda it: self.ledger.withdraw(it, "never read"))

    @rule(target=seen, purchase=seen)
    def lose(self, purchase: Purchase | None) -> Purchase | None:
        return self._change(purchase, lambda it: self.ledger.lose(it, "gone"))

    @rule(target=seen, purchase=seen, who=st.sampled_from(OWNERS))
    def take_over(self, purchase: Purchase | None, who: str) -> Purchase | None:
        if purchase is None:
            return None
        now = self._row(purchase)
        taken = self.ledger.take_over(purchase, owner=who)
        is_as_seen = (now.owner, now.state) == (purchase.owner, purchase.state)
        assert (taken is not None) == (is_as_seen and now.is_open)
        assert taken is None or taken.owner == who
        return taken

    @invariant()
    def the_books_are_in_order(self) -> None:
        before, self.rows = self.rows, list(self.ledger.rows())
        for row in before:
            assert row.is_open or self._row(row) == row, "what is closed stays as it is"
        for number in NUMBERS:
            self._check_fingerprint(order(number).request.fingerprint)
        self._check_caps()
        owned = [row.generation_id for row in self.rows if row.generation_id is not None]
        assert len(owned) == len(set(owned)), "a generation has two owners"
        assert self.ledger.owned(GENERATIONS) == frozenset(owned)

    def _check_fingerprint(self, fingerprint: str) -> None:
        """One purchase at most is open, one at most was made without being asked for anew."""
        rows = [row for row in self.rows if row.fingerprint == fingerprint]
        assert [row.attempt for row in rows] == list(range(1, len(rows) + 1))
        assert all(not row.is_open for row in rows[:-1])
        made = [row for row in rows if row.state == "made"]
        assert sum(not row.fresh for row in made) <= 1, "made twice without being asked to"
        if made:
            latest = self.ledger.latest([fingerprint])[fingerprint]
            assert latest.is_open or latest == made[-1], "what is made is forgotten"

    def _check_caps(self) -> None:
        everything, one_run = CAPS
        assert self._sum() <= everything.limit
        assert self._sum() == self.ledger.spent(everything, provider="oxen")
        for who in OWNERS:
            assert self._sum(who) <= one_run.limit
            assert self._sum(who) == self.ledger.spent(one_run, provider="oxen", run_id=who)

    def _change(
        self, purchase: Purchase | None, change: Callable[[Purchase], Purchase]
    ) -> Purchase | None:
        """Change a row by what was seen of it: only its owner can, and only while it is open."""
        if purchase is None:
            return None
        now = self._row(purchase)
        is_allowed = now.owner == purchase.owner and now.is_open
        if is_allowed:
            return change(purchase)
        with pytest.raises(LedgerError, match="no longer this run's"):
            change(purchase)
        return None

    def _row(self, purchase: Purchase) -> Purchase:
        return next(row for row in self.rows if row.id == purchase.id)

    def _sum(self, run_id: str | None = None) -> Decimal:
        """Add up by hand what is billed or reserved, or was asked for in vain."""
        rows = [row for row in self.rows if run_id in (None, row.run_id)]
        counted = (row for row in rows if row.billed or row.is_open or row.is_in_vain)
        return sum((row.price_usd for row in counted), Decimal(0))


@pytest.mark.parametrize("end", ["fail", "refuse", "withdraw", "lose"])
def test_an_attempt_to_buy_anew_that_brings_nothing_leaves_the_first_picture_standing(
    tmp_path: Path, end: str
) -> None:
    ledger = Ledger(open_ledger(tmp_path / "ledger.sqlite"), clock=FakeClock())
    first = ledger.settle(_claim(ledger), image=IMAGE, times=TIMES)
    again = _claim(ledger, fresh=True)
    if end == "fail":
        ledger.fail(again, "broke", billed=True)
    else:
        getattr(ledger, end)(again, "no")

    assert ledger.latest([first.fingerprint]) == {first.fingerprint: first}
    with pytest.raises(AlreadyClaimed, match="is made"):
        _claim(ledger)
    assert _claim(ledger, fresh=True).attempt == 3
    ledger.close()


def test_a_claim_that_must_be_the_first_is_refused_after_any_other(tmp_path: Path) -> None:
    ledger = Ledger(open_ledger(tmp_path / "ledger.sqlite"), clock=FakeClock())
    ledger.withdraw(_claim(ledger, first_only=True), "never read")

    with pytest.raises(AlreadyClaimed, match="is withdrawn"):
        _claim(ledger, first_only=True)
    assert _claim(ledger).attempt == 2
    ledger.close()


def test_what_is_claimed_and_changed_is_what_the_ledger_holds(tmp_path: Path) -> None:
    ledger = Ledger(open_ledger(tmp_path / "ledger.sqlite"), clock=FakeClock())

    claimed = _claim(ledger)
    assert list(ledger.rows()) == [claimed]
    enqueued = ledger.record_enqueued(claimed, "g1")
    assert list(ledger.rows()) == [enqueued]
    settled = ledger.settle(enqueued, image=IMAGE, times=JobTimes(1.0, None, 3.0))
    assert list(ledger.rows()) == [settled]
    ledger.close()


def _claim(
    ledger: Ledger,
    number: int = 1,
    *,
    price: Decimal = PRICE,
    limit: Decimal = Decimal(1000),
    fresh: bool = False,
    first_only: bool = False,
) -> Purchase:
    return ledger.claim(
        replace(order(number), price=price),
        owner=OWNERS[0],
        run_id="run",
        request={"prompt": "A red kite", "parameters": {"resolution": "1K"}},
        caps=[campaign_cap("spring", limit)],
        fresh=fresh,
        first_only=first_only,
    )


def _open_again(folder: Path) -> Ledger:
    """The same ledger, as another process has it open."""
    return Ledger(open_ledger(folder / "ledger.sqlite"), clock=FakeClock())


@cache
def _empty_ledger() -> bytes:
    """The file of a new ledger: making it takes the migrations, copying it takes nothing."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        open_ledger(path).dispose()
        return path.read_bytes()


TestPurchasing = Purchasing.TestCase
# The phase left out traces every line, which takes minutes.
TestPurchasing.settings = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


def test_what_counts_against_a_cap_is_added_up_anew_only_where_others_have_bought(
    tmp_path: Path,
) -> None:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    ours, other = Ledger(engine, clock=FakeClock()), _open_again(tmp_path)
    sums: list[str] = []

    def count(*event: Any) -> None:
        sums.extend(text for text in event if isinstance(text, str) and "sum(" in text)

    sa.event.listen(engine, "before_cursor_execute", count)
    for number in range(1, 20):
        _claim(ours, number)
    assert len(sums) == 1

    _claim(other, 20)
    for number in range(21, 30):
        _claim(ours, number)
    assert len(sums) == 2
    with pytest.raises(OverCap, match=r"4\.35 is spent or reserved"):
        _claim(ours, 30, limit=29 * PRICE)
    ours.close()
    other.close()


def test_a_claim_that_was_not_committed_hides_nothing_that_others_have_bought_since(
    tmp_path: Path,
) -> None:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    ours, other = Ledger(engine, clock=FakeClock()), _open_again(tmp_path)
    _claim(ours, 1, limit=4 * PRICE)

    def fail(_connection: Any) -> None:
        raise sa.exc.OperationalError("COMMIT", {}, Exception("disk I/O error"))

    sa.event.listen(engine, "commit", fail)
    with pytest.raises(LedgerDatabaseError):
        _claim(ours, 2, limit=4 * PRICE)
    sa.event.remove(engine, "commit", fail)
    # It gets the number that the lost one had, and costs more.
    _claim(other, 3, price=3 * PRICE)

    with pytest.raises(OverCap, match=r"0\.60 is spent or reserved"):
        _claim(ours, 4, limit=4 * PRICE)
    ours.close()
    other.close()


def test_machines_whose_clocks_differ_spend_twice_the_budget_of_a_day_at_most(
    tmp_path: Path,
) -> None:
    """One is ahead by an hour and in tomorrow already; the other follows an hour later."""
    engine = open_ledger(tmp_path / "ledger.sqlite")
    midnight = 1_800_000_000.0 // 86_400 * 86_400 + 86_400
    late, ahead = FakeClock(start=midnight - 1800), FakeClock(start=midnight + 1800)
    limit, count = 4 * PRICE, itertools.count(1)

    def spend(clock: FakeClock) -> None:
        ledger = Ledger(engine, clock=clock)
        cap = day_cap(limit, clock.now(), where="NBP_DAILY_BUDGET_USD")
        with suppress(OverCap):
            while True:
                ledger.claim(
                    order(next(count)), owner="a" * 32, run_id="run", request={}, caps=[cap]
                )

    # Whoever is late sees what the other has claimed as of today.
    for clock in (late, ahead, late):
        spend(clock)
    late.advance(3600)
    ahead.advance(3600)
    for clock in (late, ahead):
        spend(clock)

    billed = [row.price_usd for row in Ledger(engine, clock=late).rows()]
    engine.dispose()
    assert sum(billed) == 2 * limit


def test_a_clock_that_was_years_ahead_once_does_not_block_every_day_until_then(
    tmp_path: Path,
) -> None:
    """2038, for an hour: what is dated then counts then."""
    clock = FakeClock(start=2_145_916_800.0)
    ledger = Ledger(open_ledger(tmp_path / "ledger.sqlite"), clock=clock)
    ledger.claim(order(1), owner="a" * 32, run_id="ahead", request={})

    def spent(now: float) -> Decimal:
        cap = day_cap(Decimal(1), now, where="NBP_DAILY_BUDGET_USD")
        return ledger.spent(cap, provider="oxen")

    assert spent(2_145_916_800.0) == order(1).price
    assert spent(1_795_000_000.0) == 0


def test_a_run_past_midnight_goes_on_under_the_day_it_began_on(tmp_path: Path) -> None:
    clock = FakeClock(start=1_795_000_000.0)
    ledger = Ledger(open_ledger(tmp_path / "ledger.sqlite"), clock=clock)
    cap = day_cap(order(1).price, clock.now(), where="NBP_DAILY_BUDGET_USD")
    clock.sleep(86_400.0)
    ledger.claim(order(1), owner="a" * 32, run_id="long", request={}, caps=[cap])

    with pytest.raises(OverCap):
        ledger.claim(order(2), owner="a" * 32, run_id="long", request={}, caps=[cap])
