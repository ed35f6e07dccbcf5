"""The watch of a run that is stopped."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, Transport
from nbp_dagster.studio.halt import Halted
from nbp_dagster.studio.watch import Notice, Watcher, WatchTimes
from tests.fakes.clock import FakeClock


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
