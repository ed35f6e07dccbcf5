"""How a long step tells of itself in the UI: a line now and then, and a tag on the run."""

import time

import dagster as dg

from nbp_dagster.studio.ledger.orders import Tally

PROGRESS_TAG = "nbp/progress"
# Between two lines: an event costs milliseconds, and nobody reads faster.
_SECONDS = 10.0


class BatchLog:
    """Logs counts, speed and what is left, one line every ten seconds, not one an image.

    The same counts stand in the run's tag `nbp/progress`, which the list of runs shows.
    """

    def __init__(self, context: dg.AssetExecutionContext, *, total: int) -> None:
        self._context = context
        self._total = total
        self._began = self._spoke = time.monotonic()

    def advance(self, tally: Tally) -> None:
        """Hear of one more outcome; say so if it is time."""
        now = time.monotonic()
        if now - self._spoke >= _SECONDS:
            self._spoke = now
            self._say(tally, self._forecast(tally, now - self._began))

    def close(self, tally: Tally) -> None:
        """Say what it all came to."""
        seconds = time.monotonic() - self._began
        self._say(tally, f"in {seconds:.0f} s")

    def _say(self, tally: Tally, more: str) -> None:
        text = f"{tally.total:,} of {self._total:,}"
        self._context.log.info("%s prompts done (%s), %s", text, tally.in_words(), more)
        self._context.instance.add_run_tags(self._context.run.run_id, {PROGRESS_TAG: text})

    def _forecast(self, tally: Tally, seconds: float) -> str:
        a_minute = 60 * tally.total / max(seconds, 0.001)
        left = (self._total - tally.total) / max(a_minute, 0.001)
        return f"{a_minute:.0f} a minute, about {left:.0f} min left"
