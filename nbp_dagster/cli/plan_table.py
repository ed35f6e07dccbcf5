"""A plan as lines for a terminal, and as JSON."""

from collections.abc import Iterator
from typing import Any

import click

from nbp_dagster.cli.tables import align, free_note
from nbp_dagster.studio.ordering.planned_images import Plan, PlannedImage


def describe_plan(planned: Plan, *, simulated: bool) -> Iterator[str]:
    """Yield the table of images, then what keeps any from being made, then the total."""
    rows = [("key", "kind", "standing", "refs", "fingerprint", "USD", "why")]
    rows += [
        (
            image.key,
            image.kind,
            image.standing.replace("_", " "),
            str(len(image.references)),
            (image.fingerprint or "-")[:12],
            "-" if image.is_unpriced else f"{image.price_usd:.2f}",
            _why(image),
        )
        for image in planned.images
    ]
    yield from align(rows)
    for image in planned.images:
        if image.standing in ("refused", "invalid"):
            yield f"{image.key}: {image.standing}: {image.reason}"
        elif image.standing in ("left_alone", "waits_for_approval"):
            yield f"{image.key}: {image.reason}"
        elif image.standing == "waits_for_pin" and image.kind == "sheet":
            # Of the pictures the line below the total says as much, once.
            yield f"{image.key}: {image.reason}"
    yield f"total: {describe_total(planned)}{free_note(simulated)}"
    again = sum(image.is_rendered_again for image in planned.images)
    if again:
        yield f"and {again} whose files are made again, free"
    yield from describe_after_pins(planned)
    yield from describe_corrections(planned)


def _why(image: PlannedImage) -> str:
    if image.shared_with:
        return f"the picture of {image.shared_with} serves it"
    words = ", ".join(image.why)
    words = f"files again, free: {words}" if image.is_rendered_again else words
    return "; ".join(text for text in (words, image.note) if text)


def describe_total(planned: Plan) -> str:
    """Return `5 of 37 to buy, 0.75 USD`; no sum where a price is missing from it."""
    due = sum(image.is_due for image in planned.images)
    told, unpriced = f"{due} of {len(planned.images)} to buy", count_unpriced(planned)
    if unpriced:
        return f"{told}, no sum: the price of {unpriced} is not known"
    return f"{told}, {planned.total_usd:.2f} USD"


def count_unpriced(planned: Plan) -> int:
    """Return how many images have a price that could not be learned: there is no total then."""
    return sum(image.is_unpriced for image in planned.images)


def describe_after_pins(planned: Plan) -> Iterator[str]:
    """Yield what follows beyond the total once a person has pinned sheets, where anything does."""
    count, cost = planned.after_pins
    if count:
        yield f"and {count} more, {cost:.2f} USD, once a person has pinned their sheets"


def describe_corrections(planned: Plan) -> Iterator[str]:
    """Yield what failed checks may lead to beyond the total, where a brief allows any."""
    further, cost = planned.corrections
    if further:
        yield (
            f"and at most {further} further pictures, {cost:.2f} USD, should checks fail that the "
            "briefs have corrected; within the same budgets"
        )


def describe_prompt(planned: Plan, key: str) -> Iterator[str]:
    """Yield one prompt as the model gets it: its text, then its input images.

    Raises:
        click.UsageError: The plan has no such prompt.
    """
    image = next((image for image in planned.images if image.key == key), None)
    if image is None:
        raise click.UsageError(f"no prompt {key} in the plan; `nbp plan` lists every key")
    yield image.prompt or f"({image.reason})"
    for place, item in enumerate(image.references, start=1):
        row = (item["role"], item["subject"], item["source"], item["sha256"] or "not made yet")
        yield ("\n" if place == 1 else "") + f"Image {place}  " + "  ".join(row)


def plan_json(planned: Plan) -> dict[str, Any]:
    """Return a plan as plain values; USD as decimal strings, null where a price is not known."""
    further, cost = planned.corrections
    later, later_cost = planned.after_pins
    return {
        "total_usd": None if count_unpriced(planned) else str(planned.total_usd),
        "corrections": {"at_most": further, "at_most_usd": str(cost)},
        "after_pins": {"pictures": later, "usd": str(later_cost)},
        "over": planned.over,
        "images": [image.to_json() for image in planned.images],
    }
