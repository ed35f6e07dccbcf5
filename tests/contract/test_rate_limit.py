"""One thread's 429 holds all the others, as the service's own log tells."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import NotFound, RateLimited
from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from tests.contract.conftest import MakeClient, Target
from tests.rigs.service import ServiceProbe

WORKERS = 5


class HeldClock:
    """Holds every sleeper until it is let go; from then on a sleep takes no time."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._lock = threading.Lock()
        self._let_go = threading.Event()
        self.asleep = threading.Semaphore(0)

    def now(self) -> float:
        return 1_800_000_000.0 + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    def sleep(self, seconds: float) -> None:
        self.asleep.release()
        assert self._let_go.wait(30)
        with self._lock:
            self._elapsed += seconds

    def let_go(self) -> None:
        self._let_go.set()


def test_a_429_met_by_one_thread_holds_the_others(
    target: Target, make_client: MakeClient, break_service: Callable[..., None]
) -> None:
    wanted, clock = f"gen-{uuid4().hex}", HeldClock()
    client = make_client(
        transport=LimitedTransport(
            RequestsTransport(), base_url=target.url, rate_limiter=RateLimiter(clock), clock=clock
        ),
        retry=RetryPolicy(attempts=1),
        clock=clock,
    )
    break_service(kind="status", status=429, retry_after=30, path=wanted, times=1)

    with ThreadPoolExecutor(WORKERS) as threads:
        first = threads.submit(_ask, client, wanted)
        assert isinstance(first.result(), RateLimited)
        others = [threads.submit(_ask, client, wanted) for _ in range(WORKERS)]
        for _ in others:
            assert clock.asleep.acquire(timeout=30)
        statuses_while_held = _statuses(target, wanted)
        clock.let_go()
        answers = [other.result() for other in others]

    assert statuses_while_held == [429]
    assert _statuses(target, wanted) == [429, *[404] * WORKERS]
    assert all(isinstance(answer, NotFound) for answer in answers)


def _ask(client: OxenClient, generation_id: str) -> Exception | None:
    try:
        client.get_generation(generation_id)
    except (NotFound, RateLimited) as error:
        return error
    return None


def _statuses(target: Target, path: str) -> list[int]:
    return [entry["status"] for entry in ServiceProbe(target.url).requests(path)]
