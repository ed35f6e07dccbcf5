"""What an edit changes between two plans, and how it is told."""

from decimal import Decimal
from typing import Any

from nbp_dagster.authoring.plan_changes import compare_plans, describe_change
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage

LONG = "The scene: {} on a bridge over the river, in the fog of an early morning in late October."


def image(key: str, text: str = "", standing: str = "made", **changes: Any) -> PlannedImage:
    due = standing == "to_make"
    return PlannedImage(
        key=key,
        kind="prompt",
        standing=standing,  # type: ignore[arg-type]
        price_usd=Decimal("0.15") if due else Decimal(0),
        prompt=text,
        request_hash=text,
        **changes,
    )


def tell(before: list[PlannedImage], after: list[PlannedImage]) -> list[str]:
    return list(describe_change(compare_plans(Plan(tuple(before)), Plan(tuple(after)))))


def test_an_edit_of_a_trait_is_one_diff_for_all_pictures_that_show_it() -> None:
    old, new = f"Fixed.\n{LONG.format('Runa')}\nEnd.", f"Fixed.\n{LONG.format('Rona')}\nEnd."

    told = tell(
        [image(f"a/{n}", old) for n in range(5)],
        [image(f"a/{n}", new, "to_make", why=("traits of runa edited",)) for n in range(5)],
    )

    assert told[0] == "stale: a/0  0.15 USD  traits of runa edited"
    assert told[5:] == [
        "prompt of a/0, a/1, a/2 and 2 more:",
        "  - The scene: Runa on a bridge over the river, in the fog …",
        "  + The scene: Rona on a bridge over the river, in the fog …",
        "by this edit: +0.75 USD",
    ]


def test_lines_that_come_and_go_are_shown_whole() -> None:
    told = tell([image("a", "one\ntwo")], [image("a", "one\ntwo\nthree and four", "to_make")])

    assert told[1:3] == ["prompt of a:", "  + three and four"]


def test_what_was_due_already_is_told_again_only_for_another_request() -> None:
    due, other = image("a", "one", "to_make"), image("a", "two", "to_make")

    assert tell([due], [due]) == ["no picture changes"]
    assert tell([due], [other])[0] == "stale: a  0.15 USD  prompt"


def test_what_is_free_undone_or_gone_is_told_without_a_price() -> None:
    told = tell(
        [image("a"), image("b", "x", "to_make"), image("c")],
        [image("a", why=("copy edited",)), image("b", "x")],
    )

    assert told == [
        "files again, free: a",
        "not due any more: b",
        "gone: c",
        "by this edit: -0.15 USD",
    ]


def test_of_many_stale_pictures_the_rest_is_one_line_with_its_price() -> None:
    told = tell(
        [image(f"a/{n}", "one") for n in range(100)],
        [image(f"a/{n}", "two", "to_make") for n in range(100)],
    )

    assert told[12] == "stale: 88 more  13.20 USD"
    assert len(told) == 17
