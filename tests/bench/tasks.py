"""What runs in a process of its own: `python -m tests.bench.tasks NAME ...`; answers in JSON."""

import json
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any, TypeVar

from tests.bench import rivals

T = TypeVar("T")


class Stopwatch:
    """Seconds, and CPU seconds of this process, by the name of what took them."""

    def __init__(self) -> None:
        self.phases: dict[str, dict[str, float]] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Measure what happens inside."""
        began, cpu = time.monotonic(), _cpu_seconds()
        try:
            yield
        finally:
            self.phases[name] = {
                "seconds": time.monotonic() - began,
                "cpu": _cpu_seconds() - cpu,
            }

    def timed(self, name: str, work: Callable[..., T]) -> Callable[..., T]:
        """Return work whose share of what happens, in whichever threads, is measured."""
        share = self.phases.setdefault(name, {"seconds": 0.0, "cpu": 0.0})
        lock = threading.Lock()

        def measured(*args: Any, **options: Any) -> T:
            began, cpu = time.monotonic(), time.thread_time()
            try:
                return work(*args, **options)
            finally:
                seconds, cpu = time.monotonic() - began, time.thread_time() - cpu
                with lock:
                    share["seconds"] += seconds
                    share["cpu"] += cpu

        return measured


def make(*phases: str) -> Any:
    """Buy every prompt of the briefs without Dagster; then, where asked, `render` and write `set`s.

    Returns seconds and CPU seconds by phase; `decode` is the part of `make` that decodes. With
    them, the CPU seconds that each thousand of the prompts took, without decoding.
    """
    from nbp_dagster.cli.openings import open_studio
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.campaign_set import write_campaign_set
    from nbp_dagster.studio.ledger.orders import Generated
    from nbp_dagster.studio.purchasing import collector as delivery

    watch = Stopwatch()
    # Where it happens, and not by itself: beside other work on the same core it takes longer.
    delivery.decode_image = watch.timed("decode", delivery.decode_image)
    with open_studio(read_settings()) as studio:
        with watch.phase("compile"):
            orders = studio.compile(studio.prompts).orders
        outcomes, marks = [], [_cpu_seconds()]
        with watch.phase("make"):
            for outcome in studio.make(orders.values(), run_id="bench"):
                outcomes.append(outcome)
                if len(outcomes) % 1000 == 0:
                    marks.append(_cpu_seconds() - watch.phases["decode"]["cpu"])
        made = [outcome for outcome in outcomes if isinstance(outcome, Generated)]
        if len(made) != len(orders):
            odd = next(item for item in outcomes if not isinstance(item, Generated))
            raise SystemExit(f"{len(made)} of {len(orders)} were made; {odd}")
        if "render" in phases:
            prompts = {prompt.key: prompt for prompt in studio.prompts}
            with watch.phase("render"):
                for outcome in made:
                    studio.render(prompts[outcome.key], orders[outcome.key], outcome)
        if "set" in phases:
            with watch.phase("set"):
                for campaign in studio.briefs.campaigns:
                    write_campaign_set(studio, campaign)
    thousands = [after - before for before, after in pairwise(marks)]
    return {"prompts": len(orders), "thousands": thousands, **watch.phases}


def list_recorded() -> Any:
    """Return when Dagster recorded the pictures of each generation: [generation id, seconds]."""
    from nbp_dagster.assets.names import Names
    from nbp_dagster.cli.openings import open_studio
    from nbp_dagster.project import open_instance
    from nbp_dagster.settings import read_settings

    settings = read_settings()
    recorded: dict[str, float] = {}
    with open_instance(settings.dagster_folder) as instance:
        cursor, more = None, True
        while more:
            page = instance.fetch_materializations(
                Names().channel_images, limit=1000, cursor=cursor, ascending=True
            )
            recorded.update(
                (record.partition_key or "", record.timestamp) for record in page.records
            )
            cursor, more = page.cursor, page.has_more
    with open_studio(settings) as studio:
        purchases = studio.ledger.latest_for(recorded, provider=studio.provider)
    return [[purchases[key].generation_id, moment] for key, moment in recorded.items()]


def finish() -> Any:
    """Leave the state of a finished run behind; see `finished`."""
    from tests.bench.finished import finish_everything

    return {"prompts": finish_everything().prompts}


def load_ours() -> Any:
    """Load the code location over the briefs, as far as Dagster's server does."""
    from nbp_dagster.project import build_definitions

    return _snap(build_definitions())


def load_bare(prompts: str) -> Any:
    """Load seven bare assets, three of them with as many static partitions."""
    import dagster as dg

    keys = [f"winter/s{number}/all/1x1/v1" for number in range(int(prompts))]
    partitions = dg.StaticPartitionsDefinition(keys)
    one = dg.StaticPartitionsDefinition(["winter"])

    @dg.multi_asset(
        specs=[dg.AssetSpec(f"prompt_{n}", partitions_def=partitions) for n in range(3)],
        can_subset=True,
    )
    def by_prompt() -> Iterator[Any]:
        yield from ()

    @dg.multi_asset(specs=[dg.AssetSpec(f"other_{n}", partitions_def=one) for n in range(4)])
    def others() -> Iterator[Any]:
        yield from ()

    return _snap(dg.Definitions(assets=[by_prompt, others]))


def _snap(definitions: Any) -> Any:
    import dagster as dg

    from tests.rigs.dagster_private import RepositorySnap

    snapshot = RepositorySnap.from_def(definitions.get_repository_def())
    return {"bytes": len(dg.serialize_value(snapshot))}


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


TASKS: dict[str, Callable[..., Any]] = {
    "make": make,
    "recorded": list_recorded,
    "finish": finish,
    "load_ours": load_ours,
    "load_bare": load_bare,
    "pool": rivals.make_in_pool,
    "serial": rivals.make_one_by_one,
}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])) + "\n")
