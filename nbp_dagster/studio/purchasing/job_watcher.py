"""Watches many jobs by one event stream and by polling the queue; holds the timeout of a job."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError, ServiceAway
from nbp_dagster.oxen.job_events import EventStream
from nbp_dagster.oxen.responses import Generation, GenerationEvent
from nbp_dagster.studio.ledger.purchases import FinishedJob, JobTimes
from nbp_dagster.studio.purchasing.cancellation import Cancelled

logger = logging.getLogger(__name__)

# Seconds that the list is waited for after which the timeouts of jobs begin anew.
OUTAGE_SECONDS = 30.0


@dataclass(frozen=True)
class WatchTimes:
    """Poll intervals and timeouts, in seconds.

    Attributes:
        poll: Between two polls of the queue's list (the service's docs advise 2 to 5).
        poll_beside_stream: The same while the event stream is connected; grows by half with every
            poll that finds nothing the stream has not reported.
        poll_at_most: Where that growth ends.
        stream_wait: How long the start waits for the stream; after that, polling goes on alone.
        stuck: Timeout of a job: in `processing` for longer than this, it counts as stuck and is
            cancelled (the service's own client gives images five minutes).
        unreachable: Timeout of the service: when nothing has told of a job for longer than this
            (neither the list, nor a job asked for by its id, nor an event), the watch ends.
    """

    poll: float = 2.0
    poll_beside_stream: float = 5.0
    poll_at_most: float = 20.0
    stream_wait: float = 3.0
    stuck: float = 300.0
    unreachable: float = 180.0

    def with_outage(self, seconds: float) -> "WatchTimes":
        """Return the times with the option of how long an outage is waited for; 0 leaves them."""
        return replace(self, unreachable=seconds) if seconds > 0 else self


@dataclass(frozen=True)
class Settled:
    """The job is no longer active, or its completion was announced.

    Attributes:
        generation_id: The service's id of it.
        reported: Its picture, where the event holds the URL of it.
    """

    generation_id: str
    reported: FinishedJob | None = None


@dataclass(frozen=True)
class Stuck:
    """The job has been processing for longer than its timeout."""

    generation_id: str


@dataclass(frozen=True)
class Unreachable:
    """The queue has not answered for too long."""

    reason: str


Notice = Settled | Stuck | Unreachable


def next_interval(current: float, times: WatchTimes, *, reported_all: bool) -> float:
    """Return the seconds to the next poll beside a stream: fewer while it misses jobs.

    Args:
        current: Seconds waited before this poll.
        times: The limits.
        reported_all: Whether the stream had reported every job that the poll found ended.
    """
    if not reported_all:
        return times.poll
    return min(max(current * 1.5, times.poll_beside_stream), times.poll_at_most)


class JobWatcher:
    """Notifies of every watched job that left the queue.

    A notice is a hint to look, never the truth: the stream has no replay and may report jobs of
    other clients. An event that holds a picture's URL spares one request for the job; it does not
    hold when the job was started, which is taken from the queue's list where a poll has seen it.

    Args:
        client: Lists the queue.
        stream: The event stream; closed by `stop`.
        watched: Gives the generation ids to watch; called from the polling thread.
        notify: Takes each notice; called from the watcher's own threads.
        times: Poll intervals and timeouts.
        clock: Tells the time.
    """

    def __init__(
        self,
        client: OxenClient,
        *,
        stream: EventStream,
        watched: Callable[[], frozenset[str]],
        notify: Callable[[Notice], None],
        times: WatchTimes,
        clock: Clock,
    ) -> None:
        self._client = client
        self._stream = stream
        self._watched = watched
        self._notify = notify
        self._times = times
        self._clock = clock
        self._stopping = threading.Event()
        self._busy_since: dict[str, float] = {}
        # Ids that the stream reported: any other that a poll finds ended, the stream has missed.
        self._reported: set[str] = set()
        # When watched jobs were enqueued and started, by the queue's list.
        self._listed: dict[str, JobTimes] = {}
        self._beside = times.poll_beside_stream
        # When the service last told of a job; written by both threads.
        self._heard_at = clock.monotonic()
        self._threads = (
            threading.Thread(target=self._listen, name="nbp-events", daemon=True),
            threading.Thread(target=self._poll, name="nbp-poll", daemon=True),
        )

    def start(self) -> None:
        """Subscribe; return once the stream is connected, or after `stream_wait`."""
        for thread in self._threads:
            thread.start()
        if not self._stream.connected.wait(self._times.stream_wait):
            logger.info("no event stream yet; the queue's list is polled meanwhile")

    def stop(self) -> None:
        """End both threads; return when they have ended."""
        self._stopping.set()
        self._stream.close()
        for thread in self._threads:
            # A request under way ends with its own timeout; the threads are daemons.
            thread.join(timeout=1.0)

    def _listen(self) -> None:
        try:
            for event in self._stream:
                self._heard_at = self._clock.monotonic()
                self._reported.add(event.generation_id)
                self._notify(Settled(event.generation_id, self._read(event)))
        except Cancelled:
            return
        except OxenError as error:
            logger.warning("event stream ended: %s; the queue's list is polled instead", error)
        except Exception:  # polling goes on; the log says why it is slower
            logger.exception("the event stream broke; the queue's list is polled instead")

    def _read(self, event: GenerationEvent) -> FinishedJob | None:
        """Return the picture that an event reports; None where it reports none."""
        if event.status != "succeeded" or event.url is None:
            return None
        listed = self._listed.get(event.generation_id, JobTimes(None, None, None))
        times = replace(listed, completed_at=self._clock.now())
        return FinishedJob(event.generation_id, event.url, times)

    def _poll(self) -> None:
        try:
            self._poll_until_stopped()
        except Cancelled:
            return
        except Exception as error:  # a thread's error must reach the coordinating thread
            if not self._stopping.is_set():
                # No finished job would be noticed any more: end the wait, keep the jobs open.
                logger.exception("the watch of the queue broke")
                self._notify(Unreachable(f"the watch of the queue broke: {error}"))

    def _poll_until_stopped(self) -> None:
        self._heard_at = self._clock.monotonic()
        while not self._stopping.wait(self._interval()):
            watched = self._watched()
            if not watched:
                self._heard_at = self._clock.monotonic()
                continue
            asked_at = self._clock.monotonic()
            try:
                # Not patient: where the list alone is down, its jobs can be asked for.
                listed = self._client.list_generations(is_patient=False)
            except OxenError as error:
                if not self._ask_for_each(watched) and self._is_silent(error):
                    self._notify(Unreachable(error.detail))
                    return
                logger.info("the queue could not be listed: %s", error)
                continue
            active = {job.generation_id: job for job in listed}
            self._heard_at = self._clock.monotonic()
            if self._heard_at - asked_at > OUTAGE_SECONDS:
                # The service was away meanwhile: its jobs may have stood still.
                self._busy_since.clear()
            reported_all = not (watched - active.keys() - self._reported)
            self._beside = next_interval(self._beside, self._times, reported_all=reported_all)
            # The stream reports other clients' jobs too, and ids are of no use once a job ended.
            self._reported &= watched
            for generation_id in watched:
                self._notify_if_over(generation_id, active.get(generation_id))
            self._listed = {
                generation_id: JobTimes.of(active[generation_id])
                for generation_id in watched & active.keys()
            }

    def _is_silent(self, error: OxenError) -> bool:
        """Whether nothing has told of a job for too long."""
        silent = self._clock.monotonic() - self._heard_at > self._times.unreachable
        return silent or isinstance(error, ServiceAway)

    def _ask_for_each(self, watched: frozenset[str]) -> bool:
        """Ask for jobs one by one where the list is down; return whether every one was answered.

        Not while events tell of jobs.
        """
        if self._clock.monotonic() - self._heard_at < self._times.poll_at_most:
            return False
        # A job that an event has reported is over, and being collected.
        for generation_id in watched - self._reported:
            if self._stopping.is_set():
                break
            try:
                job = self._client.get_generation(generation_id)
            except OxenError:
                return False
            self._heard_at = self._clock.monotonic()
            self._notify_if_over(generation_id, None if job.is_terminal else job)
        return True

    def _notify_if_over(self, generation_id: str, job: Generation | None) -> None:
        if job is not None and job.status == "queued":
            # No timeout applies: waiting costs nothing, and the service decides the order.
            return
        since = self._busy_since.setdefault(generation_id, self._clock.monotonic())
        if self._clock.monotonic() - since > self._times.stuck:
            # Processing for too long, or gone from the list without a known end.
            self._notify(Stuck(generation_id))
        elif job is None:
            # Watched before the list was requested, and not in it: it has ended.
            self._notify(Settled(generation_id))

    def _interval(self) -> float:
        return self._beside if self._stream.connected.is_set() else self._times.poll
