"""A plan's sum is one only where every price is known."""

from decimal import Decimal

from nbp_dagster.cli.plan_table import describe_plan, plan_json
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage

DUE = PlannedImage("winter/attic", "prompt", "to_make", Decimal("0.15"))
UNPRICED = PlannedImage(
    "winter/cellar", "prompt", "invalid", Decimal(0), reason="no price", is_unpriced=True
)
INVALID = PlannedImage("winter/roof", "prompt", "invalid", Decimal(0), reason="copy too long")


def test_a_price_that_is_not_known_leaves_no_sum_and_the_others_stay() -> None:
    plan = Plan((DUE, UNPRICED))

    *rows, why, total = describe_plan(plan, simulated=False)
    found = plan_json(plan)

    assert "0.15" in rows[1]
    assert "0.00" not in rows[2]
    assert why == "winter/cellar: invalid: no price"
    assert total == "total: 1 of 2 to buy, no sum: the price of 1 is not known"
    assert found["total_usd"] is None
    assert [image["price_usd"] for image in found["images"]] == ["0.15", None]


def test_what_breaks_a_rule_costs_nothing() -> None:
    plan = Plan((DUE, INVALID))

    *_, total = describe_plan(plan, simulated=False)

    assert total == "total: 1 of 2 to buy, 0.15 USD"
    assert plan_json(plan)["total_usd"] == "0.15"
