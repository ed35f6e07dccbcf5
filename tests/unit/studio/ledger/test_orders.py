"""The counts of a run say every dollar that it was billed."""

from dataclasses import replace
from decimal import Decimal

from nbp_dagster.studio.ledger.orders import Failed, OutcomeCounts, Refused

DAMAGED = Failed("a/b/c/1x1/v1", "f" * 64, "cut off", "bad_image", spent_usd=Decimal("0.15"))


def test_what_was_billed_for_nothing_usable_is_in_the_sum_and_named() -> None:
    tally = OutcomeCounts(generated=2, spent_usd=Decimal("0.30")).add(DAMAGED)

    assert tally.in_words() == "2 made, 1 failed, 0.45 USD, 0.15 of it for nothing usable"
    assert tally.to_json()["spent_usd"] == "0.45"
    assert tally.to_json()["unusable_usd"] == "0.15"


def test_a_failure_that_was_not_billed_costs_nothing() -> None:
    unbilled = Failed("a/b/c/1x1/v1", "f" * 64, "no", "rejected")
    tally = OutcomeCounts().add(unbilled).add(Refused("a/b/d/1x1/v1", "e" * 64, "no"))

    assert tally.in_words() == "1 refused, 1 failed, 0.00 USD"


def test_a_paid_picture_that_nothing_could_be_made_of_is_counted_and_not_called_unusable() -> None:
    kept = replace(DAMAGED, reason="no room for the copy", is_kept=True)

    assert OutcomeCounts().add(kept).in_words() == "1 failed, 0.15 USD"
