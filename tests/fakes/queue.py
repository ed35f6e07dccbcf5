"""The service's queue in memory, with a fate for every request; knows no HTTP and no ledger."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from nbp_dagster.oxen.errors import AmbiguousPost, NotFound, RateLimited
from nbp_dagster.oxen.responses import Generation, GenerationStatus, QueuedGeneration

# What becomes of a POST: answered; lost before or after it was billed; turned away.
Fate = Literal["answered", "lost before", "lost after", "turned away"]


@dataclass
class MemoryQueue:
    """Stands in for `OxenClient` where a buyer enqueues and looks.

    Attributes:
        fates: Of the POSTs to come, in order; when they are used up, all are answered.
        billed: The prompt of every job that was billed, in order.
        on_post: Told of every POST before anything becomes of it.
        prefix: Of the ids, which are unique over all accounts of the real service.
        on_billed: Told when a job is there and its answer not yet read: others act meanwhile.
    """

    fates: Iterator[Fate] = field(default_factory=lambda: iter(()))
    billed: list[str] = field(default_factory=list)
    on_post: Callable[[str], None] = lambda _: None
    on_billed: Callable[[], None] = lambda: None
    prefix: str = "job"
    _jobs: list[Generation] = field(default_factory=list)

    def add_foreign(
        self,
        *,
        model: str,
        prompt: str,
        parameters: Mapping[str, object],
        status: GenerationStatus = "succeeded",
        enqueued_at: float = 0.0,
    ) -> str:
        """Put a job there that somebody else asked for; return its id."""
        job = Generation(
            generation_id=f"{self.prefix}-{len(self._jobs):06}",
            status=status,
            model=model,
            prompt=prompt,
            media_type="image",
            result_url=None,
            error_message=None,
            error_retryable=None,
            enqueued_at=enqueued_at,
            started_at=None,
            completed_at=None,
            params={**parameters, "input_image": []},
        )
        self._jobs.append(job)
        return job.generation_id

    def enqueue(
        self,
        *,
        model: str,
        prompt: str,
        input_image: Sequence[str] = (),
        parameters: Mapping[str, object] | None = None,
        num_generations: int = 1,
        before_repeat: Callable[[RateLimited], None] | None = None,
    ) -> tuple[QueuedGeneration, ...]:
        """Bill jobs, or none, and answer, or not.

        Raises:
            AmbiguousPost: The answer is lost.
            RateLimited: Turned away.
        """
        self.on_post(prompt)
        fate = next(self.fates, "answered")
        if fate == "turned away":
            raise RateLimited("scripted", endpoint="POST queue", status=429)
        if fate == "lost before":
            raise AmbiguousPost("scripted", endpoint="POST queue")
        self.billed += [prompt] * num_generations
        ids = [
            self.add_foreign(
                model=model,
                prompt=prompt,
                parameters=parameters or {},
                status="queued",
                enqueued_at=float(len(self._jobs)),
            )
            for _ in range(num_generations)
        ]
        self.on_billed()
        if fate == "lost after":
            raise AmbiguousPost("scripted", endpoint="POST queue")
        return tuple(QueuedGeneration(generation_id=item, status="queued") for item in ids)

    def list_generations(
        self, *, status: str, model: str | None = None, require_complete: bool = False
    ) -> tuple[Generation, ...]:
        """Return the jobs of a status, and of a model when it is named."""
        return tuple(
            job for job in self._jobs if job.status == status and model in (None, job.model)
        )

    def get_generation(self, generation_id: str) -> Generation:
        """Return a job.

        Raises:
            NotFound: There is none of that id.
        """
        for job in self._jobs:
            if job.generation_id == generation_id:
                return job
        raise NotFound("no such job", endpoint="GET queue", status=404)

    def jobs(self, prompt: str) -> frozenset[str]:
        """Return the ids of all jobs with a prompt, foreign ones included."""
        return frozenset(job.generation_id for job in self._jobs if job.prompt == prompt)
