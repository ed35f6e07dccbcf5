"""The run that purchases are counted for."""

from types import SimpleNamespace
from typing import Any, cast

import dagster as dg

from nbp_dagster.assets.step import purchasing_run_id


def step_of(run: dg.DagsterRun) -> dg.AssetExecutionContext:
    return cast(Any, SimpleNamespace(run=run))


def test_a_retry_buys_for_the_first_run_of_its_chain() -> None:
    first = dg.DagsterRun(job_name="images", run_id="a" * 32)
    retry = dg.DagsterRun(
        job_name="images", run_id="c" * 32, parent_run_id="b" * 32, root_run_id="a" * 32
    )

    assert purchasing_run_id(step_of(first)) == "a" * 32
    assert purchasing_run_id(step_of(retry)) == "a" * 32
