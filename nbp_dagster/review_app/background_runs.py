"""Runs that make what was asked for, one after the other, each a process of its own."""

import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final, Literal

RunState = Literal["waiting", "running", "done", "failed"]

_LOOK_SECONDS: Final = 0.5
_TAIL_BYTES: Final = 4096


@dataclass(frozen=True)
class PromptRun:
    """How far another picture of a prompt is.

    Attributes:
        words: The last line that its run said; empty before.
    """

    prompt_key: str
    state: RunState
    words: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more happens."""
        return self.state in ("done", "failed")


class BackgroundRuns:
    """Makes prompts that are submitted, all that wait in one run; safe to use from threads.

    A process that is ended with this one goes on: what it bought is in the ledger, and what it had
    not made is made by the next run of any kind.

    Args:
        command: Returns the command line that makes some prompts.
    """

    def __init__(self, command: Callable[[Sequence[str]], Sequence[str]]) -> None:
        self._command = command
        self._rows: dict[str, PromptRun] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, prompt_key: str) -> None:
        """Have a prompt made, as soon as the run before is over."""
        with self._lock:
            self._rows[prompt_key] = PromptRun(prompt_key, "waiting")
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="nbp-ask", daemon=True)
                self._thread.start()

    def of_campaign(self, campaign: str) -> tuple[PromptRun, ...]:
        """Return the prompts of a campaign that were submitted, the first ones first."""
        with self._lock:
            return tuple(
                row for key, row in self._rows.items() if key.partition("/")[0] == campaign
            )

    def _work(self) -> None:
        while keys := self._take():
            try:
                code, words = self._run(keys)
            except OSError as error:
                code, words = 1, f"the run could not be started: {error.strerror}"
            for key in keys:
                self._note(key, "failed" if code else "done", words)

    def _take(self) -> list[str]:
        """Return the prompts that wait; the thread ends where there is none."""
        with self._lock:
            keys = [key for key, row in self._rows.items() if row.state == "waiting"]
            for key in keys:
                self._rows[key] = PromptRun(key, "running")
            if not keys:
                self._thread = None
            return keys

    def _run(self, keys: Sequence[str]) -> tuple[int, str]:
        """Run the command to its end; return its status and the last line it said."""
        # A file, not a pipe: whoever writes to a pipe that nobody reads any more is ended by it.
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                self._command(keys),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C at the page must not stop a POST that is being sent.
                start_new_session=True,
            )
            code = None
            while code is None:
                with suppress(subprocess.TimeoutExpired):
                    code = process.wait(_LOOK_SECONDS)
                words = _last_line(output.fileno())
                for key in keys:
                    self._note(key, "running", words)
            return code, words

    def _note(self, key: str, state: RunState, words: str) -> None:
        with self._lock:
            row = self._rows[key]
            # Asked for once more meanwhile: that one waits.
            if row.state != "waiting":
                self._rows[key] = replace(row, state=state, words=words[:300])


def _last_line(file: int) -> str:
    """Return the last line of a file that another process writes, without moving its position."""
    size = os.fstat(file).st_size
    tail = os.pread(file, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")
    lines = [line.strip() for line in tail.splitlines() if line.strip()]
    return lines[-1] if lines else ""
