"""The state of one simulator and every change of it; knows no HTTP."""

import asyncio
import hashlib
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from nbp_dagster.simulator.catalogue import Catalogue
from nbp_dagster.simulator.errors import CREDIT_MESSAGE, typed_error
from nbp_dagster.simulator.faults import (
    DOWNLOAD_FAULTS,
    JOB_FAULTS,
    PICTURE_FAULTS,
    Call,
    Fault,
    FaultInjector,
)
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.painting.paint_worker import Brush, Painter, PaintOrder, PaintWorker
from nbp_dagster.simulator.painting.picture_folder import PictureFolder
from nbp_dagster.simulator.painting.sizes import DEFAULT_RATIO, DEFAULT_RESOLUTION
from nbp_dagster.simulator.state.bills import Bill, Billing
from nbp_dagster.simulator.state.blobs import BlobStore
from nbp_dagster.simulator.state.events import EventFeed
from nbp_dagster.simulator.state.generation_request import GenerationRequest, find_flaw
from nbp_dagster.simulator.state.job_plans import plan_job, strip_tags
from nbp_dagster.simulator.state.jobs import Job, JobQueue, read_job
from nbp_dagster.simulator.state.journal import Journal
from nbp_dagster.simulator.state.references import ReferenceResolver, Unreachable, result_path
from nbp_dagster.simulator.state.repos import RepositoryStore
from nbp_dagster.simulator.state.signed_links import LinkSigner
from nbp_dagster.simulator.state.traffic import Connections, RequestBarrier, RequestLimit, Traffic
from nbp_dagster.simulator.state.workspaces import WorkspaceStore

# Flaws of the picture itself: every download has them.
# Of 256 values of a digest's first byte, those whose link has a wrong suffix.
_LYING = 64
_LASTING = frozenset({"wrong_size", "mislabelled"})


