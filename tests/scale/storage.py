"""What prompts leave behind in PostgreSQL and on disk, and what they ask of the service."""

import re
from collections import Counter
from pathlib import Path

import psycopg

from tests.bench.figures import Figure
from tests.bench.report import Report
from tests.rigs.measuring import Rig
from tests.rigs.postgres import (
    PostgresServer,
    serve_postgres,
    write_dagster_settings,
)
from tests.rigs.service import ServiceProbe

_SLOTS = 64
# Names in a path that differ with each picture or job.
_IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27,}|[0-9a-f]{32,}|\d{3,}")


def measure_storage(report: Report, sizes: tuple[int, ...]) -> None:
    """Print what a run over so many prompts leaves on PostgreSQL, and a second over the same."""
    for prompts in sizes:
        with serve_postgres() as postgres:
            _measure(report, postgres, prompts)


def _measure(report: Report, postgres: PostgresServer, prompts: int) -> None:
    rig = report.rig()
    rig.write(prompts)
    ledger, dagster = postgres.make_database(), postgres.make_database()
    write_dagster_settings(rig.shell.home / "dagster")
    with rig.service(latency=0, slots=_SLOTS) as (service, settings):
        settings |= {"NBP_LEDGER_URL": ledger, "DAGSTER_POSTGRES_URL": dagster}
        before = _size(ledger) + _size(dagster), _size(ledger), _size(dagster)
        first = rig.nbp("run", "--yes", settings=settings)
        after = _size(ledger), _size(dagster)
        again = rig.nbp("run", "--yes", settings=settings)
        last = _size(ledger), _size(dagster)
        report.audit("storage", service, wanted=prompts)
        thousands = prompts / 1000
        figures = [
            Figure("ledger, MB a thousand prompts", _mb((after[0] - before[1]) / thousands)),
            Figure("Dagster's storage, MB a thousand", _mb((after[1] - before[2]) / thousands)),
            Figure("the same, of a run that makes nothing", _mb((last[1] - after[1]) / thousands)),
            Figure("originals, renditions, MB a thousand", _folder(rig, "store", thousands)),
            Figure("set, MB a thousand", _folder(rig, "sets", thousands)),
            Figure("whole command", f"{first.seconds:.0f} s, {_rate(prompts, first.seconds)}"),
            Figure("the same, nothing to make", f"{again.seconds:.0f} s"),
            Figure("memory held at most", f"{first.peak_bytes / 1e6:.0f} MB"),
            *_requests(service, prompts),
            *(Figure(f"largest table: {name}", _mb(size)) for name, size in _tables(dagster)),
        ]
    report.show(f"{prompts:,} prompts, instant generations, PostgreSQL", figures)


def _requests(service: ServiceProbe, prompts: int) -> list[Figure]:
    """Requests a prompt by their method and path, the most frequent first."""
    counts: Counter[str] = Counter()
    for entry in service.requests("/api/"):
        counts[f"{entry['method']} {_IDS.sub('*', entry['path'])}"] += 1
    # What came once comes once however many prompts there are.
    often = [(name, count) for name, count in counts.most_common(6) if count > 1]
    return [Figure(f"{name}, a prompt", f"{count / prompts:.3f}") for name, count in often]


def _tables(url: str) -> list[tuple[str, int]]:
    """The three largest tables with their indexes, in bytes."""
    with psycopg.connect(url) as connection:
        return connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class"
            " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " ORDER BY 2 DESC LIMIT 3"
        ).fetchall()


def _size(url: str) -> int:
    """What a database takes, in bytes."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    assert row is not None
    return int(row[0])


def _folder(rig: Rig, name: str, thousands: float) -> str:
    root: Path = rig.shell.home / name
    size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file())
    return _mb(size / thousands)


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f} MB"


def _rate(prompts: int, seconds: float) -> str:
    return f"{prompts / seconds:.1f} prompts a second"
