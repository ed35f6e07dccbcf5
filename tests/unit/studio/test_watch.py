"""The watch: how often the queue is looked at beside a stream, and a run that is stopped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.studio.halt import Halted
from nbp_dagster.studio.watch import Notice, Watcher, WatchTimes, next_interval
from tests.fakes.clock import FakeClock

TIMES = WatchTimes(poll=2.0, poll_beside_stream=5.0, poll_at_most=20.0)


class StoppedRun(Transport):
    """Waits for a turn that never comes, because the run is told to stop."""

    def __init__(self) -> None:
        self.was_asked_for_the_list = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.url.endswith("/queue"):
            self.was_asked_for_the_list.set()
        raise Halted("the run was told to stop")
        yield


def test_a_poll_that_is_stopped_while_it_waits_does_not_blame_the_service() -> None:
    transport, clock, notices = StoppedRun(), FakeClock(), list[Notice]()
    client = OxenClient(
        "https://hub.test", api_key="k", transport=transport, clock=clock, retry=RetryPolicy()
    )
    watcher = Watcher(
        client,
        stream=client.events(),
        watched=lambda: frozenset({"a job"}),
        notify=notices.append,
        times=WatchTimes(poll=0.01, poll_beside_stream=0.01, stream_wait=0.0),
        monotonic=clock.monotonic,
    )
    watcher.start()
    assert transport.was_asked_for_the_list.wait(30)
    for thread in threading.enumerate():
        if thread.name == "nbp-poll":
            thread.join(30)
    watcher.stop()

    assert notices == []


def test_a_stream_that_tells_everything_is_looked_behind_ever_less_often() -> None:
    interval, intervals = 5.0, []
    for _ in range(6):
        interval = next_interval(interval, TIMES, told_all=True)
        intervals.append(interval)

    assert intervals == [7.5, 11.25, 16.875, 20.0, 20.0, 20.0]


def test_a_stream_that_missed_something_is_looked_behind_as_if_it_were_not_there() -> None:
    assert next_interval(20.0, TIMES, told_all=False) == 2.0


def test_a_stream_that_is_sound_again_is_trusted_again() -> None:
    assert next_interval(2.0, TIMES, told_all=True) == 5.0
