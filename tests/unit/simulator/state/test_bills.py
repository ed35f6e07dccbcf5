"""Charges and credit."""

from decimal import Decimal

from nbp_dagster.simulator.state.bills import Bill, Billing


def bill(number: int, usd: str | None = "0.15") -> Bill:
    price = None if usd is None else Decimal(usd)
    return Bill(generation_id=f"g{number}", model="m", namespace="n", usd=price)


def test_charges_add_up_exactly() -> None:
    book = Billing()
    for number in range(1000):
        book.charge(bill(number))

    assert book.to_json()["count"] == 1000
    assert book.to_json()["usd"] == 150.0


def test_a_refund_counts_once() -> None:
    book = Billing()
    book.charge(bill(1))
    book.charge(bill(2))

    book.refund("g1")
    book.refund("g1")

    assert book.usd == Decimal("0.15")
    assert [entry["billed"] for entry in book.to_json()["generations"]] == [False, True]


def test_credit_covers_what_fits_and_no_more() -> None:
    book = Billing(Decimal("0.30"))
    book.charge(bill(1))

    assert book.can_afford(Decimal("0.15"))
    assert not book.can_afford(Decimal("0.16"))
    assert book.can_afford(None)
