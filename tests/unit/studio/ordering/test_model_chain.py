"""Which model of a chain draws a prompt: what is paid stays, shots are not mixed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from nbp_dagster.briefs.models import Campaign, Shot
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.purchases import Purchase, columns_of, purchase_of
from nbp_dagster.studio.ordering.model_chain import (
    CAPACITY_SECONDS,
    ModelRecord,
    choose_models,
    find_falls,
    list_rivals,
)
from tests.rigs.workbench import order

NOW = 1_000_000.0
BUSY = "the service failed the job: Getting model response error: 503 - The model is overloaded."
PROMPTS = tuple(
    Prompt(f"spring/{shot}/en/1x1/v{number}", "spring", shot, "en", "1:1", number, ("x",))
    for shot in ("one", "two")
    for number in (1, 2)
)
ONE_1, ONE_2, TWO_1, TWO_2 = (prompt.key for prompt in PROMPTS)


def campaign(fall_back: str = "shot", *models: str) -> Campaign:
    return Campaign.model_validate(
        {
            "id": "spring",
            "brand": "b",
            "objective": "o",
            "locales": ("en",),
            "channels": ("x",),
            "budget_usd": 1,
            "shots": (Shot(id="one", scene="s"), Shot(id="two", scene="s")),
            "models": models or ("a", "b"),
            "fall_back": fall_back,
        }
    )


def purchase(state: str, *, at: float = NOW - 60, reason: str | None = None) -> Purchase:
    row: dict[str, Any] = {
        **columns_of(order()),
        "id": 1,
        "attempt": 1,
        "run_id": "r",
        "owner": "",
        "fresh": False,
        "request": {},
        "intended_at": at,
        "state": state,
        "reason": reason,
    }
    return purchase_of(row)


def record(
    model: str, purchases: Mapping[str, Purchase] | None = None, *, is_gone: bool = False
) -> ModelRecord:
    requests: dict[str, ImageRequest] = {
        prompt.key: replace(order().request, key=prompt.key, model=model, prompt=prompt.key)
        for prompt in PROMPTS
    }
    return ModelRecord(model, is_gone, requests, purchases or {})


def choose(*records: ModelRecord, fall_back: str = "shot") -> list[str]:
    brief = campaign(fall_back, *(item.model for item in records))
    chosen = choose_models(brief, PROMPTS, records, now=NOW)
    return [chosen[prompt.key] for prompt in PROMPTS]


def test_the_first_model_that_can_be_had_draws_everything() -> None:
    assert choose(record("a"), record("b")) == ["a"] * 4
    assert choose(record("a", is_gone=True), record("b")) == ["b"] * 4
    assert choose(record("a", is_gone=True), record("b", is_gone=True), record("c")) == ["c"] * 4


def test_a_model_that_said_it_has_no_capacity_is_passed_over() -> None:
    busy = record("a", {ONE_1: purchase("failed", reason=BUSY)})

    assert choose(busy, record("b")) == ["b"] * 4
    assert choose(busy, record("b", is_gone=True)) == ["a"] * 4


@pytest.mark.parametrize("state", ["failed", "withdrawn"])
def test_that_is_forgotten_after_a_while(state: str) -> None:
    long_ago = NOW - CAPACITY_SECONDS - 1
    busy = record("a", {ONE_1: purchase(state, at=long_ago, reason=BUSY)})

    assert choose(busy, record("b")) == ["a"] * 4


def test_a_failure_of_another_kind_is_no_reason_to_fall() -> None:
    failed = record("a", {ONE_1: purchase("failed", reason="the service failed the job: 500")})

    assert choose(failed, record("b")) == ["a"] * 4


def test_a_model_that_has_made_something_since_has_capacity() -> None:
    rows = {
        ONE_1: purchase("failed", at=NOW - 60, reason=BUSY),
        TWO_1: purchase("made", at=NOW - 30),
    }

    assert choose(record("a", rows), record("b")) == ["a"] * 4


@pytest.mark.parametrize("state", ["made", "intended", "enqueued", "refused"])
@pytest.mark.parametrize("is_gone", [True, False])
def test_what_is_paid_open_or_refused_stays_where_it_is(state: str, is_gone: bool) -> None:
    rows = {ONE_1: purchase(state), TWO_2: purchase("failed", at=NOW, reason=BUSY)}
    first = record("a", rows, is_gone=is_gone)

    assert choose(first, record("b")) == ["a", "a", "b", "b"]
    assert choose(first, record("b"), fall_back="prompt") == ["a", "b", "b", "b"]


@pytest.mark.parametrize("state", ["made", "intended", "enqueued", "refused"])
def test_what_fell_stays_with_its_shot_when_the_first_model_is_back(state: str) -> None:
    """A run that was killed after its claim at the second model is followed by one that stays."""
    fallen = record("b", {ONE_2: purchase(state)})

    assert choose(record("a"), fallen) == ["b", "b", "a", "a"]
    assert choose(record("a"), fallen, fall_back="prompt") == ["a", "b", "a", "a"]


def test_a_prompt_paid_at_both_is_the_first_ones() -> None:
    rows = {ONE_1: purchase("made")}

    assert choose(record("a", rows), record("b", rows))[0] == "a"


def test_a_shot_that_is_mixed_already_pays_for_nothing_again() -> None:
    first, second = record("a", {ONE_1: purchase("made")}), record("b", {ONE_2: purchase("made")})

    assert choose(first, second) == ["a", "b", "a", "a"]


def test_what_falls_is_told_with_its_reason() -> None:
    records = [record("a", is_gone=True), record("b")]
    chosen = choose_models(campaign(), PROMPTS, records, now=NOW)

    [fall] = find_falls(campaign(), chosen, records, now=NOW)

    assert fall.in_words() == (
        "spring: 4 prompts are asked of b: a is not in the service's catalogue"
    )
    assert not find_falls(campaign(), dict.fromkeys(chosen, "a"), records, now=NOW)


def test_the_rivals_of_an_order_are_all_wordings_at_the_other_models() -> None:
    records = [record("a"), record("b"), record("c")]

    rivals = list_rivals(ONE_1, "b", records)

    assert len(set(rivals)) == 8
    assert records[0].requests[ONE_1].fingerprint in rivals
    assert records[1].requests[ONE_1].fingerprint not in rivals
