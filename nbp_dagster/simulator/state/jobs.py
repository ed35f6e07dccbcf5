"""Jobs and the queue that takes them from queued to done; knows no HTTP and paints nothing."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any, Literal, get_args

from nbp_dagster.simulator.catalogue import Catalogue, ModelSpec
from nbp_dagster.simulator.state.job_plans import Plan

Status = Literal["queued", "processing", "succeeded", "failed", "cancelled"]

STATUSES: tuple[Status, ...] = get_args(Status)
ACTIVE: tuple[Status, ...] = ("queued", "processing")
TERMINAL: tuple[Status, ...] = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Job:
    """One paid picture.

    Attributes:
        order: Position in the sequence of all jobs, from 0.
        parameters: The request's other fields, with `data:` references as handles.
        variant: How many identical requests came before: it decides the picture.
        usd: Price in USD, or None for a model without one.
        origin: Scheme and host under which the request reached the simulator.
        listed: False for a sync call, which the queue does not show.
        enqueued_at: Seconds since the epoch, as are the other two times.
        error: Error text of a failed job.
    """

    generation_id: str
    order: int
    spec: ModelSpec
    prompt: str
    parameters: Mapping[str, Any]
    namespace: str
    variant: int
    plan: Plan
    usd: Decimal | None
    origin: str
    listed: bool
    enqueued_at: float
    status: Status = "queued"
    started_at: float | None = None
    completed_at: float | None = None
    error: str | None = None

    @property
    def has_picture(self) -> bool:
        """Whether there is a result to download."""
        return self.status == "succeeded" and self.plan.outcome != "no_image"

    def to_record(self) -> dict[str, Any]:
        """Return the job as JSON data for the journal."""
        record = {name: getattr(self, name) for name in self.__dataclass_fields__}
        record["spec"] = self.spec.id
        record["plan"] = asdict(self.plan)
        record["usd"] = None if self.usd is None else str(self.usd)
        return record


def read_job(record: Mapping[str, Any], catalogue: Catalogue) -> Job:
    """Return the job a journal record was made of.

    Raises:
        LookupError: The record names a model the catalogue no longer has.
    """
    spec = catalogue.find(record["spec"])
    if spec is None:
        raise LookupError(f"job {record['generation_id']}: unknown model {record['spec']}")
    fields = {name: record[name] for name in Job.__dataclass_fields__}
    fields["spec"] = spec
    fields["plan"] = Plan(**{**record["plan"], "flaws": tuple(record["plan"]["flaws"])})
    fields["usd"] = None if record["usd"] is None else Decimal(record["usd"])
    return Job(**fields)


class JobQueue:
    """All jobs, indexed by id and by status, and the slots that process them.

    Every method runs on one event loop; adding and cancelling need that loop to be running.

    Args:
        slots: Jobs in processing at the same time.
        latency: Seconds of processing of a job whose plan names none.
        now: Returns seconds since the epoch.
        judge: Returns the error text of a job about to end, or None when it succeeds.
        on_end: Called with every job that has just succeeded, failed or been cancelled.
    """

    def __init__(
        self,
        *,
        slots: int,
        latency: float,
        now: Callable[[], float],
        judge: Callable[[Job], str | None],
        on_end: Callable[[Job], None],
    ) -> None:
        self._slots = slots
        self._latency = latency
        self._now = now
        self._judge = judge
        self._on_end = on_end
        self._jobs: dict[str, Job] = {}
        self._by_status: dict[Status, dict[str, None]] = {status: {} for status in STATUSES}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._restored: set[str] = set()
        self._made = 0
        self._busy = 0
        self._peak = 0

    @property
    def next_order(self) -> int:
        """The `order` of the next job."""
        return self._made

    @property
    def peak_processing(self) -> int:
        """The most jobs that were ever in processing at the same time."""
        return self._peak

    def find(self, generation_id: str) -> Job | None:
        """Return a job, or None when the id is unknown."""
        return self._jobs.get(generation_id)

    def counts(self) -> dict[str, int]:
        """Return how many jobs have each status."""
        return {status: len(ids) for status, ids in self._by_status.items()}

    def with_status(self, statuses: tuple[Status, ...]) -> Iterator[Job]:
        """Yield the listed jobs with one of these statuses, oldest first."""
        ids = [job_id for status in statuses for job_id in self._by_status[status]]
        jobs = [self._jobs[job_id] for job_id in ids]
        return iter(sorted((job for job in jobs if job.listed), key=lambda job: job.order))

    def add(self, job: Job) -> None:
        """Take a job in; a queued one is started as soon as a slot is free."""
        self._keep(job)
        self._fill_slots()

    def restore(self, job: Job) -> None:
        """Take in a job of an earlier run, or what became of it; `resume` starts the rest."""
        known = self._jobs.get(job.generation_id)
        if known is not None:
            del self._by_status[known.status][known.generation_id]
        active = job.status in ACTIVE
        self._keep(replace(job, status="queued", started_at=None) if active else job)
        if active:
            self._restored.add(job.generation_id)

    def resume(self) -> None:
        """Start restored jobs; their processing counts from the moment they were enqueued."""
        self._fill_slots()

    def cancel(self, job: Job) -> None:
        """End a job that is not done; a done one is left as it is."""
        if job.status in ACTIVE:
            self._end(job, "cancelled", None)

    def clear(self) -> None:
        """Forget every job."""
        self.stop()
        self._jobs.clear()
        for ids in self._by_status.values():
            ids.clear()
        self._restored.clear()
        self._made = self._busy = self._peak = 0

    def stop(self) -> None:
        """Stop all timers, leaving the jobs as they are."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _keep(self, job: Job) -> None:
        self._jobs[job.generation_id] = job
        self._by_status[job.status][job.generation_id] = None
        self._made = max(self._made, job.order + 1)

    def _move(self, job: Job, moved: Job) -> None:
        del self._by_status[job.status][job.generation_id]
        self._keep(moved)

    def _fill_slots(self) -> None:
        queued = self._by_status["queued"]
        while queued and self._busy < self._slots:
            self._start(self._jobs[next(iter(queued))])

    def _start(self, job: Job) -> None:
        self._busy += 1
        self._peak = max(self._peak, self._busy)
        self._move(job, replace(job, status="processing", started_at=self._now()))
        if job.plan.outcome == "stuck":
            return
        wait = self._latency if job.plan.latency is None else job.plan.latency
        if job.generation_id in self._restored:
            wait = max(0.0, wait - (self._now() - job.enqueued_at))
        timer = asyncio.get_running_loop().call_later(wait, self._finish, job.generation_id)
        self._timers[job.generation_id] = timer

    def _finish(self, generation_id: str) -> None:
        job = self._jobs[generation_id]
        error = self._judge(job)
        self._end(job, "succeeded" if error is None else "failed", error)

    def _end(self, job: Job, status: Status, error: str | None) -> None:
        if job.status == "processing":
            self._busy -= 1
        timer = self._timers.pop(job.generation_id, None)
        if timer is not None:
            timer.cancel()
        ended = replace(job, status=status, error=error, completed_at=self._now())
        self._move(job, ended)
        self._on_end(ended)
        self._fill_slots()
