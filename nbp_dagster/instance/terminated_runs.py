"""Whether somebody has terminated a run, whatever became of the signal to its process.

Must not know: what a run makes or spends.
"""

import dagster as dg

_TERMINATED = frozenset({dg.DagsterRunStatus.CANCELING, dg.DagsterRunStatus.CANCELED})


def is_terminated(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether a run is to be canceled, or is recorded as canceled.

    Of an instance in memory no run is: nobody else sees it.
    """
    if instance.is_ephemeral:
        return False
    run = instance.get_run_by_id(run_id)
    return run is not None and run.status in _TERMINATED
