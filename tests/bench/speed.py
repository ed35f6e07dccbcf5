"""Seconds of a large order, beside what the service alone needs and what others take."""

import time

from nbp_dagster.studio.imaging.places import can_find_places
from tests.bench.figures import Figure, at_most, extrapolate, floor_seconds, percentile
from tests.bench.report import Report
from tests.rigs.measuring import CommandFailed, Rig, Spent

SLOTS = 50
_ASSETS = "image_requests,generated_images,channel_images"


def measure_speed(report: Report) -> None:
    """Print two tables: seconds of ours and of others, and how soon a finished job is recorded."""
    scale = report.scale
    floor = floor_seconds(scale.prompts, slots=SLOTS, latency=scale.latency)
    title = f"{scale.prompts:,} prompts of {scale.latency:g} s on {SLOTS} slots"
    whole, lags = _run_whole(report)
    engine = _run_engine(report)
    rivals = {
        "page's pattern, a pool of 50": _run_pool(report),
        f"serial sync loop, from {scale.sample}": _run_serial(report),
        f"one Dagster run a prompt, from {scale.sample}": _run_one_by_one(report),
    }
    figures = [
        Figure("floor of the service", f"{floor:.1f} s"),
        Figure("whole command", f"{whole.seconds:.1f} s"),
        at_most("whole command / floor", whole.seconds / floor, 1.10),
        Figure("engine alone", f"{engine:.1f} s"),
        at_most("engine alone / floor", engine / floor, 1.02),
    ]
    for name, seconds in rivals.items():
        times = f"{seconds:,.1f} s, {seconds / floor:.2f} of the floor"
        figures.append(Figure(name, times, "slower than ours", seconds > whole.seconds))
    figures += [
        Figure("whole command, CPU a prompt", f"{1000 * whole.cpu_seconds / scale.prompts:.1f} ms"),
        Figure("whole command, peak memory", f"{whole.peak_bytes / 1e6:.0f} MB"),
    ]
    report.show(title, [*figures, *_with_places(report)])
    _, apart = _run_whole(report, in_step=False)
    report.show(
        "from done at the service to recorded in Dagster",
        [*_lag("jobs end together", lags), *_lag("jobs end one by one", apart)],
    )


def _with_places(report: Report) -> list[Figure]:
    """What finding heads and subjects costs, over as few prompts as a slow rival is measured with.

    The difference of two orders, so that Python's start is not in it.
    """
    if not can_find_places():
        return []
    cpu = {}
    for when in ("off", "auto"):
        rig, prompts = report.rig(), 5 * report.scale.sample
        rig.write(prompts)
        with rig.service(latency=0.05, slots=SLOTS) as (service, settings):
            spent = rig.nbp("run", "--yes", settings={**settings, "NBP_PLACES": when})
            report.audit(f"nbp run, places {when}", service, wanted=prompts)
        cpu[when] = 1000 * spent.cpu_seconds / prompts
    more = f"{cpu['auto'] - cpu['off']:.0f} ms"
    return [Figure("finding heads and subject, CPU a prompt more", more)]


def _lag(name: str, lags: list[float]) -> list[Figure]:
    return [
        Figure(f"{name}: pictures", f"{len(lags):,}"),
        Figure(f"{name}: p50", f"{1000 * percentile(lags, 0.5):.0f} ms"),
        at_most(f"{name}: p95", 1000 * percentile(lags, 0.95), 250, form="{:.0f} ms"),
    ]


def _spread(latency: float) -> list[dict[str, object]]:
    """Latencies around the same mean: a quarter of the jobs each 0.7, 0.9, 1.1 and 1.3 of it."""
    shares = ((0.25, 0.7), (1 / 3, 0.9), (0.5, 1.1), (1.0, 1.3))
    return [
        {
            "kind": "slow_job",
            "probability": chance,
            "seconds": share * latency,
            "seed": number,
        }
        for number, (chance, share) in enumerate(shares)
    ]


def _run_whole(report: Report, *, in_step: bool = True) -> tuple[Spent, list[float]]:
    """Run the whole command; where not `in_step`, at latencies that differ from job to job."""
    scale = report.scale
    rig = report.rig()
    rig.write(scale.prompts)
    with rig.service(latency=scale.latency, slots=SLOTS) as (service, settings):
        if not in_step:
            service.script(*_spread(scale.latency))
        spent = rig.nbp("run", "--yes", settings=settings)
        report.audit("nbp run", service, wanted=scale.prompts)
        recorded = dict(rig.work("recorded", settings=settings).answer)
        completed = service.completions
    return spent, [moment - completed[job] for job, moment in recorded.items()]


def _run_engine(report: Report) -> float:
    scale = report.scale
    rig = report.rig()
    rig.write(scale.prompts)
    with rig.service(latency=scale.latency, slots=SLOTS) as (service, settings):
        answer = rig.work("make", settings=settings).answer
        report.audit("engine alone", service, wanted=scale.prompts)
    return float(answer["make"]["seconds"])


def _run_pool(report: Report) -> float:
    scale = report.scale
    words = (str(scale.prompts), str(SLOTS))
    rig = report.rig()
    with rig.service(latency=scale.latency, slots=SLOTS) as (service, _):
        return float(rig.work("pool", service.url, *words).answer["seconds"])


def _run_serial(report: Report) -> float:
    scale = report.scale
    rig = report.rig()
    with rig.service(latency=scale.latency, slots=SLOTS) as (service, _):
        seconds = rig.work("serial", service.url, str(scale.sample)).answer["seconds"]
    return extrapolate(seconds, sample=scale.sample, total=scale.prompts)


def _run_one_by_one(report: Report) -> float:
    """Our own assets, a `dagster asset materialize` for each prompt."""
    scale = report.scale
    rig = report.rig()
    rig.write(scale.sample)
    with rig.service(latency=scale.latency, slots=SLOTS) as (service, settings):
        began = time.monotonic()
        for key in rig.keys:
            _materialize(rig, key, settings)
        seconds = time.monotonic() - began
        report.audit("one Dagster run a prompt", service, wanted=scale.sample)
    return extrapolate(seconds, sample=scale.sample, total=scale.prompts)


def _materialize(rig: Rig, key: str, settings: dict[str, str]) -> None:
    words = ["asset", "materialize", "-m", "definitions", "--select", _ASSETS, "--partition", key]
    (rig.shell.home / "dagster").mkdir(parents=True, exist_ok=True)
    done = rig.shell.dagster(*words, **settings)
    if done.returncode != 0:
        raise CommandFailed(f"dagster asset materialize {key}: {done.stdout}{done.stderr}")
