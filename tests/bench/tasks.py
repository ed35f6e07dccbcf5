"""What runs in a process of its own: `python -m tests.bench.tasks NAME ...`; answers in JSON."""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench import rivals

# Times one picture is decoded to learn what decoding costs.
_DECODINGS = 30


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


def make(*phases: str) -> Any:
    """Buy every prompt of the briefs without Dagster; then, where asked, `render` and write `set`s.

    Returns seconds and CPU seconds by phase, and the CPU seconds of decoding one original.
    """
    from nbp_dagster.project import open_studio
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.decode import decode_image
    from nbp_dagster.studio.outcomes import Generated

    watch = Stopwatch()
    with open_studio(read_settings()) as studio:
        with watch.phase("compile"):
            orders = studio.compile(studio.prompts).orders
        with watch.phase("make"):
            outcomes = list(studio.make(orders.values(), run_id="bench"))
        made = [outcome for outcome in outcomes if isinstance(outcome, Generated)]
        if len(made) != len(orders):
            odd = next(item for item in outcomes if not isinstance(item, Generated))
            raise SystemExit(f"{len(made)} of {len(orders)} were made; {odd}")
        original = studio.store.get(made[0].image.sha256)
        with watch.phase("decode"):
            for _ in range(_DECODINGS):
                decode_image(original, what="an original")
        if "render" in phases:
            prompts = {prompt.key: prompt for prompt in studio.prompts}
            with watch.phase("render"):
                for outcome in made:
                    studio.render(prompts[outcome.key], orders[outcome.key], outcome)
        if "set" in phases:
            with watch.phase("set"):
                for campaign in studio.briefs.campaigns:
                    studio.write_set(campaign)
    watch.phases["decode"] = {
        name: value / _DECODINGS for name, value in watch.phases["decode"].items()
    }
    return {"prompts": len(orders), **watch.phases}


def list_recorded() -> Any:
    """Return when Dagster recorded the pictures of each generation: [generation id, seconds]."""
    from nbp_dagster.assets.names import Names
    from nbp_dagster.project import open_instance, open_studio
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
    from dagster._core.remote_representation.external_data import RepositorySnap
    from dagster._serdes import serialize_value

    snapshot = RepositorySnap.from_def(definitions.get_repository_def())
    return {"bytes": len(serialize_value(snapshot))}


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
