"""The catalogue of deaths: every step of the protocol, alone and with another run beside it."""

import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.studio.purchasing.failpoints import FAILPOINTS, FailpointName
from tests.crash.harness import (
    KILLED,
    ORDERS,
    Death,
    Mismatch,
    Service,
    Site,
    audit,
    draw_moments,
    measure,
    recover,
    run_and_kill,
    run_to_death,
)

# Pairs of steps at which two runs that go on at the same time die.
PAIRS: tuple[tuple[FailpointName, FailpointName], ...] = (
    ("claimed", "posted"),
    ("posted", "posted"),
    ("enqueued", "claiming"),
    ("downloaded", "claimed"),
    ("kept", "settled"),
)
# Long enough for another run to look at a claim several times before its job is there.
SLOW_POSTS = {"kind": "slow", "method": "POST", "path": "/queue", "seconds": 0.4}
# Times a trial is repeated whose kill came too late to hit a run that was going on.
MAX_MISSES = 20

NewLedger = Callable[[], str | None]


@dataclass
class Bench:
    """Makes a fresh site for every trial: a new home, a new ledger, a service without memory.

    Attributes:
        new_ledger: Makes an empty ledger and returns its URL; None for SQLite in the home folder.
        together: Whether orders are companions, three in a call.
        correcting: Whether each picture is asked for again, because it fails a check.
        asking: Whether each picture is asked for again, because a person wants another.
        editing: Whether each picture is edited, as its brief says.
    """

    service: Service
    new_ledger: NewLedger = lambda: None
    together: bool = False
    correcting: bool = False
    asking: bool = False
    editing: bool = False

    @contextmanager
    def site(self) -> Iterator[Site]:
        """Lend a site; its home is removed afterwards."""
        self.service.reset()
        home = Path(tempfile.mkdtemp(prefix="nbp-crash-"))
        try:
            yield Site(
                self.service,
                home,
                ledger_url=self.new_ledger(),
                together=self.together,
                orders=2 if self.correcting or self.asking or self.editing else ORDERS,
                correcting=self.correcting,
                asking=self.asking,
                editing=self.editing,
            )
        finally:
            shutil.rmtree(home)

    def measure(self) -> float:
        """Return the seconds of a run that nothing disturbs."""
        with self.site() as site:
            seconds = measure(site)
            audit(site)
            return seconds


def die_alone(bench: Bench, death: Death) -> None:
    """Kill one run at a step, then recover.

    Raises:
        Mismatch: The step was not reached, or something was lost or paid twice.
    """
    with bench.site() as site:
        _leave_something(site, death)
        [ending] = run_to_death(site, death)
        if ending.status != KILLED:
            raise Mismatch(f"the run never came to {death}: {ending}")
        recover(site)


def die_beside_another(bench: Bench, death: Death, other: Death | None) -> None:
    """Kill one of two runs that go on at the same time, or both, then recover.

    A run whose orders the other was quicker to make may never reach its step: such a trial is
    audited all the same, and repeated until the kills happen.

    Raises:
        Mismatch: The kills never happened, or something was lost or paid twice.
    """
    for _ in range(MAX_MISSES):
        with bench.site() as site:
            _leave_something(site, death)
            first, second = run_to_death(site, death, other)
            recover(site)
        if other is None and second.status != 0:
            raise Mismatch(f"the run that was let live did not end well: {second}")
        if first.status == KILLED and (other is None or second.status == KILLED):
            return
    raise Mismatch(f"{MAX_MISSES} times not both runs died")


def live_together(bench: Bench) -> None:
    """Let two runs want the same orders while each POST takes long: both live, and none buys twice.

    Raises:
        Mismatch: A run did not end well, or bought what the other one was about to have.
    """
    with bench.site() as site:
        site.service.probe.script(SLOW_POSTS)
        for ending in run_to_death(site, None, None):
            if ending.status != 0:
                raise Mismatch(f"an undisturbed run broke: {ending}")
        audit(site)


def die_any_time(bench: Bench, dice: random.Random, *, workers: int, span: float) -> list[float]:
    """Kill runs at random moments, then recover.

    Args:
        bench: Where.
        dice: What draws the moments.
        workers: Runs at the same time, each killed at a moment of its own.
        span: Seconds that a whole run takes; a kill that comes too late is drawn again, earlier.

    Returns:
        The moments at which the kills hit.

    Raises:
        Mismatch: No kill hit, or something was lost or paid twice.
    """
    for miss in range(MAX_MISSES):
        moments = draw_moments(dice, workers=workers, span=span * 0.8**miss)
        with bench.site() as site:
            endings = run_and_kill(site, moments)
            recover(site)
        if all(ending.status == KILLED for ending in endings):
            return moments
    raise Mismatch(f"{MAX_MISSES} times the runs were over before they were killed")


def single_deaths() -> list[Death]:
    """Every step, at its first and its second time."""
    return [Death(step, occurrence) for step in FAILPOINTS for occurrence in (1, 2)]


def _leave_something(site: Site, death: Death) -> None:
    """Let an earlier run die with jobs at the service, where the step is to take them over."""
    if death.step == "taken_over":
        run_to_death(site, Death("enqueued", 3))
