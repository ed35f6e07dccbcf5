"""The routes that make pictures: sync calls, the queue, the event stream and the catalogue."""

import base64
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbp_dagster.simulator.errors import (
    CAPACITY_MESSAGE,
    CREDIT_MESSAGE,
    REFUSAL_MESSAGE,
    ApiError,
    invalid_params,
    model_not_found,
    not_found,
    typed_error,
)
from nbp_dagster.simulator.faults import LIST_FAULTS, STREAM_FAULTS, Call
from nbp_dagster.simulator.routes.list_faults import choose_listed, hide_fields
from nbp_dagster.simulator.routes.middleware import EVENTS_PATH
from nbp_dagster.simulator.routes.request_context import (
    base_url_of,
    logged_request_of,
    read_json,
    require_key,
    simulator_of,
)
from nbp_dagster.simulator.state.events import EventStream
from nbp_dagster.simulator.state.generation_request import find_flaw, read_generation_request
from nbp_dagster.simulator.state.jobs import ACTIVE, STATUSES, Job
from nbp_dagster.simulator.state.simulator import Simulator

# Longer than any client waits: a stuck sync call ends with the client's timeout.
_STUCK_SECONDS = 3600.0


async def make_picture(request: Request) -> Response:
    """POST /api/ai/images/edit and /generate: one picture, answered when it is done."""
    require_key(request)
    simulator = simulator_of(request)
    body = await read_json(request)
    generation_request = read_generation_request(body, simulator.catalogue)
    base_url = base_url_of(request)
    job = simulator.draft(generation_request, base_url, request.url.path)
    _raise_flaw(simulator, job)
    await _await_model(simulator, job)
    done = simulator.finish_draft(job)
    logged = logged_request_of(request)
    logged.billed = 1
    logged.generation_ids.append(done.generation_id)
    image = await _show_image(simulator, done, base_url, body.get("response_format"))
    images = [] if image is None else [image]
    answer = {"model": done.spec.id, "created": int(done.enqueued_at), "images": images}
    return JSONResponse(answer)


async def enqueue(request: Request) -> Response:
    """POST /api/ai/queue: one to four jobs, billed at once."""
    require_key(request)
    simulator = simulator_of(request)
    generation_request = read_generation_request(await read_json(request), simulator.catalogue)
    jobs = simulator.enqueue(generation_request, base_url_of(request))
    logged = logged_request_of(request)
    logged.billed = len(jobs)
    logged.generation_ids.extend(job.generation_id for job in jobs)
    generations = [{"generation_id": job.generation_id, "status": "queued"} for job in jobs]
    return JSONResponse({"generations": generations})


async def list_jobs(request: Request) -> Response:
    """GET /api/ai/queue: the active jobs, or those of one status."""
    require_key(request)
    simulator = simulator_of(request)
    query = request.query_params
    status = query.get("status")
    if status is not None and status not in STATUSES:
        raise invalid_params(f"status must be one of {', '.join(STATUSES)}; got {status!r}")
    statuses = ACTIVE if status is None else (status,)
    base_url = base_url_of(request)
    call = Call("GET", request.url.path)
    struck = (simulator.faults.take((kind,), call) for kind in LIST_FAULTS)
    faults = [fault for fault in struck if fault is not None]
    matching = [
        job
        for job in simulator.jobs.with_status(statuses)
        if all(query[name] == read(job) for name, read in _LIST_FILTERS.items() if name in query)
    ]
    jobs = choose_listed(matching, faults, now=simulator.now())
    generations = [hide_fields(_show_job(simulator, job, base_url), faults) for job in jobs]
    return JSONResponse({"count": len(generations), "generations": generations})


async def show_job(request: Request) -> Response:
    """GET /api/ai/queue/{id}: one job, with a fresh link once it has succeeded."""
    require_key(request)
    job = _find_job(request)
    return JSONResponse(_show_job(simulator_of(request), job, base_url_of(request)))


async def cancel_job(request: Request) -> Response:
    """DELETE /api/ai/queue/{id}: end a job; a finished one stays as it is."""
    require_key(request)
    job = _find_job(request)
    simulator_of(request).jobs.cancel(job)
    return JSONResponse({"status": "success", "generation_id": job.generation_id})


async def stream_events(request: Request) -> Response:
    """GET /api/events: a line for every finished job, from now on."""
    require_key(request)
    simulator = simulator_of(request)
    fault = simulator.faults.take(STREAM_FAULTS, Call("GET", EVENTS_PATH))
    options = simulator.options
    return EventStream(
        simulator.feed,
        base_url=base_url_of(request),
        keep_alive=options.keep_alive,
        padding=options.event_padding,
        lifetime=options.drop_stream_every if fault is None else fault.seconds,
        break_off=simulator.connections.hang_up,
    )


