"""The progress bar of `nbp run`."""

import re
from io import StringIO

from rich.console import Console

from nbp_dagster.cli.run_report import RunReport
from nbp_dagster.studio.ledger.orders import Failed


def show(*, waits: str) -> str:
    """Return the last line of a bar over three prompts, one of which has its outcome."""
    page = StringIO()
    console = Console(file=page, force_terminal=True, width=160, color_system=None)
    with RunReport(console) as report:
        report.title("spring")
        report.begin(3)
        report.advance(Failed("a/b/c/1x1/v1", "f" * 64, "no", "service"))
        report.wait("waiting for the service [1]")
        report.wait(waits)
    return re.sub(r"\x1b\[[0-9?]*[A-Za-z]", "", page.getvalue()).splitlines()[-1]


def test_while_a_run_waits_the_bar_says_for_what_and_no_time_left() -> None:
    line = show(waits="waiting for the service: connection refused for 42 s, gives up in 9 min")

    assert "1 failed, 0.00 USD, waiting for the service: connection refused for 42 s" in line
    assert line.rstrip().endswith("gives up in 9 min")


def test_once_it_goes_on_the_bar_is_as_before() -> None:
    line = show(waits="")

    assert "waiting" not in line
    assert "--:--" in line
