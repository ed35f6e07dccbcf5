"""Interrupts of a command that arrive where nobody handles them."""

import os
import signal
import sys
import time
from typing import Any

import pytest

from nbp_dagster import interrupts
from nbp_dagster.interrupts import noted_interrupts, undisturbed_close


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


def test_a_sigterm_that_python_drops_comes_again_where_ctrl_c_is_ignored() -> None:
    """As in what a shell's script starts in the background."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.default_int_handler),
    }

    def wait() -> None:
        with noted_interrupts():
            Dying(signal.SIGTERM)
            time.sleep(10)

    try:
        with pytest.raises(KeyboardInterrupt):
            wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt_twice(closed: list[str]) -> None:
    """Leave by Ctrl-C what is closed after it, and press it again meanwhile."""
    try:
        with undisturbed_close():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGINT)
        # Its handler runs between two lines.
        time.sleep(0)
        closed.append("ledger")


def test_a_second_interrupt_does_not_disturb_what_closes_after_the_first() -> None:
    handler, closed = signal.getsignal(signal.SIGINT), list[str]()

    with noted_interrupts():
        with pytest.raises(KeyboardInterrupt):
            interrupt_twice(closed)
        assert closed == ["ledger"]

    assert signal.getsignal(signal.SIGINT) is handler


def test_a_close_that_takes_too_long_is_ended_by_another_interrupt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interrupts, "_CLOSING_SECONDS", 0.0)
    closed: list[str] = []

    with noted_interrupts(), pytest.raises(KeyboardInterrupt):
        interrupt_twice(closed)

    assert not closed


def test_any_other_error_that_python_drops_is_told_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)

    with noted_interrupts():
        Dying(ValueError)

    assert [each.exc_type for each in told] == [ValueError]
