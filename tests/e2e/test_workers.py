"""Runs of a campaign on several machines: Celery workers, each with a home of its own.

PostgreSQL, Redis, the daemon and the workers are real processes, and real ones are killed. What is
held each time: every prompt is made, each is paid once, and the set is whole.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.dagster import PROMPT_ASSETS
from tests.rigs.network import Network, can_make_networks, make_network, to_path, to_port
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.processes import Shell, wait_for
from tests.rigs.redis import RedisServer
from tests.rigs.service import ServiceProbe
from tests.rigs.workers import BACKEND, Farm, Head

__all__ = ["postgres"]

NAMES = Names()
PROMPTS, PER_RUN = 24, 4
KEYS = [f"winter/room{number}/all/1x1/v1" for number in range(1, PROMPTS + 1)]
SETS = ("campaign_sets",)
SILENCE = 6.0


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceProbe]:
    with Shell(tmp_path / "service").simulator("--latency", "3", "--painter", "plain") as probe:
        yield probe


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    yield server
    server.stop()


@pytest.fixture
def farm(
    postgres: PostgresServer, redis: RedisServer, service: ServiceProbe, tmp_path: Path
) -> Iterator[Farm]:
    database = postgres.make_database()
    addresses = {"service": service.url, "redis": redis.url, "database": database}
    with ExitStack() as stack:
        network = stack.enter_context(make_network()) if can_make_networks() else None
        if network is not None:
            addresses = {
                "service": stack.enter_context(forwarded(network, service.url)),
                "redis": stack.enter_context(forwarded(network, redis.url)),
                "database": stack.enter_context(forwarded_database(network, postgres, database)),
            }
        settings = {
            "NBP_MODE": "live",
            "OXEN_API_KEY": "workers-key-93c1",
            "OXEN_BASE_URL": addresses["service"],
            "NBP_ALLOW_HTTP": "true",
            "NBP_LEDGER_URL": addresses["database"],
            "DAGSTER_POSTGRES_URL": addresses["database"],
            "NBP_SILENCE_SECONDS": str(SILENCE),
            "NBP_CHARACTER_SCORER": "off",
            "NBP_IN_FLIGHT": "2",
        }
        yield Farm(tmp_path, write, addresses["redis"], settings, network=network)


def write(folder: Path) -> None:
    """Write a campaign whose budget allows each prompt once, and no more."""
    shots = (
        shot(f"room{number}", scene=f"Tea in room {number}", characters=[])
        for number in range(1, PROMPTS + 1)
    )
    budget = round(PROMPTS * 0.15, 2)
    brief = campaign(*shots, id="winter", prompts_per_run=PER_RUN, budget_usd=budget)
    write_briefs(folder, brief)


@contextmanager
def forwarded(network: Network, url: str) -> Iterator[str]:
    """Have a service of loopback be at the box's address, and yield its URL there."""
    parts = urlsplit(url)
    assert parts.port is not None
    with network.forward(to_port(parts.port)) as port:
        yield f"{parts.scheme}://{network.address}:{port}"


@contextmanager
def forwarded_database(network: Network, server: PostgresServer, url: str) -> Iterator[str]:
    """The same of a database, whose server listens on a Unix socket alone."""
    with network.forward(to_path(str(server.folder / ".s.PGSQL.5432"))) as port:
        yield f"postgresql://nbp@{network.address}:{port}/{urlsplit(url).path.strip('/')}"


def wait_for_backfill(head: Head, backfill: str) -> None:
    def is_done() -> bool:
        found = head.instance.get_backfill(backfill)
        assert found is not None
        assert found.status.value not in ("FAILED", "COMPLETED_FAILED", "CANCELED"), found.error
        return found.status.value == "COMPLETED_SUCCESS"

    wait_for(is_done, what="end of the backfill", every=0.5)


def runs_at_work(head: Head) -> list[dg.DagsterRun]:
    return list(head.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])))


def statuses(head: Head, run_ids: set[str]) -> set[str]:
    """How some runs stand."""
    found = head.instance.get_runs(dg.RunsFilter(run_ids=list(run_ids)))
    return {run.status.value for run in found}


def failed_as_silent(head: Head, run_ids: set[str]) -> list[str]:
    """The runs that the sensor of silent runs has failed."""
    return [
        run_id
        for run_id in run_ids
        if any(
            "no sign of life from" in (entry.message or "")
            for entry in head.instance.all_logs(run_id, of_type=dg.DagsterEventType.RUN_FAILURE)
        )
    ]


def assert_all_made_once(head: Head, service: ServiceProbe) -> None:
    for asset in PROMPT_ASSETS:
        assert set(head.instance.get_materialized_partitions(dg.AssetKey(asset))) == set(KEYS)
    assert service.bills == len(KEYS)
    written = head.instance.fetch_materializations(NAMES.campaign_sets, limit=100).records
    assert len(written) == 1
    metadata = written[0].asset_materialization.metadata
    assert metadata["prompts_made"].value == len(KEYS)


def test_whatever_happens_to_workers_and_broker_every_prompt_is_made_and_paid_once(
    farm: Farm, service: ServiceProbe, redis: RedisServer
) -> None:
    with ExitStack() as stack:
        head = stack.enter_context(farm.dagster())
        north, east, _ = (
            stack.enter_context(farm.worker(name)) for name in ("north", "east", "south")
        )
        backfill = head.operator.backfill((*PROMPT_ASSETS, *SETS), KEYS)
        wait_for(lambda: len(runs_at_work(head)) == 3, what="runs on three workers")
        wait_for(lambda: service.bills >= 3, what="first pictures")
        began = {run.run_id for run in runs_at_work(head)}

        north.kill()
        east.cut_off()
        for run_id in began:
            # Two of them are worked on no more, one is.
            farm.deliver_again(head.instance, run_id)
        redis.restart()
        wait_for(lambda: len(failed_as_silent(head, began)) == 2, what="end of what is silent")
        east.reconnect()

        wait_for_backfill(head, backfill)

    assert_all_made_once(head, service)


def test_runs_that_live_are_failed_for_a_lost_result_backend_and_nothing_is_paid_twice(
    farm: Farm, service: ServiceProbe, redis: RedisServer
) -> None:
    with ExitStack() as stack:
        head = stack.enter_context(farm.dagster())
        for name in ("north", "south"):
            stack.enter_context(farm.worker(name))
        backfill = head.operator.backfill((*PROMPT_ASSETS, *SETS), KEYS)
        wait_for(lambda: len(runs_at_work(head)) >= 2, what="runs on both workers")
        wait_for(lambda: service.bills >= 2, what="first pictures")
        began = {run.run_id for run in runs_at_work(head)}

        redis.flush(BACKEND)
        wait_for(lambda: statuses(head, began) & {"FAILURE"}, what="a living run that is failed")

        wait_for_backfill(head, backfill)

    assert_all_made_once(head, service)
