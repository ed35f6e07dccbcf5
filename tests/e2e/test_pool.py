"""`nbp run` where Dagster's pool of paid steps is full: it says so, goes on, and can be ended."""

import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import POOL
from nbp_dagster.project import open_instance
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell, wait_for

HOLDERS = ("11111111-0000-4000-8000-000000000000", "22222222-0000-4000-8000-000000000000")
WAITS = "waiting for a place in Dagster's pool oxen, held by runs 11111111, 22222222"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    write_briefs(shell.briefs, campaign(shot("kitchen", characters=[])))
    return shell


@pytest.fixture
def instance(shell: Shell) -> Iterator[dg.DagsterInstance]:
    """The command's instance, with both places of the pool taken by other runs."""
    with open_instance(shell.home / "dagster") as instance:
        instance.event_log_storage.set_concurrency_slots(POOL, len(HOLDERS))
        for run_id in HOLDERS:
            instance.event_log_storage.claim_concurrency_slot(POOL, run_id, "step")
        yield instance


def test_a_run_that_waits_for_the_pool_says_so_and_ends_at_ctrl_c(
    shell: Shell, instance: dg.DagsterInstance
) -> None:
    with shell.started("run") as run:
        wait_for(lambda: WAITS in run.output.replace("\n", " "), what="word of the pool")
        run.send(signal.SIGINT)
        # Half a second on a quiet machine; without a place it would wait for ever.
        ended = run.wait()

    assert ended == 130, run.output
    assert "Traceback" not in run.output


def test_a_run_that_waits_for_the_pool_goes_on_once_it_has_a_place(
    shell: Shell, instance: dg.DagsterInstance
) -> None:
    with shell.started("run") as run:
        wait_for(lambda: WAITS in run.output.replace("\n", " "), what="word of the pool")
        instance.event_log_storage.free_concurrency_slots_for_run(HOLDERS[0])
        ended = run.wait()

    assert ended == 0, run.output
