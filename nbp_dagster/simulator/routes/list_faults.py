"""Spoils the list of jobs as scripted: jobs that come late or are cut off, fields left out."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbp_dagster.simulator.faults import Fault
from nbp_dagster.simulator.state.jobs import Job

_SHORT = 40
_SHORTENED = "…"


def choose_listed(jobs: Iterable[Job], faults: Iterable[Fault], *, now: float) -> Sequence[Job]:
    """Return the jobs that are listed, oldest first.

    Args:
        jobs: All that match, oldest first.
        faults: Those that strike.
        now: Seconds since the epoch.
    """
    listed = list(jobs)
    for fault in faults:
        if fault.kind == "late_list":
            listed = [job for job in listed if now - job.enqueued_at >= fault.seconds]
        elif fault.kind == "cut_list":
            listed = listed[max(0, len(listed) - fault.count) :]
    return listed


def hide_fields(shown: Mapping[str, Any], faults: Iterable[Fault]) -> dict[str, Any]:
    """Return a listed job without what the faults hide."""
    hidden = dict(shown)
    for fault in faults:
        if fault.kind == "blank_prompts":
            hidden["prompt"] = ""
        elif fault.kind == "short_prompts" and len(hidden["prompt"]) > _SHORT:
            hidden["prompt"] = hidden["prompt"][:_SHORT] + _SHORTENED
        elif fault.kind == "no_references":
            hidden.pop("input_image", None)
    return hidden
