"""Looks at all parts of an installation, in the order in which they need each other."""

from collections.abc import Callable, Iterator
from functools import partial

from nbp_dagster.cli.doctor.finding import Finding
from nbp_dagster.cli.doctor.machine import MACHINE
from nbp_dagster.cli.doctor.parts import look_at
from nbp_dagster.cli.doctor.service import look_at_service
from nbp_dagster.cli.doctor.state import look_at_briefs, look_at_dagster, look_at_ledger
from nbp_dagster.cli.doctor.store import look_at_store
from nbp_dagster.settings import Settings


def look_at_installation(settings: Settings) -> Iterator[Finding]:
    """Yield what is found of each part, as it is found; none waits for another for long."""
    for part, look in MACHINE.items():
        yield from look_at(part, partial(_list_one, look, settings))
    models: list[str] = []
    yield from look_at("briefs", partial(look_at_briefs, settings, models))
    ledger = []
    for each in look_at("ledger", partial(look_at_ledger, settings)):
        ledger.append(each)
        yield each
    yield from look_at("dagster", partial(look_at_dagster, settings))
    # Else the store would wait for the same database.
    has_ledger = not any(each.verdict == "fault" for each in ledger if each.part == "ledger")
    yield from look_at("store", partial(look_at_store, settings, has_ledger=has_ledger))
    yield from look_at("service", partial(look_at_service, settings, models))


def _list_one(look: Callable[[Settings], Finding], settings: Settings) -> tuple[Finding]:
    return (look(settings),)