async def list_models(request: Request) -> Response:
    """GET /api/ai/models and /api/ai/models/search?search=: the catalogue or part of it."""
    require_key(request)
    text = request.query_params.get("search", "")
    return JSONResponse({"object": "list", "data": simulator_of(request).catalogue.search(text)})


async def show_model(request: Request) -> Response:
    """GET /api/ai/models/{id}: one model object, bare."""
    require_key(request)
    model_id = request.path_params["model_id"]
    spec = simulator_of(request).catalogue.find(model_id)
    if spec is None:
        raise model_not_found(model_id)
    return JSONResponse(spec.to_json())


ROUTES = (
    Route("/api/ai/queue", enqueue, methods=["POST"]),
    Route("/api/ai/queue", list_jobs, methods=["GET"]),
    Route("/api/ai/queue/{generation_id}", show_job, methods=["GET"]),
    Route("/api/ai/queue/{generation_id}", cancel_job, methods=["DELETE"]),
    Route("/api/ai/images/edit", make_picture, methods=["POST"]),
    Route("/api/ai/images/generate", make_picture, methods=["POST"]),
    Route(EVENTS_PATH, stream_events, methods=["GET"]),
    Route("/api/ai/models", list_models, methods=["GET"]),
    Route("/api/ai/models/search", list_models, methods=["GET"]),
    Route("/api/ai/models/{model_id}", show_model, methods=["GET"]),
)


def _raise_flaw(simulator: Simulator, job: Job) -> None:
    """Raise what is wrong with a sync request, which fails at once."""
    flaw = find_flaw(job.spec, job.prompt, job.parameters)
    if flaw is not None:
        raise invalid_params(flaw, status=400 if job.prompt.strip() == "" else 422)
    flaw = simulator.references.find_flaw(job.parameters, job.origin)
    if flaw is not None:
        raise typed_error(500, "unknown_error", flaw)


async def _await_model(simulator: Simulator, job: Job) -> None:
    """Wait as long as the model works and raise what it fails with."""
    plan = job.plan
    if plan.outcome == "stuck":
        await simulator.pause(_STUCK_SECONDS)
        raise typed_error(504, "unknown_error", "The model did not answer in time.")
    await simulator.pause(simulator.options.latency if plan.latency is None else plan.latency)
    if plan.outcome == "fail":
        raise _failure(plan.message or "")


def _failure(message: str) -> ApiError:
    if message == CREDIT_MESSAGE:
        return typed_error(402, "payment_required", message)
    if message == REFUSAL_MESSAGE:
        return invalid_params(message)
    if message == CAPACITY_MESSAGE:
        return typed_error(503, "unknown_error", message)
    return typed_error(500, "unknown_error", message)


async def _show_image(
    simulator: Simulator, job: Job, base_url: str, response_format: object
) -> dict[str, str] | None:
    if not job.has_picture:
        return None
    if response_format == "b64_json":
        data = await simulator.worker.paint(simulator.order_picture(job))
        return {"b64_json": base64.b64encode(data).decode("ascii")}
    return {"url": simulator.link_result(job, base_url) or ""}


def _find_job(request: Request) -> Job:
    generation_id = request.path_params["generation_id"]
    job = simulator_of(request).jobs.find(generation_id)
    if job is None or not job.listed:
        raise not_found(f"Generation {generation_id}")
    return job


def _show_job(simulator: Simulator, job: Job, base_url: str) -> dict[str, Any]:
    shown = simulator.references.show(job.parameters, inline=simulator.options.echo_inline)
    shown |= {
        "generation_id": job.generation_id,
        "model_name": job.spec.id,
        "prompt": job.prompt,
        "media_type": "image",
        "status": job.status,
        "result_url": simulator.link_result(job, base_url),
        "error_message": job.error,
        "enqueued_at": _whole(job.enqueued_at),
        "started_at": _whole(job.started_at),
        "completed_at": _whole(job.completed_at),
    }
    if job.status == "failed" and job.plan.retryable is not None:
        shown["error_retryable"] = job.plan.retryable
    return shown


def _whole(moment: float | None) -> int | None:
    return None if moment is None else int(moment)


_LIST_FILTERS: dict[str, Callable[[Job], object]] = {
    "namespace": lambda job: job.namespace,
    "model": lambda job: job.spec.id,
    "media_type": lambda job: "image",
    "repo": lambda job: job.parameters.get("target_repo"),
    "folder": lambda job: job.parameters.get("target_directory"),
}
