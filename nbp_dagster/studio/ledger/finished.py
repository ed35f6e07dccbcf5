"""What is known of a job that has brought a picture: where the picture lies, and when it was made.

Must not know: what is done with it.
"""

from dataclasses import dataclass, field

from nbp_dagster.oxen.responses import Generation


@dataclass(frozen=True)
class JobTimes:
    """Time stamps of a job, in seconds since the epoch; None where nobody told.

    They are the service's own, but for the end of a job that was told by an event, which carries
    none: there it is this machine's, of the moment at which the event came.
    """

    enqueued_at: float | None
    started_at: float | None
    completed_at: float | None

    @classmethod
    def of(cls, job: Generation) -> "JobTimes":
        """Take what the service says of a job, finished or not."""
        return cls(job.enqueued_at, job.started_at, job.completed_at)


@dataclass(frozen=True)
class Finished:
    """A job that succeeded.

    Attributes:
        generation_id: The service's id of it.
        url: Expiring URL of its picture; None where the service names none.
        times: When it was asked for, begun and done.
    """

    generation_id: str
    url: str | None = field(repr=False)
    times: JobTimes

    @classmethod
    def of(cls, job: Generation) -> "Finished":
        """Take what the service answers of a job that it shows as succeeded."""
        return cls(job.generation_id, job.result_url, JobTimes.of(job))
