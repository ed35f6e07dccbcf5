"""A run that somebody terminates, and whose process no signal reaches, buys nothing more."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.project import open_instance
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.processes import wait_for

NAMES = Names()


def note(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """What *Terminate* notes before it sends a signal."""
    instance.report_run_canceling(run)


def note_for_good(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    """What run monitoring notes after a while, and *force termination* at once."""
    instance.report_run_canceled(run)


@pytest.mark.parametrize("terminate", [note, note_for_good])
def test_it_collects_what_it_has_paid_and_is_canceled(
    location: CodeLocation,
    tmp_path: Path,
    terminate: Callable[[dg.DagsterInstance, dg.DagsterRun], None],
) -> None:
    with open_instance(tmp_path / "dagster") as instance:
        location.instance = instance
        location.settings = location.settings.model_copy(
            update={"silence_seconds": 1.0, "in_flight": 1}
        )
        location.sheets_made()
        bills = location.service.bills
        location.service.script({"kind": "slow_job", "seconds": 3})

        def interfere() -> None:
            wait_for(lambda: location.service.bills > bills, what="first picture")
            started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])
            for run in instance.get_runs(started):
                terminate(instance, run)

        with ThreadPoolExecutor(1) as pool:
            interfered = pool.submit(interfere)
            result = location.materialize(PROMPT_ASSETS)
            interfered.result()

        run = instance.get_run_by_id(result.run_id)
        assert run is not None
        # Not failed: a run that has failed may be started anew.
        assert run.status is dg.DagsterRunStatus.CANCELED
        assert location.service.bills == bills + 1
        assert len(location.materialized(NAMES.generated_images)) == 1
