"""What prompts ask of a store that machines share, and what their records weigh in the ledger."""

from collections import Counter

import psycopg

from tests.bench.figures import Figure
from tests.bench.report import Report
from tests.rigs.farm import BUCKET
from tests.rigs.measuring import CAMPAIGN
from tests.rigs.postgres import serve_postgres
from tests.rigs.s3 import count_requests, serve_s3, variables_of

_SLOTS = 64
_KINDS = ("PUT", "GET", "LIST", "HEAD", "POST", "DELETE")


def measure_store(report: Report, sizes: tuple[int, ...]) -> None:
    """Print the requests of runs over so many prompts, and of a machine that has none of them."""
    for prompts in sizes:
        _measure(report, prompts)


def _measure(report: Report, prompts: int) -> None:
    rig = report.rig()
    rig.write(prompts)
    log = rig.folder / "s3.log"
    with (
        serve_postgres() as postgres,
        serve_s3(BUCKET, log=log) as address,
        rig.service(latency=0, slots=_SLOTS) as (service, settings),
    ):
        url = postgres.make_database()
        settings |= {
            **variables_of(address),
            "NBP_STORE_URL": f"s3://{BUCKET}/nbp",
            "NBP_LEDGER_URL": url,
        }
        figures: list[Figure] = []
        before: Counter[str] = Counter()
        for what, home, words in (
            ("a run that makes all", "first", ("run", "--yes")),
            ("one that finds nothing due", "first", ("run", "--yes")),
            ("a machine that has none of the pictures", "second", ("export", CAMPAIGN)),
        ):
            rig.nbp(*words, settings={**settings, "NBP_HOME": str(rig.folder / home)})
            after = count_requests(log, BUCKET)
            asked = after - before
            told = ", ".join(f"{asked[kind]} {kind}" for kind in _KINDS if asked[kind])
            figures.append(Figure(f"requests of {what}", told or "none"))
            before = after
        report.audit("store", service, wanted=prompts)
        figures.append(Figure("records, kB a prompt", f"{_records(url) / 1e3 / prompts:.1f}"))
    report.show(f"{prompts:,} prompts, instant generations, S3 server of its own", figures)


def _records(url: str) -> int:
    """What the ledger's documents take with their indexes, in bytes."""
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_total_relation_size('shared_documents')").fetchone()
    assert row is not None
    return int(row[0])
