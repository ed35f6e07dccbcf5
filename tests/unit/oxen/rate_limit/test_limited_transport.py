"""The whole loop: workers, rate limiter and a service with a hidden limit, in fake time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.rate_limiter import FileRateStore, RateLimiter
from nbp_dagster.oxen.rate_limit.rate_state import FIRST_RATE
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from nbp_dagster.simulator.state.traffic import RequestLimit
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedTransport
from tests.fakes.turns import LimitedService, TurnClock

URL = "https://hub.test"
LIMIT = 20.0


def request(method: str = "GET", url: str = f"{URL}/api/ai/queue") -> HttpRequest:
    return HttpRequest(method=method, url=url)


def limited(
    clock: TurnClock, limit: float | None = LIMIT, *, seconds: float = 0.1, retry_after: str = "1"
) -> LimitedService:
    """A service that takes so many requests per second."""
    limiter = RequestLimit(limit, clock.monotonic)
    headers = {"retry-after": retry_after} if retry_after else {}
    return LimitedService(clock, limiter.take, seconds=seconds, headers=headers)


def demand(
    clock: TurnClock,
    service: LimitedService,
    rate_limiter: RateLimiter,
    workers: int,
    *,
    sent: list[int] | None = None,
) -> Sequence[Callable[[], None]]:
    """Workers that ask again and again, and after a 429 wait themselves as well."""
    transport = LimitedTransport(service, base_url=URL, rate_limiter=rate_limiter, clock=clock)

    def work() -> None:
        while True:
            status = transport.send(request()).status
            if sent is not None and status == 200:
                sent.append(status)
            if status == 429:
                clock.sleep(1.25)

    return [work] * workers


@pytest.mark.parametrize("workers", [4, 14, 64])
@pytest.mark.parametrize("retry_after", ["1", ""])
def test_a_hidden_limit_is_used_to_nine_tenths_with_few_429s(
    workers: int, retry_after: str
) -> None:
    clock = TurnClock()
    service = limited(clock, retry_after=retry_after)

    clock.run(*demand(clock, service, RateLimiter(clock), workers), seconds=300)

    assert service.count(200) >= 0.9 * LIMIT * 300
    assert service.count(429) <= 0.05 * len(service.log)


@pytest.mark.parametrize(("limit", "share"), [(1.0, 0.08), (5.0, 0.05), (100.0, 0.05)])
def test_other_limits_are_found_as_well(limit: float, share: float) -> None:
    clock = TurnClock()
    service = limited(clock, limit)

    clock.run(*demand(clock, service, RateLimiter(clock), 40), seconds=300)

    assert service.count(200) >= 0.9 * limit * 300
    assert service.count(429) <= share * len(service.log)


def test_slow_answers_cost_little() -> None:
    clock = TurnClock()
    service = limited(clock, seconds=1.0)

    clock.run(*demand(clock, service, RateLimiter(clock), 64), seconds=300)

    assert service.count(200) >= 0.85 * LIMIT * 300
    assert service.count(429) <= 0.05 * len(service.log)


@pytest.mark.parametrize(("before", "after"), [(20.0, 5.0), (20.0, 60.0), (100.0, 10.0)])
def test_a_limit_that_changes_is_found_again_within_a_minute(before: float, after: float) -> None:
    clock = TurnClock()
    service = limited(clock, before)
    workers = demand(clock, service, RateLimiter(clock), 20)

    def change() -> None:
        clock.sleep(100)
        service.take = RequestLimit(after, clock.monotonic).take

    clock.run(*workers, change, seconds=300)

    assert service.count(200, since=160) >= 0.9 * after * 140
    assert service.count(429) <= 0.05 * len(service.log)


def test_without_a_limit_it_is_not_in_the_way() -> None:
    clock = TurnClock()
    service = limited(clock, None)

    clock.run(*demand(clock, service, RateLimiter(clock), 64), seconds=5)

    assert sum(1 for at, _ in service.log if at <= 1.1) >= 50
    assert service.count(200, since=3) >= 0.9 * 2 * 64 / 0.1, "the workers' own speed"


def test_two_processes_share_a_limit_and_use_it_up(tmp_path: Path) -> None:
    clock = TurnClock()
    service = limited(clock)
    ours: list[int] = []
    theirs: list[int] = []
    one = RateLimiter(clock, FileRateStore(tmp_path / "a.json"))
    other = RateLimiter(clock, FileRateStore(tmp_path / "a.json"))

    clock.run(
        *demand(clock, service, one, 14, sent=ours),
        *demand(clock, service, other, 14, sent=theirs),
        seconds=300,
    )

    assert len(ours) + len(theirs) >= 0.9 * LIMIT * 300
    assert min(len(ours), len(theirs)) >= 0.3 * (len(ours) + len(theirs))
    assert service.count(429) <= 0.05 * len(service.log)


def test_retry_after_holds_every_worker() -> None:
    clock = TurnClock()
    refusals = iter([None, None, 1.0])
    service = LimitedService(clock, lambda: next(refusals, None), headers={"retry-after": "30"})

    clock.run(*demand(clock, service, RateLimiter(clock), 14), seconds=60)

    refused = next(at for at, status in service.log if status == 429)
    under_way = [at for at, _ in service.log if refused < at < refused + 30]
    assert all(at <= refused + 0.1 for at in under_way), "sent before the 429 was read"
    assert sum(1 for at, _ in service.log if at >= refused + 30) > 14


def test_other_hosts_are_left_alone() -> None:
    clock = FakeClock()
    script = [HttpResponse(status=429, headers={"retry-after": "60"}), HttpResponse(status=200)]
    inner = ScriptedTransport(script)
    transport = LimitedTransport(inner, base_url=URL, rate_limiter=RateLimiter(clock), clock=clock)

    transport.send(request(url="https://files.test/a.png"))
    transport.send(request())

    assert clock.sleeps == ()
    inner.assert_finished()


def test_an_answer_that_blames_the_service_does_not_speed_up() -> None:
    clock = FakeClock()
    inner = ScriptedTransport([HttpResponse(status=503)] * 3)
    transport = LimitedTransport(inner, base_url=URL, rate_limiter=RateLimiter(clock), clock=clock)

    for _ in range(3):
        transport.send(request("POST"))

    assert sum(clock.sleeps) == pytest.approx(2 / FIRST_RATE)