class Simulator:
    """One imitated service: its jobs, bills, repositories, faults and traffic.

    Everything runs on one event loop; only painting leaves it.

    Args:
        options: The settings.
        painter: Draws the pictures; the simulator's own when None.
        now: Returns seconds since the epoch.
    """

    def __init__(
        self,
        options: SimulatorOptions,
        *,
        painter: Painter | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.options = options
        self.now = now
        self._journal = Journal(options.state_dir and options.state_dir / "journal.jsonl")
        kept = options.state_dir and options.state_dir / "blobs"
        self.blobs = BlobStore(kept or _name_temporary_folder())
        self.catalogue = Catalogue(options.schema)
        self.faults = FaultInjector(options.faults)
        self.bills = Billing(options.credit_usd)
        self.feed = EventFeed()
        self.traffic = Traffic()
        self.limiter = RequestLimit(options.rate_limit, time.monotonic)
        self.barrier = RequestBarrier(options.barrier) if options.barrier else None
        self.connections = Connections()
        self.signer = LinkSigner(now, options.result_ttl)
        self.repositories = RepositoryStore(self.blobs, self._journal, now=now)
        self.workspaces = WorkspaceStore(self.repositories, self.blobs)
        self.worker = PaintWorker(
            options.paint_threads,
            Brush(
                painter=painter,
                plain=options.painter == "plain",
                file_type=options.file_type,
                pictures=None if options.pictures is None else PictureFolder.open(options.pictures),
                fonts=options.fonts,
            ),
        )
        self.jobs = JobQueue(
            slots=options.slots,
            latency=options.latency,
            now=now,
            judge=self._judge,
            on_end=self._record_end,
        )
        self.references = ReferenceResolver(
            self.blobs,
            self.repositories,
            signer=self.signer,
            find_job=self.jobs.find,
            order_picture=self.order_picture,
        )
        self._variants: Counter[str] = Counter()
        self._spoiled: set[str] = set()
        self._closing = asyncio.Event()

    def open(self) -> None:
        """Restore what an earlier run with the same state folder left."""
        for record in self._journal.read():
            self._restore(record)
        self.jobs.resume()

    def close(self) -> None:
        """End every wait, job and thread; jobs stay as they are in the journal."""
        self.interrupt()
        self.jobs.stop()
        self.worker.close()
        self._journal.close()
        if self.options.state_dir is None:
            self.blobs.remove()

    def interrupt(self) -> None:
        """End every pause now and in the future."""
        self._closing.set()

    def reset(self) -> None:
        """Forget jobs, bills, changes of models, repositories, scripted faults and traffic."""
        self.catalogue = Catalogue(self.options.schema)
        self.jobs.clear()
        self.bills.clear()
        self.repositories.clear()
        self.workspaces.clear()
        self.faults.clear()
        self.traffic.clear()
        self.references.clear()
        self._variants.clear()
        self._spoiled.clear()
        self._journal.clear()
        self.blobs.remove()

    async def pause(self, seconds: float) -> None:
        """Wait, but not beyond the end of the simulator."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    def enqueue(self, request: GenerationRequest, origin: str) -> list[Job]:
        """Bill and queue as many jobs as were asked for.

        Raises:
            ApiError: The credit does not cover them (402).
        """
        self._require_credit(request, request.count)
        jobs = []
        for _ in range(request.count):
            fault = self._take_job_fault(request, "/api/ai/queue")
            job = self._make_job(request, origin, fault=fault, listed=True)
            self._keep(job)
            jobs.append(job)
        return jobs

    def draft(self, request: GenerationRequest, origin: str, path: str) -> Job:
        """Return the job of a sync call, neither billed nor kept yet.

        Raises:
            ApiError: The credit does not cover it (402).
        """
        self._require_credit(request, 1)
        fault = self._take_job_fault(request, path)
        return self._make_job(request, origin, fault=fault, listed=False)

    def finish_draft(self, job: Job) -> Job:
        """Bill and keep the finished job of a sync call; return it."""
        now = self.now()
        done = replace(job, status="succeeded", started_at=job.enqueued_at, completed_at=now)
        self._keep(done)
        return done

    def order_picture(self, job: Job, *, wrong_size: bool = False) -> PaintOrder:
        """Return how to paint the result of a job."""
        parameters = job.parameters
        located = (
            self.references.locate(reference, job.origin)
            for reference in parameters.get("input_image") or ()
        )
        return PaintOrder(
            prompt=strip_tags(job.prompt),
            references=tuple(source for source in located if not isinstance(source, Unreachable)),
            ratio=parameters.get("aspect_ratio") or DEFAULT_RATIO,
            resolution=parameters.get("resolution") or self._default_resolution(job),
            variant=job.variant,
            wrong_size=wrong_size,
            flaws=job.plan.flaws,
        )

    def link_result(self, job: Job, base_url: str) -> str | None:
        """Return a fresh link to a job's picture, or None when there is none."""
        if not job.has_picture:
            return None
        return self.signer.sign(
            base_url, result_path(job.namespace, job.generation_id, self.suffix_of(job))
        )

    def suffix_of(self, job: Job) -> str:
        """Return what a link to a job's picture ends in.

        Of JPEGs one in four says `png`, as of the model's own files that were saved under the name
        they came with: 35 of 138.
        """
        lies = hashlib.sha256(job.generation_id.encode()).digest()[0] < _LYING
        is_png = self.options.file_type == "png" or self.options.painter == "plain" or lies
        return "png" if is_png else "jpg"

    def take_download_fault(self, job: Job, path: str) -> str | None:
        """Return what goes wrong with this download of a job's picture, or None.

        What a prompt tag asks for spoils the first download only, unless it is of the picture
        itself.
        """
        fault = self.faults.take(DOWNLOAD_FAULTS, Call("GET", path, job.prompt))
        if fault is not None:
            return fault.kind
        planned = job.plan.download
        if planned not in _LASTING and job.generation_id in self._spoiled:
            return None
        self._spoiled.add(job.generation_id)
        return planned

    def _default_resolution(self, job: Job) -> str:
        rule = job.spec.properties.get("resolution", {})
        return str(rule.get("default", DEFAULT_RESOLUTION))

    def _take_job_fault(self, request: GenerationRequest, path: str) -> Fault | None:
        call = Call("POST", path, request.prompt, request.spec.id)
        return self.faults.take((*JOB_FAULTS, *PICTURE_FAULTS), call)

    def _require_credit(self, request: GenerationRequest, count: int) -> None:
        usd = request.spec.price(request.parameters)
        if not self.bills.can_afford(None if usd is None else usd * count):
            raise typed_error(402, "payment_required", CREDIT_MESSAGE)

    def _make_job(
        self, request: GenerationRequest, origin: str, *, fault: Fault | None, listed: bool
    ) -> Job:
        spec = request.spec
        parameters = self.references.shorten(request.parameters)
        key = self._variant_key(spec.id, request.prompt, parameters)
        variant = self._variants[key]
        self._variants[key] += 1
        return Job(
            generation_id=str(uuid.uuid4()),
            order=self.jobs.next_order,
            spec=spec,
            prompt=request.prompt,
            parameters=parameters,
            namespace=request.namespace,
            variant=variant,
            plan=plan_job(request.prompt, fault),
            usd=spec.price(request.parameters),
            origin=origin,
            listed=listed,
            enqueued_at=self.now(),
        )

    def _variant_key(self, model: str, prompt: str, parameters: dict[str, Any]) -> str:
        text = "\n".join((model, prompt, self.references.identity(parameters)))
        return hashlib.sha256(text.encode()).hexdigest()

    def _judge(self, job: Job) -> str | None:
        """Return the error text a job ends with, or None when it succeeds."""
        if job.plan.outcome == "fail":
            return job.plan.message
        flaw = find_flaw(job.spec, job.prompt, job.parameters)
        return flaw or self.references.find_flaw(job.parameters, job.origin)

    def _keep(self, job: Job) -> None:
        self._journal.write("job", job.to_record())
        self._charge(job)
        self.jobs.add(job)

    def _charge(self, job: Job) -> None:
        self.bills.charge(
            Bill(
                generation_id=job.generation_id,
                model=job.spec.id,
                namespace=job.namespace,
                usd=job.usd,
            )
        )

    def _record_end(self, job: Job) -> None:
        self._journal.write("end", job.to_record())
        if job.status == "failed" and not job.plan.billed_anyway:
            self.bills.refund(job.generation_id)
        if job.status != "cancelled":
            self.feed.publish(lambda base_url: self._event_data(job, base_url))

    def _event_data(self, job: Job, base_url: str) -> dict[str, Any]:
        data = {"generation_id": job.generation_id, "status": job.status, "media_type": "image"}
        if job.status == "failed":
            return {**data, "error": job.error}
        return {**data, "model": job.spec.id, "url": self.link_result(job, base_url)}

    def _restore(self, record: dict[str, Any]) -> None:
        if record["kind"] not in ("job", "end"):
            self.repositories.restore(record)
            return
        job = read_job(record, self.catalogue)
        if record["kind"] == "job":
            self._variants[self._variant_key(job.spec.id, job.prompt, dict(job.parameters))] += 1
            self._charge(job)
        elif job.status == "failed" and not job.plan.billed_anyway:
            self.bills.refund(job.generation_id)
        self.jobs.restore(job)


def _name_temporary_folder() -> Path:
    """Return the path of a new temporary folder; it is made when the first file is kept."""
    return Path(tempfile.gettempdir()) / f"nbp-simulator-{uuid.uuid4().hex}"
