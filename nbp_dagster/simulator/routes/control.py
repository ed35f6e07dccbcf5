"""The simulator's own routes under /_simulator/: looking inside, scripting faults, resetting."""

import math
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbp_dagster.simulator.errors import invalid_params, model_not_found
from nbp_dagster.simulator.faults import ScenarioError, parse_faults
from nbp_dagster.simulator.routes.request_context import read_json, simulator_of
from nbp_dagster.simulator.state.jobs import STATUSES


async def show_health(request: Request) -> Response:
    """GET /_simulator/health."""
    return JSONResponse({"status": "ok", "simulated": True})


async def show_bills(request: Request) -> Response:
    """GET /_simulator/bills: what was charged, in total and for each generation."""
    return JSONResponse(simulator_of(request).bills.to_json())


async def show_requests(request: Request) -> Response:
    """GET /_simulator/requests: the log, on request only of paths that contain `path`."""
    wanted = request.query_params.get("path", "")
    log = simulator_of(request).traffic.log()
    return JSONResponse({"requests": [entry for entry in log if wanted in entry["path"]]})


async def show_stats(request: Request) -> Response:
    """GET /_simulator/stats: counters for tests of concurrency."""
    simulator = simulator_of(request)
    barrier = simulator.barrier
    return JSONResponse(
        {
            **simulator.traffic.to_json(),
            "jobs": simulator.jobs.counts(),
            "peak_processing": simulator.jobs.peak_processing,
            "event_streams": simulator.feed.subscribers,
            "pictures_painted": simulator.worker.painted,
            "barrier": None if barrier is None else barrier.to_json(),
        }
    )


async def show_jobs(request: Request) -> Response:
    """GET /_simulator/jobs: status and moments of every queued job, to the fraction of a second."""
    jobs = [
        {
            "generation_id": job.generation_id,
            "status": job.status,
            "enqueued_at": job.enqueued_at,
            "started_at": job.started_at,
            "completed_at": job.completed_at,
        }
        for job in simulator_of(request).jobs.with_status(STATUSES)
    ]
    return JSONResponse({"jobs": jobs})


async def reset(request: Request) -> Response:
    """POST /_simulator/reset: forget everything, scripted faults included."""
    simulator_of(request).reset()
    return JSONResponse({"status": "success"})


async def show_faults(request: Request) -> Response:
    """GET /_simulator/faults: the faults in force and how often each struck."""
    return JSONResponse({"faults": simulator_of(request).faults.to_json()})


async def add_faults(request: Request) -> Response:
    """POST /_simulator/faults: put more faults in force."""
    try:
        faults = parse_faults(await read_json(request))
    except ScenarioError as error:
        raise invalid_params(str(error)) from error
    simulator_of(request).faults.add(faults)
    return JSONResponse({"status": "success", "added": len(faults)})


async def change_price(request: Request) -> Response:
    """POST /_simulator/prices: what a model costs from now on, `{"model": ..., "usd": ...}`."""
    body = await read_json(request)
    model, usd = body.get("model"), body.get("usd")
    if isinstance(usd, bool) or not isinstance(usd, int | float) or not 0 <= usd < math.inf:
        raise invalid_params(f"usd must be a number of at least 0; got {usd!r}")
    catalogue = simulator_of(request).catalogue
    if not isinstance(model, str) or catalogue.find(model) is None:
        raise model_not_found(str(model))
    catalogue.reprice(model, Decimal(str(usd)))
    return JSONResponse({"status": "success"})


async def change_model(request: Request) -> Response:
    """POST /_simulator/models: what the catalogue says of a model from now on.

    `{"model": ..., "offered": false}` withdraws it, `{"model": ..., "ratios": [...]}` has its
    schema list other aspect ratios.
    """
    body = await read_json(request)
    model, offered, ratios = body.get("model"), body.get("offered", True), body.get("ratios")
    if not isinstance(offered, bool):
        raise invalid_params(f"offered must be true or false; got {offered!r}")
    if ratios is not None and not (
        isinstance(ratios, list) and ratios and all(isinstance(ratio, str) for ratio in ratios)
    ):
        raise invalid_params(f"ratios must be a list of texts such as 4:5; got {ratios!r}")
    catalogue = simulator_of(request).catalogue
    try:
        (catalogue.offer if offered else catalogue.withdraw)(model)
        if ratios is not None:
            catalogue.list_ratios(model, ratios)
    except (LookupError, TypeError) as error:
        raise model_not_found(str(model)) from error
    return JSONResponse({"status": "success"})


async def clear_faults(request: Request) -> Response:
    """DELETE /_simulator/faults: take every fault out of force."""
    simulator_of(request).faults.clear()
    return JSONResponse({"status": "success"})


ROUTES = (
    Route("/_simulator/health", show_health, methods=["GET"]),
    Route("/_simulator/bills", show_bills, methods=["GET"]),
    Route("/_simulator/requests", show_requests, methods=["GET"]),
    Route("/_simulator/stats", show_stats, methods=["GET"]),
    Route("/_simulator/jobs", show_jobs, methods=["GET"]),
    Route("/_simulator/reset", reset, methods=["POST"]),
    Route("/_simulator/prices", change_price, methods=["POST"]),
    Route("/_simulator/models", change_model, methods=["POST"]),
    Route("/_simulator/faults", show_faults, methods=["GET"]),
    Route("/_simulator/faults", add_faults, methods=["POST"]),
    Route("/_simulator/faults", clear_faults, methods=["DELETE"]),
)
