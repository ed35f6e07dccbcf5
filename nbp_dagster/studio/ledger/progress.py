"""Telling somebody how a run goes, one outcome at a time; shows nothing itself."""

from typing import Protocol

from nbp_dagster.studio.ledger.orders import Outcome


class Progress(Protocol):
    """Whoever wants to know: the command line's bar, or nobody."""

    def begin(self, total: int) -> None:
        """A batch of `total` orders starts."""
        ...

    def advance(self, outcome: Outcome) -> None:
        """One order came to its outcome, and its pictures are recorded."""
        ...


class Silence:
    """Nobody listens."""

    def begin(self, total: int) -> None:
        """Hear nothing."""

    def advance(self, outcome: Outcome) -> None:
        """Hear nothing."""
