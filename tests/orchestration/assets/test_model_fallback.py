"""A chain of models: what falls to the next, what stays, and that nothing is paid for twice."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import NAMES, PROMPT_ASSETS, CodeLocation

FIRST, SECOND = "google-nano-banana-pro", "nano-banana-2-1"
FIRST_USD, SECOND_USD = Decimal("0.15"), Decimal("0.0871")
BUSY = {"kind": "at_capacity", "model": FIRST}


def write(location: CodeLocation, fall_back: str | None = "shot", **changes: Any) -> None:
    """Two shots without a cast, each in two ratios."""
    keys = {"models": [FIRST, SECOND], **({"fall_back": fall_back} if fall_back else {})}
    shots = (shot("attic", characters=[]), shot("cellar", characters=[]))
    channels = ["instagram_square", "youtube_thumbnail"]
    location.write(campaign(*shots, **{"channels": channels, "budget_usd": 20, **keys, **changes}))


def models_shown(location: CodeLocation, keys: Sequence[str]) -> list[str]:
    """The model in the metadata of each prompt's picture."""
    found = []
    for key in keys:
        metadata = location.latest(NAMES.generated_images, key).metadata
        found.append(str(metadata["model"].value))
    return found


def test_without_fall_back_the_first_model_alone_is_asked(location: CodeLocation) -> None:
    write(location, fall_back=None)
    location.service.script(BUSY)

    assert not location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 0
    assert len(posts(location)) == 4
    location.service.heal()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * FIRST_USD


def posts(location: CodeLocation) -> list[dict[str, Any]]:
    return [item for item in location.service.requests("/queue") if item["method"] == "POST"]


def test_a_model_at_capacity_hands_over_within_the_run(location: CodeLocation) -> None:
    write(location)
    location.service.script(BUSY)

    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD
    assert models_shown(location, location.prompts()) == [SECOND] * 4

    location.service.heal()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD


def test_a_model_that_left_the_catalogue_hands_over(location: CodeLocation) -> None:
    write(location)
    location.service.change_model(FIRST, offered=False)

    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD
    assert len(posts(location)) == 4

    location.service.change_model(FIRST)
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD


def test_with_one_gone_and_the_other_at_capacity_nothing_is_billed(location: CodeLocation) -> None:
    write(location)
    location.service.change_model(FIRST, offered=False)
    location.service.script({**BUSY, "model": SECOND})

    assert not location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 0

    location.service.heal()
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD


def test_both_at_capacity_fail_and_ask_each_once(location: CodeLocation) -> None:
    write(location)
    location.service.script(BUSY, {**BUSY, "model": SECOND})

    assert not location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 0
    assert len(posts(location)) == 8


@pytest.mark.parametrize(
    ("fall_back", "second", "succeeds"), [("shot", 2, False), ("prompt", 3, True)]
)
def test_a_shot_is_not_mixed_unless_the_brief_says_so(
    location: CodeLocation, fall_back: str, second: int, succeeds: bool
) -> None:
    """One picture of the first shot is made at the first model before it has no capacity."""
    write(location, fall_back)
    [first, *_] = location.prompts()
    assert location.materialize(PROMPT_ASSETS, [first]).success
    location.service.script(BUSY)

    assert location.materialize(PROMPT_ASSETS).success == succeeds
    assert location.service.billed_usd == FIRST_USD + second * SECOND_USD

    location.service.heal()
    assert location.materialize(PROMPT_ASSETS).success
    expected = FIRST_USD * (4 - second) + second * SECOND_USD
    assert location.service.billed_usd == expected
    assert models_shown(location, [first]) == [FIRST]


def test_what_is_open_at_the_first_model_is_fetched_and_not_bought_at_the_next(
    location: CodeLocation,
) -> None:
    write(location)
    keys = location.prompts()
    location.service.script({"kind": "truncate"})
    assert not location.materialize(PROMPT_ASSETS, keys[:1]).success
    assert location.service.billed_usd == FIRST_USD
    location.service.heal()
    location.service.change_model(FIRST, offered=False)

    assert location.materialize(PROMPT_ASSETS, keys[:1]).success
    assert location.service.billed_usd == FIRST_USD
    assert models_shown(location, keys[:1]) == [FIRST]


def test_what_is_open_at_the_next_model_is_fetched_when_the_first_is_back(
    location: CodeLocation,
) -> None:
    """A run that ended, whatever ended it, after its purchase at the next model."""
    write(location)
    location.service.change_model(FIRST, offered=False)
    location.service.script({"kind": "truncate"})
    assert not location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD
    location.service.heal()
    location.service.change_model(FIRST)

    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD
    assert models_shown(location, location.prompts()) == [SECOND] * 4


def test_the_next_model_is_budgeted_by_its_own_price(location: CodeLocation) -> None:
    write(location, budget_usd=float(4 * SECOND_USD))
    location.service.change_model(FIRST, offered=False)

    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 4 * SECOND_USD


def test_the_next_model_buys_nothing_that_its_budget_does_not_hold(location: CodeLocation) -> None:
    write(location, budget_usd=0.3)
    location.service.change_model(FIRST, offered=False)

    assert not location.materialize(PROMPT_ASSETS).success
    assert location.service.billed_usd == 0
