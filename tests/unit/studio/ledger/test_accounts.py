"""Accounts: whose key it is, who may say so, and what an old ledger's rows belong to."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from nbp_dagster.oxen.executor import Payer, Service
from nbp_dagster.studio.ledger.accounts import (
    Account,
    UnknownAccount,
    adopt_account,
    list_accounts,
    resolve_account,
)
from nbp_dagster.studio.ledger.budget import day_cap
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import KeptImage
from nbp_dagster.studio.ledger.purchases import JobTimes, Purchase
from nbp_dagster.studio.ledger.schema import accounts, purchases
from tests.fakes.clock import FakeClock
from tests.rigs.workbench import PRICE, order

HUB = "https://hub.oxen.ai"
NORTH, SOUTH = Service(HUB, "north-key-1").payer, Service(HUB, "south-key-1").payer
NORTH_NEW = Service(HUB, "north-key-2").payer
IMAGE = KeptImage(sha256="d" * 64, width=8, height=8, file_type="png", bytes=9)


@pytest.fixture
def engine(ledger_url: str) -> Iterator[sa.Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


def ledger_of(engine: sa.Engine, payer: Payer, name: str | None = None) -> Ledger:
    account = resolve_account(engine, payer, name=name)
    return Ledger(engine, clock=FakeClock(), account=account)


def claim(ledger: Ledger, number: int = 1) -> Purchase:
    return ledger.claim(order(number), owner="a" * 32, run_id="run", request={})


def buy(ledger: Ledger, generation_id: str, number: int = 1) -> Purchase:
    enqueued = ledger.record_enqueued(claim(ledger, number), generation_id)
    return ledger.settle(enqueued, image=IMAGE, times=JobTimes(None, None, None))


def test_a_key_is_known_by_a_hash_that_holds_nothing_of_it() -> None:
    assert NORTH.key_hash != SOUTH.key_hash
    assert len(NORTH.key_hash) == 32
    assert "north" not in repr(NORTH)
    assert NORTH.origin == "https://hub.oxen.ai:443"


def test_the_first_key_becomes_an_account_once_the_service_has_taken_it(engine: sa.Engine) -> None:
    ledger = ledger_of(engine, NORTH)
    claimed = claim(ledger)
    # So far the key may be mistyped.
    assert ledger_of(engine, SOUTH).account.payer == SOUTH

    ledger.record_enqueued(claimed, "g1")

    assert resolve_account(engine, NORTH, name=None).name == ledger.account.name
    with pytest.raises(UnknownAccount, match=rf"holds purchases of {ledger.account.name}"):
        resolve_account(engine, SOUTH, name=None)


def test_another_account_buys_its_own_and_has_caps_of_its_own(engine: sa.Engine) -> None:
    north, south = ledger_of(engine, NORTH, "north"), ledger_of(engine, SOUTH, "south")
    buy(north, "g1")
    fingerprint = order(1).request.fingerprint

    assert south.latest([fingerprint]) == {}
    assert south.latest_for([order(1).key], provider="oxen") == {}
    assert south.made_for(order(1).key, [fingerprint]) == ()
    again = buy(south, "g2")

    assert (again.account, again.attempt) == ("south", 2)
    cap = day_cap(PRICE, FakeClock().now(), where="NBP_DAILY_BUDGET_USD")
    assert north.spent(cap, provider="oxen") == south.spent(cap, provider="oxen") == PRICE
    assert north.latest([fingerprint])[fingerprint].generation_id == "g1"
    assert south.latest([fingerprint])[fingerprint].generation_id == "g2"


def test_open_purchases_of_another_account_are_named_and_not_resumed(engine: sa.Engine) -> None:
    north, south = ledger_of(engine, NORTH, "north"), ledger_of(engine, SOUTH, "south")
    north.record_enqueued(claim(north), "g1")

    assert south.open_in(["spring"]) == ()
    assert [row.account for row in south.open_elsewhere(["spring"])] == ["north"]


def test_a_new_key_that_is_adopted_reuses_what_the_old_one_paid(engine: sa.Engine) -> None:
    buy(ledger_of(engine, NORTH), "g1")
    [name] = list_accounts(engine)

    adopt_account(engine, NORTH_NEW, name, clock=FakeClock(), who="jo@desk")
    # Said twice: it is so already.
    adopt_account(engine, NORTH_NEW, name, clock=FakeClock(), who="jo@desk")

    rotated = ledger_of(engine, NORTH_NEW)
    assert rotated.account.name == name
    assert rotated.latest([order(1).request.fingerprint])
    with engine.begin() as connection:
        rows = connection.execute(sa.select(accounts.c.who).order_by(accounts.c.id)).scalars()
        assert list(rows) == ["first purchase", "jo@desk"]


def test_a_key_under_a_name_may_be_replaced_without_a_word(engine: sa.Engine) -> None:
    buy(ledger_of(engine, NORTH, "north"), "g1")

    rotated = ledger_of(engine, NORTH_NEW, "north")

    assert rotated.latest([order(1).request.fingerprint])


def test_only_an_account_that_the_ledger_knows_is_adopted(engine: sa.Engine) -> None:
    buy(ledger_of(engine, NORTH, "north"), "g1")
    buy(ledger_of(engine, SOUTH, "south"), "g2")

    with pytest.raises(UnknownAccount, match=r"no account 'nroth'; it knows: north, south"):
        adopt_account(engine, NORTH_NEW, "nroth", clock=FakeClock(), who="jo@desk")
    with pytest.raises(UnknownAccount, match=r"belongs to the account south already"):
        adopt_account(engine, SOUTH, "north", clock=FakeClock(), who="jo@desk")


def test_rows_of_an_older_ledger_are_everybodys_and_not_bought_again(engine: sa.Engine) -> None:
    made = buy(ledger_of(engine, NORTH, "north"), "g1")
    with engine.begin() as connection:
        older = purchases.update().where(purchases.c.id == made.id).values(account="", origin="")
        connection.execute(older)

    for payer, name in ((NORTH, "north"), (SOUTH, "south")):
        found = ledger_of(engine, payer, name).latest([made.fingerprint])
        assert found[made.fingerprint].generation_id == "g1"


def test_the_simulator_bills_nobody() -> None:
    assert Account() == Account(name="", payer=None)
    assert Account().origin == ""
