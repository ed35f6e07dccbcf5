"""How long Dagster needs to load the code location, beside one of the same size without us."""

from tests.bench.figures import Figure, at_most
from tests.bench.report import Report
from tests.rigs.measuring import Rig

_ROUNDS = 3
_GOAL_SECONDS = 2.0


def measure_loading(report: Report) -> None:
    """Print the seconds of a process that loads the definitions and serialises them."""
    figures = []
    for prompts in report.scale.loads:
        rig = report.rig()
        rig.write(prompts)
        settings = {"NBP_HOME": str(rig.shell.home), "NBP_CONFIG": str(rig.shell.briefs)}
        ours = _best(rig, "load_ours", settings=settings)
        bare = _best(rig, "load_bare", str(prompts), settings=settings)
        more = at_most(f"{prompts:,}: more", ours - bare, _GOAL_SECONDS, form="{:.2f} s")
        figures += [
            Figure(f"{prompts:,} prompts: ours", f"{ours:.2f} s"),
            Figure(f"{prompts:,} partitions: bare Dagster", f"{bare:.2f} s"),
            more,
        ]
    report.show("loading the definitions, a process each", figures)


def _best(rig: Rig, *words: str, settings: dict[str, str]) -> float:
    return min(rig.work(*words, settings=settings).seconds for _ in range(_ROUNDS))
