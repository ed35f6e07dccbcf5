"""All servers that machines share, each a real process, and a campaign for them to make."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg

from nbp_dagster.assets.names import Names
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.dagster import PROMPT_ASSETS
from tests.rigs.network import Network, can_make_networks, make_network, to_path, to_port
from tests.rigs.postgres import PostgresServer
from tests.rigs.processes import Shell, wait_for
from tests.rigs.redis import RedisServer
from tests.rigs.s3 import serve_s3
from tests.rigs.service import ServiceProbe
from tests.rigs.workers import Farm, Head
from tests.rigs.written_sets import read_written_set

NAMES = Names()
BUCKET = "pictures"
_PRICE = 0.15


@dataclass(frozen=True)
class Work:
    """What is to be made, and how quickly it can be bought.

    Attributes:
        prompts: Prompts of the campaign, whose budget allows each once and no more.
        per_run: Prompts of one run.
        latency: Seconds a job takes at the service.
        slots: Runs at one time.
        settings: Further settings of all machines.
        lettered: Whether the model draws a headline, which is read on each picture.
        cores: What a worker has of this machine's cores; None for as many as there are.
    """

    prompts: int = 24
    per_run: int = 4
    latency: float = 3.0
    slots: int = 3
    settings: tuple[tuple[str, str], ...] = ()
    lettered: bool = False
    cores: float | None = None

    @property
    def keys(self) -> list[str]:
        """Every prompt."""
        locale = "en" if self.lettered else "all"
        numbers = range(1, self.prompts + 1)
        return [f"winter/room{number}/{locale}/1x1/v1" for number in numbers]

    def write(self, folder: Path) -> None:
        """Write its briefs."""
        numbers = range(1, self.prompts + 1)
        shots = [
            shot(f"room{number}", scene=f"Tea in room {number}", characters=[])
            for number in numbers
        ]
        if self.lettered:
            for each in shots:
                # One mapping each: YAML would write one that is shared as an alias.
                words = {"headline": {"en": "Slow mornings win"}}
                each.update({"text": "drawn", "copy": words})
        budget = round(self.prompts * _PRICE, 2)
        brief = campaign(*shots, id="winter", prompts_per_run=self.per_run, budget_usd=budget)
        write_briefs(folder, brief)


@dataclass(frozen=True)
class Site:
    """The servers, and the work.

    Attributes:
        farm: Starts machines.
        service: Draws and bills.
        redis: Broker and result backend.
        work: What is to be made.
    """

    farm: Farm
    service: ServiceProbe
    redis: RedisServer
    work: Work

    def ask(self, head: Head) -> str:
        """Have all of it made, with its set, by one backfill; return the backfill."""
        return head.operator.backfill((*PROMPT_ASSETS, "campaign_sets"), self.work.keys)

    def wait(self, head: Head, backfill: str, *, seconds: float = 300.0) -> None:
        """Wait until the backfill has made all of it."""

        def is_done() -> bool:
            found = head.instance.get_backfill(backfill)
            assert found is not None
            words = (found.error, self.runs(head))
            assert found.status.value not in ("FAILED", "COMPLETED_FAILED", "CANCELED"), words
            return found.status.value == "COMPLETED_SUCCESS"

        wait_for(is_done, what="end of the backfill", seconds=seconds, every=0.5)

    def runs(self, head: Head) -> list[tuple[str, str]]:
        """How every run stands."""
        return [(run.run_id, run.status.value) for run in head.instance.get_runs()]

    def require_all_made_once(self, head: Head) -> None:
        """Make sure that every prompt is made, each is paid once, and one set is written, whole."""
        keys, instance = self.work.keys, head.instance
        for asset in PROMPT_ASSETS:
            assert set(instance.get_materialized_partitions(dg.AssetKey(asset))) == set(keys)
        assert self.service.bills == len(keys)
        written = instance.fetch_materializations(NAMES.campaign_sets, limit=100).records
        assert len(written) == 1
        made = written[0].asset_materialization
        assert made is not None
        assert made.metadata["prompts_made"].value == len(keys)
        assert made.metadata["without_picture"].value == "none"
        # On a machine that made none of it.
        elsewhere = self.farm.shell("elsewhere")
        done = elsewhere.nbp("export", "winter")
        assert done.returncode == 0, done.stdout + done.stderr
        manifest = read_written_set(elsewhere.home, "winter")
        assert manifest["missing"] == []
        assert len({picture["generation_id"] for picture in manifest["pictures"]}) == len(keys)


def at_work(head: Head, *, least: int) -> set[str]:
    """The runs that have begun and not ended; none while there are fewer than so many."""
    found = head.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    return {run.run_id for run in found} if len(found) >= least else set()


@contextmanager
def open_site(folder: Path, postgres: PostgresServer, work: Work) -> Iterator[Site]:
    """Start the servers: a service, Redis, S3, and a database of the PostgreSQL server."""
    options = ("--latency", str(work.latency), "--painter", "plain", "--slots", "1000")
    with ExitStack() as stack:
        service = stack.enter_context(Shell(folder / "service").simulator(*options))
        redis = RedisServer(folder / "redis")
        stack.callback(redis.stop)
        bucket, database = stack.enter_context(serve_s3(BUCKET)), postgres.make_database()
        network = stack.enter_context(make_network()) if can_make_networks() else None
        urls = {"service": service.url, "redis": redis.url, "s3": bucket, "database": database}
        if network is not None:
            urls = stack.enter_context(reachable(network, urls, postgres))
        settings = shared_settings(urls) | dict(work.settings)
        farm = Farm(
            folder,
            work.write,
            urls["redis"],
            settings,
            slots=work.slots,
            network=network,
            cores=work.cores,
        )
        yield Site(farm, service, redis, work)


@contextmanager
def reachable(
    network: Network, urls: dict[str, str], postgres: PostgresServer
) -> Iterator[dict[str, str]]:
    """Yield the addresses of servers as the machines of a network reach them."""
    with ExitStack() as stack:
        database = _forwarded_database(network, postgres, urls["database"])
        yield {
            name: stack.enter_context(database if name == "database" else _forwarded(network, url))
            for name, url in urls.items()
        }


def shared_settings(urls: dict[str, str]) -> dict[str, str]:
    """The environment of machines that share what lies behind the addresses."""
    return {
        "NBP_MODE": "live",
        "OXEN_API_KEY": "workers-key-93c1",
        "OXEN_BASE_URL": urls["service"],
        "NBP_ALLOW_HTTP": "true",
        "NBP_LEDGER_URL": urls["database"],
        "DAGSTER_POSTGRES_URL": urls["database"],
        "NBP_STORE_URL": f"s3://{BUCKET}/nbp",
        "AWS_ENDPOINT_URL": urls["s3"],
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "NBP_CHARACTER_SCORER": "off",
    }


@contextmanager
def _forwarded(network: Network, url: str) -> Iterator[str]:
    """Have a service of loopback be at the box's address, and yield its URL there."""
    parts = urlsplit(url)
    assert parts.port is not None
    with network.forward(to_port(parts.port)) as port:
        yield f"{parts.scheme}://{network.address}:{port}"


@contextmanager
def _forwarded_database(network: Network, server: PostgresServer, url: str) -> Iterator[str]:
    """The same of a database, whose server listens on a Unix socket alone."""
    with network.forward(to_path(str(server.socket))) as port:
        yield f"postgresql://nbp@{network.address}:{port}/{urlsplit(url).path.strip('/')}"
