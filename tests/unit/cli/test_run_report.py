"""The progress bar of `nbp run`, and what is told where no bar can be drawn."""

import re
from contextlib import suppress
from io import StringIO

import pytest
from rich.console import Console

from nbp_dagster.cli.run_report import RunReport
from nbp_dagster.studio.ledger.orders import Failed

AWAY = "waiting for the service: connection refused for 42 s, gives up in 9 min"
FAILED = Failed("a/b/c/1x1/v1", "f" * 64, "no", "service")


def terminal(page: StringIO, width: int) -> Console:
    return Console(file=page, force_terminal=True, width=width, color_system=None)


def last_frame(page: StringIO) -> list[str]:
    """What stands on the terminal in the end."""
    frame = page.getvalue().rpartition("\x1b[2K")[2]
    return re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", frame).split("\n")[:-1]


def show(*, waits: str, width: int = 160, done: bool = True) -> list[str]:
    """Return the last lines over three prompts, when a run is interrupted at the first or second.

    They are the bar, and what is waited for.
    """
    page = StringIO()
    with suppress(KeyboardInterrupt), RunReport(terminal(page, width)) as report:
        report.title("spring")
        report.begin(3)
        if done:
            report.advance(FAILED)
        report.wait("waiting for the service [1]")
        report.wait(waits)
        raise KeyboardInterrupt
    return last_frame(page)


def test_while_a_run_waits_it_says_for_what_and_no_time_left() -> None:
    bar, reason = show(waits=AWAY)

    assert bar.rstrip().endswith("1/3 1 failed, 0.00 USD")
    assert reason.rstrip() == AWAY


def test_what_is_waited_for_is_whole_on_a_narrow_terminal() -> None:
    long = (
        "nothing more is bought: 6 of the last 10 jobs failed (succeeded without an image); one at "
        "a time is tried, for 9 min more"
    )

    _, *reason = show(waits=long, width=80)

    assert " ".join(line.strip() for line in reason) == long
    assert all(len(line) <= 80 for line in reason)


def test_words_of_the_service_in_brackets_are_no_markup() -> None:
    assert show(waits="it failed ([bold]no[/bold])")[1].rstrip() == "it failed ([bold]no[/bold])"


def test_while_nothing_is_done_the_bar_does_not_say_that_there_is_nothing_to_do() -> None:
    bar, _ = show(waits=AWAY, done=False)

    assert "0/3 nothing yet" in bar
    assert "nothing to do" not in bar


def test_once_it_goes_on_the_bar_is_as_before() -> None:
    [bar] = show(waits="")

    assert "waiting" not in bar
    assert "--:--" in bar


def test_a_wait_before_the_first_batch_is_shown_too() -> None:
    page = StringIO()
    with suppress(KeyboardInterrupt), RunReport(terminal(page, 80)) as report:
        report.title("spring")
        report.wait("waiting for a place in Dagster's pool oxen")
        raise KeyboardInterrupt

    assert last_frame(page)[-1].rstrip() == "waiting for a place in Dagster's pool oxen"


def test_what_a_batch_waited_for_in_vain_is_gone_with_it() -> None:
    page = StringIO()
    with RunReport(terminal(page, 160)) as report:
        report.title("spring")
        report.begin(1)
        report.wait(AWAY)
        report.advance(FAILED)
        report.title("set of spring")

    assert not any("waiting" in line for line in last_frame(page))


def test_on_a_terminal_a_wait_is_not_told_a_second_time(caplog: pytest.LogCaptureFixture) -> None:
    show(waits=AWAY)

    assert not caplog.messages


def test_without_a_terminal_a_wait_is_told_when_it_begins(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with RunReport(Console(file=StringIO())) as report:
        report.title("spring")
        report.begin(3)
        report.wait("")
        report.wait(AWAY)
        report.wait(AWAY.replace("42 s", "43 s"))
        told = list(caplog.messages)
        report.advance(FAILED)
        report.wait("")

    assert told == [AWAY]
    assert caplog.messages == [AWAY, "the wait is over"]
