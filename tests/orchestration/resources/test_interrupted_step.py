"""A step that Dagster terminates: what waits in its threads ends soon."""

import os
import signal
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.interrupts import seconds_since_interrupt
from nbp_dagster.resources.oxen import SimulatedOxenResource
from nbp_dagster.resources.studio import StudioResource
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import wait_for

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_step_notes_the_signal_that_is_to_end_it(
    tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the process of a run, where Dagster holds signals back or raises them."""
    monkeypatch.setenv("NBP_OCR", "off")
    briefs = write_briefs(tmp_path / "briefs", campaign(shot("one")))
    studio = StudioResource(
        oxen=SimulatedOxenResource(), home=str(tmp_path / "home"), config=str(briefs)
    )
    noted: list[Any] = []

    @dg.asset(required_resource_keys={"studio"})
    def looked_at() -> None:
        before, handler = seconds_since_interrupt(), signal.signal(number, lambda *_: None)
        try:
            os.kill(os.getpid(), number)
            noted.extend([before, wait_for(lambda: seconds_since_interrupt() is not None, what="")])
        finally:
            signal.signal(number, handler)

    result = dg.materialize([looked_at], resources={"studio": studio})

    assert result.success
    assert noted == [None, True]
    assert seconds_since_interrupt() is None
