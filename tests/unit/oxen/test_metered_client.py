"""What a metered client counts, at which price, and what its time includes."""

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from nbp_dagster.oxen.errors import AmbiguousPost, BadRequest
from nbp_dagster.oxen.metered_client import (
    Counter,
    MeteredClient,
    MeteredTransport,
    PriceList,
    Usage,
)
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from tests.fakes.clock import FakeClock
from tests.fakes.transport import Answer, ScriptedStream, ScriptedTransport, Step, json_answer
from tests.unit.oxen.clients import BASE, KEY, QUEUED, RESET

MODEL = {
    "id": "m",
    "pricing": {
        "method": "per_image",
        "cost_per_image": 0.15,
        "cost_per_image_grid": {"standard": {"1k": 0.04, "2k": 0.05}},
    },
    "json_request_schema": {"properties": {"resolution": {"default": "1K"}}},
}
UNPRICED = {"id": "m", "pricing": None}


def metered(*script: Step) -> tuple[MeteredClient, Counter, ScriptedTransport]:
    """A metered client over a script."""
    transport, counter, clock = ScriptedTransport(script), Counter(), FakeClock()
    client = MeteredClient(
        BASE,
        counter=counter,
        prices=PriceList(),
        api_key=KEY,
        transport=MeteredTransport(transport, base_url=BASE, counter=counter, clock=clock),
        clock=clock,
        retry=RetryPolicy(attempts=3),
    )
    return client, counter, transport


def test_each_image_has_the_price_of_its_own_parameters_and_the_model_is_asked_for_once() -> None:
    client, counter, transport = metered(
        json_answer(MODEL),
        json_answer(QUEUED),
        json_answer(QUEUED),
    )

    client.enqueue(model="m", prompt="p")
    client.enqueue(model="m", prompt="p", parameters={"resolution": "2K"})

    transport.assert_finished()
    assert counter.usage == Usage(calls=3, images=2, billed_usd=Decimal("0.09"))
    assert counter.usage.in_words() == "3 calls, 2 images, 0.09 USD"


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("edit_image", {"images": [{"url": "https://files.test/a.png"}]}),
        ("generate_image", {"images": [{"url": "https://files.test/a.png"}]}),
        ("enqueue", QUEUED),
    ],
)
def test_every_call_that_bills_is_counted(call: str, answer: dict[str, Any]) -> None:
    client, counter, transport = metered(json_answer(MODEL), json_answer(answer))

    getattr(client, call)(model="m", prompt="p", parameters={"resolution": "2K"})

    transport.assert_finished()
    assert counter.usage == Usage(calls=2, images=1, billed_usd=Decimal("0.05"))


def test_a_price_that_is_not_stated_is_not_guessed() -> None:
    client, counter, _ = metered(json_answer(UNPRICED), json_answer(QUEUED))

    client.enqueue(model="m", prompt="p")

    assert counter.usage == Usage(calls=2, images=1, unpriced_images=1)
    assert counter.usage.in_words().endswith("1 images without a stated price")


def test_a_price_that_can_not_be_read_holds_no_paid_call_back() -> None:
    client, counter, _ = metered(
        json_answer({"error": "gone"}, status=404), json_answer(QUEUED), json_answer(QUEUED)
    )

    client.enqueue(model="m", prompt="p")
    client.enqueue(model="m", prompt="p")

    assert counter.usage == Usage(calls=3, images=2, unpriced_images=2)


def interrupt(request: HttpRequest) -> Answer:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("fault", "error"), [(RESET, AmbiguousPost), (interrupt, KeyboardInterrupt)]
)
def test_what_may_have_been_taken_is_counted_apart(fault: Any, error: type[BaseException]) -> None:
    client, counter, _ = metered(json_answer(MODEL), fault)

    with pytest.raises(error):
        client.enqueue(model="m", prompt="p", num_generations=3)

    assert counter.usage == Usage(calls=2, maybe_images=3)


def test_what_the_service_did_not_take_is_not_counted() -> None:
    client, counter, _ = metered(json_answer(MODEL), json_answer({"error": "no"}, status=422))

    with pytest.raises(BadRequest):
        client.generate_image(model="m", prompt="p")

    assert counter.usage == Usage(calls=2)


def test_a_429_that_is_sent_again_is_two_calls_and_one_image() -> None:
    client, counter, _ = metered(
        json_answer(MODEL), json_answer({"error": "slow"}, status=429), json_answer(QUEUED)
    )

    client.enqueue(model="m", prompt="p")

    found = counter.usage
    assert (found.calls, found.images, found.throttled) == (3, 1, 1)


def after(clock: FakeClock, seconds: float) -> Callable[[HttpRequest], Answer]:
    def answer(request: HttpRequest) -> Answer:
        clock.advance(seconds)
        return HttpResponse(status=200)

    return answer


def test_downloads_count_with_their_time_and_the_event_stream_with_its_connects_only() -> None:
    clock, counter = FakeClock(), Counter()
    transport = MeteredTransport(
        ScriptedTransport([after(clock, 2.0), after(clock, 3.0), ScriptedStream()]),
        base_url=BASE,
        counter=counter,
        clock=clock,
    )

    transport.send(HttpRequest(method="GET", url=f"{BASE}/api/ai/queue"))
    transport.send(HttpRequest(method="GET", url="https://files.test/a.png"))
    with transport.stream(HttpRequest(method="GET", url=f"{BASE}/api/events")):
        clock.advance(600.0)

    assert counter.usage == Usage(calls=2, seconds=5.0)


def test_threads_lose_no_count() -> None:
    counter = Counter()

    def work() -> None:
        for _ in range(2000):
            counter.add(Usage(calls=1, billed_usd=Decimal("0.01")))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counter.usage == Usage(calls=16_000, billed_usd=Decimal("160.00"))
