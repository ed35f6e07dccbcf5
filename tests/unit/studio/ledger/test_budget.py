"""Caps, and quotes that would exceed them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from nbp_dagster.studio.ledger.budget import (
    Cap,
    campaign_cap,
    day_cap,
    describe_excess,
    find_excesses,
    run_cap,
    select_affordable,
)
from tests.rigs.workbench import order


def nothing_spent(_: Cap) -> Decimal:
    return Decimal(0)


def test_a_quote_that_fits_to_the_cent_breaks_nothing() -> None:
    cap = campaign_cap("spring", Decimal("0.30"))

    assert find_excesses([cap], [order(1), order(2)], nothing_spent) == {}


def test_a_quote_says_which_cap_it_breaks_and_by_how_much() -> None:
    cap = campaign_cap("spring", Decimal("0.29"))

    [text] = find_excesses([cap], [order(1), order(2)], nothing_spent).values()

    assert "campaign spring allows 0.29 USD" in text
    assert "0.01 too much" in text


def test_one_sentence_names_the_cap_the_figures_and_where_to_raise_it() -> None:
    cap = campaign_cap("spring", Decimal("0.40"))

    assert describe_excess(cap, spent=Decimal("0.25"), cost=Decimal("0.15")) is None
    assert describe_excess(cap, spent=Decimal("0.30"), cost=Decimal("0.15")) == (
        "over budget: campaign spring allows 0.40 USD, 0.30 is spent or reserved, and this would "
        "cost 0.15: 0.05 too much; raise budget_usd in campaigns/spring.yaml, or make fewer images"
    )


def test_a_campaigns_cap_counts_that_campaign_alone() -> None:
    cap = campaign_cap("spring", Decimal("0.15"))

    assert find_excesses([cap], [order(1), order(2, scope="autumn")], nothing_spent) == {}


def test_a_runs_cap_counts_everything() -> None:
    cap = run_cap(Decimal("0.15"))

    assert cap in find_excesses([cap], [order(1), order(2, scope="autumn")], nothing_spent)


def test_a_day_begins_at_midnight_utc() -> None:
    noon = datetime(2026, 11, 22, 12, 30, tzinfo=UTC).timestamp()

    cap = day_cap(Decimal(1), noon, where="NBP_DAILY_BUDGET_USD")

    assert cap.since == datetime(2026, 11, 22, tzinfo=UTC).timestamp()
    assert "2026-11-22" in cap.name


@pytest.mark.parametrize(
    ("cap", "setting"),
    [
        (campaign_cap("spring", Decimal("0.1")), "raise budget_usd in campaigns/spring.yaml, or"),
        (run_cap(Decimal("0.1")), "raise --budget (in Dagster, budget_usd in the run config), or"),
        (day_cap(Decimal("0.1"), 0, where="NBP_DAILY_BUDGET_USD"), "raise NBP_DAILY_BUDGET_USD,"),
    ],
    ids=["campaign", "run", "day"],
)
def test_an_excess_names_the_setting_to_raise(cap: Cap, setting: str) -> None:
    [excess] = find_excesses([cap], [order(1, scope="spring")], nothing_spent).values()

    assert setting in excess


def test_a_cap_that_is_full_already_does_not_forbid_what_costs_nothing() -> None:
    cap = campaign_cap("spring", Decimal("0.15"))

    assert find_excesses([cap], [], lambda _: Decimal("0.30")) == {}


def test_of_what_a_cap_can_t_hold_the_first_ones_are_taken() -> None:
    wanted = [order(number) for number in (1, 2, 3)]

    fitting, excesses = select_affordable(
        [campaign_cap("spring", Decimal("0.5"))], wanted, lambda _: Decimal("0.1")
    )

    assert fitting == wanted[:2]
    assert list(excesses) == [wanted[2].key]
    assert "0.40 is spent or reserved" in excesses[wanted[2].key]
