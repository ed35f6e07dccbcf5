"""Decides the outcome of a job when it is enqueued; knows no HTTP and no scheduling."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from nbp_dagster.simulator.errors import CAPACITY_MESSAGE, CREDIT_MESSAGE, REFUSAL_MESSAGE
from nbp_dagster.simulator.faults import (
    DOWNLOAD_FAULTS,
    PICTURE_FAULTS,
    DownloadFaultKind,
    Fault,
)

Outcome = Literal["succeed", "fail", "stuck", "no_image"]

FAILURE_MESSAGE = "Getting model response error: 500 - the simulated model failed"

_MESSAGES: Mapping[str, str] = {
    "refuse": REFUSAL_MESSAGE,
    "credit_lost": CREDIT_MESSAGE,
    "at_capacity": CAPACITY_MESSAGE,
}

_TAG = re.compile(r"\[\[sim:([a-z_-]+)(?:=([^\]]*))?\]\]")
_COURSE_TAGS = ("refuse", "fail", "credit_lost", "at_capacity", "stuck", "slow", "no_image")
_TAG_NAMES = (*_COURSE_TAGS, *DOWNLOAD_FAULTS, *PICTURE_FAULTS)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The course of one job.

    Attributes:
        outcome: How the job ends; `stuck` stays in processing until it is cancelled.
        message: Error text of a job that fails.
        retryable: Value of the job field `error_retryable`; None leaves the field out.
        latency: Seconds of processing; None takes the simulator's own.
        download: What goes wrong when the result is fetched.
        flaws: What the painter gets wrong, from `PICTURE_FAULTS`.
        billed_anyway: Whether the job is billed although it fails.
    """

    outcome: Outcome = "succeed"
    message: str | None = None
    retryable: bool | None = None
    latency: float | None = None
    download: DownloadFaultKind | None = None
    flaws: tuple[str, ...] = ()
    billed_anyway: bool = False


def plan_job(prompt: str, fault: Fault | None) -> Plan:
    """Return the plan of a job from the tags in its prompt and the fault that struck it.

    The fault wins over the tags where they disagree.
    """
    tags = {name.replace("-", "_"): value for name, value in _TAG.findall(prompt)}
    unknown = sorted(set(tags) - set(_TAG_NAMES))
    if unknown:
        accepted = ", ".join(_TAG_NAMES)
        message = f"unknown simulator tag {unknown[0]!r}; accepted: {accepted}"
        return Plan(outcome="fail", message=message, retryable=False)
    plan = _plan_from_tags(tags)
    return plan if fault is None else _plan_from_fault(fault, plan)


def strip_tags(prompt: str) -> str:
    """Return a prompt without its simulator tags, as the painter should read it."""
    return _TAG.sub("", prompt).strip()


def _plan_from_tags(tags: Mapping[str, str]) -> Plan:
    download = next((kind for kind in DOWNLOAD_FAULTS if kind in tags), None)
    flaws = tuple(kind for kind in PICTURE_FAULTS if kind in tags)
    latency = _read_seconds(tags["slow"]) if "slow" in tags else None
    for name, message in _MESSAGES.items():
        if name in tags:
            return Plan(outcome="fail", message=message, latency=latency)
    if "fail" in tags:
        return Plan(outcome="fail", message=tags["fail"] or FAILURE_MESSAGE, latency=latency)
    if "stuck" in tags:
        return Plan(outcome="stuck")
    if "no_image" in tags:
        return Plan(outcome="no_image", latency=latency)
    return Plan(latency=latency, download=download, flaws=flaws)


def _plan_from_fault(fault: Fault, plan: Plan) -> Plan:
    if fault.kind == "stuck":
        return Plan(outcome="stuck")
    if fault.kind == "no_image":
        return Plan(outcome="no_image", latency=plan.latency)
    if fault.kind == "slow_job":
        return replace(plan, latency=fault.seconds)
    if fault.kind in PICTURE_FAULTS:
        return replace(plan, flaws=(*plan.flaws, fault.kind))
    return Plan(
        outcome="fail",
        message=fault.message or _MESSAGES.get(fault.kind, FAILURE_MESSAGE),
        retryable=fault.retryable,
        latency=plan.latency,
        billed_anyway=fault.billed,
    )


def _read_seconds(text: str) -> float:
    """Return the seconds of a `slow` tag; a tag without a number counts as one second."""
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else 1.0
