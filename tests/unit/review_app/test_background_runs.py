"""Runs in the background: one after the other, with the last line each said."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from nbp_dagster.review_app.background_runs import BackgroundRuns, PromptRun
from tests.rigs.processes import wait_for

KEY, OTHER = "winter/a/en/1x1/v1", "winter/b/en/1x1/v1"


def script(text: str) -> Callable[[Sequence[str]], list[str]]:
    return lambda keys: [sys.executable, "-c", text, *keys]


def finished(runs: BackgroundRuns) -> tuple[PromptRun, ...]:
    wait_for(lambda: all(row.is_over for row in runs.of_campaign("winter")), what="end of the runs")
    return runs.of_campaign("winter")


def test_a_run_ends_with_the_last_line_it_said() -> None:
    runs = BackgroundRuns(script("import sys; print('one made'); print(sys.argv[1]); print()"))

    runs.submit(KEY)

    assert finished(runs) == (PromptRun(KEY, "done", KEY),)
    assert runs.of_campaign("summer") == ()


def test_a_run_that_fails_says_why() -> None:
    runs = BackgroundRuns(script("import sys; sys.exit('over budget: raise it')"))

    runs.submit(KEY)

    assert finished(runs) == (PromptRun(KEY, "failed", "over budget: raise it"),)


def test_a_command_that_is_not_there_fails_and_the_next_one_is_tried(tmp_path: Path) -> None:
    runs = BackgroundRuns(lambda keys: [str(tmp_path / "nothing")])
    runs.submit(KEY)
    (row,) = finished(runs)
    assert (row.state, row.words) == (
        "failed",
        "the run could not be started: No such file or directory",
    )

    runs.submit(KEY)

    assert finished(runs)[0].state == "failed"


def test_what_is_submitted_meanwhile_is_made_in_one_run_after_it(tmp_path: Path) -> None:
    gate, log = tmp_path / "gate", tmp_path / "log"
    text = (
        "import sys, pathlib, time\n"
        f"with open({str(log)!r}, 'a') as log: print(*sys.argv[1:], file=log)\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.02)\n"
    )
    runs = BackgroundRuns(script(text))
    runs.submit(KEY)
    wait_for(log.exists, what="first run")
    for key in (KEY, OTHER):
        runs.submit(key)
    assert [row.state for row in runs.of_campaign("winter")] == ["waiting", "waiting"]

    gate.touch()

    assert {row.state for row in finished(runs)} == {"done"}
    assert log.read_text().splitlines() == [KEY, f"{KEY} {OTHER}"]
