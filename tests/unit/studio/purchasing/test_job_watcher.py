"""The watch: how often the queue is looked at beside a stream, and a run that is stopped."""

import json
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.studio.ledger.purchases import FinishedJob, JobTimes
from nbp_dagster.studio.purchasing.cancellation import Cancelled
from nbp_dagster.studio.purchasing.job_watcher import (
    JobWatcher,
    Notice,
    Settled,
    WatchTimes,
    next_interval,
)
from tests.fakes.clock import FakeClock
from tests.unit.oxen.clients import JOB

TIMES = WatchTimes(poll=2.0, poll_beside_stream=5.0, poll_at_most=20.0)
EAGER = WatchTimes(poll=0.01, poll_beside_stream=0.01, stream_wait=0.0)


class StoppedRun(Transport):
    """Waits for a turn that never comes, because the run is stopped."""

    def __init__(self) -> None:
        self.was_asked_for_the_list = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.url.endswith("/queue"):
            self.was_asked_for_the_list.set()
        raise Cancelled("the run was stopped")
        yield


class OneJob(Transport):
    """A job in the list that was begun at second 4, and then an event about it."""

    def __init__(self, event: Mapping[str, object]) -> None:
        self._event = event
        self._lists = 0
        self._was_listed = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.url.endswith("/events"):
            yield HttpStream(200, {"content-type": "text/event-stream"}, chunks=self._tell())
            return
        self._lists += 1
        if self._lists == 2:
            # The first was taken in, or the second would not be asked for.
            self._was_listed.set()
        job = {**JOB, "generation_id": "a job", "enqueued_at": 1, "started_at": 4}
        body = json.dumps({"count": 1, "generations": [job]}).encode()
        yield HttpStream(200, {"content-type": "application/json"}, chunks=[body])

    def _tell(self) -> Iterator[bytes]:
        assert self._was_listed.wait(30)
        data = json.dumps({"generation_id": "a job", "media_type": "image", **self._event})
        yield f"event: media_generation_completed\ndata: {data}\n\n".encode()


def _watcher(
    transport: Transport,
    clock: FakeClock,
    *,
    notify: Callable[[Notice], None],
    times: WatchTimes = EAGER,
) -> JobWatcher:
    """One that waits for one job and looks at the list all the time."""
    client = OxenClient(
        "https://hub.test", api_key="k", transport=transport, clock=clock, retry=RetryPolicy()
    )
    return JobWatcher(
        client,
        stream=client.events(),
        watched=lambda: frozenset({"a job"}),
        notify=notify,
        times=times,
        clock=clock,
    )


def _first_notice(event: Mapping[str, object]) -> Notice:
    """What is told first of a job that is begun at second 4 and ended, at second 9, by an event."""
    notices = queue.SimpleQueue[Notice]()
    watcher = _watcher(OneJob(event), FakeClock(start=9.0), notify=notices.put)
    watcher.start()
    try:
        return notices.get(timeout=30)
    finally:
        watcher.stop()


class NoList(Transport):
    """The list of jobs is down; the stream is open and silent; a job can be asked for by its id."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._asked = 0
        self.is_over = threading.Event()

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        if request.url.endswith("/events"):
            yield HttpStream(200, {"content-type": "text/event-stream"}, chunks=self._silence())
        elif request.url.endswith("/queue"):
            # Half an hour passes before the job has ended.
            self._clock.advance(60.0)
            yield HttpStream(503, {}, chunks=[])
        else:
            self._asked += 1
            status = "succeeded" if self._asked > 6 else "processing"
            body = json.dumps({**JOB, "generation_id": "a job", "status": status}).encode()
            yield HttpStream(200, {"content-type": "application/json"}, chunks=[body])

    def _silence(self) -> Iterator[bytes]:
        yield b": hello\n\n"
        assert self.is_over.wait(30)


def test_jobs_are_asked_for_one_by_one_while_the_list_is_down() -> None:
    clock, notices = FakeClock(), queue.SimpleQueue[Notice]()
    transport = NoList(clock)
    times = WatchTimes(
        poll=0.01, poll_beside_stream=0.01, poll_at_most=0.02, stuck=1e6, unreachable=600.0
    )
    watcher = _watcher(transport, clock, notify=notices.put, times=times)
    watcher.start()
    try:
        assert notices.get(timeout=30) == Settled("a job")
    finally:
        transport.is_over.set()
        watcher.stop()
    assert clock.monotonic() > 1800, "past every timeout of the service"


def test_an_event_tells_where_the_picture_lies_and_the_list_when_it_was_begun() -> None:
    notice = _first_notice({"status": "succeeded", "url": "https://hub.test/a.png"})

    times = JobTimes(enqueued_at=1.0, started_at=4.0, completed_at=9.0)
    assert notice == Settled("a job", FinishedJob("a job", "https://hub.test/a.png", times))


@pytest.mark.parametrize("event", [{"status": "failed", "error": "no"}, {"status": "succeeded"}])
def test_an_event_that_tells_of_no_picture_has_the_job_asked_for(event: dict[str, str]) -> None:
    assert _first_notice(event) == Settled("a job")


def test_a_poll_that_is_stopped_while_it_waits_does_not_blame_the_service() -> None:
    transport, notices = StoppedRun(), list[Notice]()
    watcher = _watcher(transport, FakeClock(), notify=notices.append)
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
        interval = next_interval(interval, TIMES, reported_all=True)
        intervals.append(interval)

    assert intervals == [7.5, 11.25, 16.875, 20.0, 20.0, 20.0]


def test_a_stream_that_missed_something_is_looked_behind_as_if_it_were_not_there() -> None:
    assert next_interval(20.0, TIMES, reported_all=False) == 2.0


def test_a_stream_that_is_sound_again_is_trusted_again() -> None:
    assert next_interval(2.0, TIMES, reported_all=True) == 5.0
