"""Interrupts of a command that arrive where nobody handles them."""

import os
import signal
import sys
import time
from typing import Any

import pytest

from nbp_dagster.interrupts import noted_interrupts


class Dying:
    """An object in whose destructor something is raised, which Python drops."""

    def __init__(self, raised: int | type[Exception]) -> None:
        self._raised = raised

    def __del__(self) -> None:
        if isinstance(self._raised, int):
            os.kill(os.getpid(), self._raised)
            # The handler runs between two lines.
            time.sleep(0)
        else:
            raise self._raised


def test_an_interrupt_that_python_drops_comes_again_and_is_not_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def wait() -> None:
        with noted_interrupts():
            Dying(signal.SIGINT)
            time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        wait()
    assert "ignored" not in capfd.readouterr().err


def test_any_other_error_that_python_drops_is_told_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    with noted_interrupts():
        Dying(ValueError)

    assert [each.exc_type for each in told] == [ValueError]
