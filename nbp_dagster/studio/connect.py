"""Connects to the service of a mode: Oxen with a key, or a simulator on a loopback port.

Must not know Dagster or the settings.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.executor import Service as ServiceKey
from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import FileRateStore, RateLimiter, rate_file
from nbp_dagster.oxen.retry import RetryPolicy, stop_trying
from nbp_dagster.oxen.transport import HttpRequest, HttpStream, RequestsTransport, Transport
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.telemetry.observer import NO_OBSERVER, Observer

if TYPE_CHECKING:
    from nbp_dagster.simulator.server import SimulatorServer

# What the simulator takes as a key.
SIMULATOR_KEY = "simulator"
# Where no simulator listens: nothing is sent there.
_NOWHERE = "http://127.0.0.1:9"
_MODELS = "/api/ai/models/"
_POSTGRES = ("postgresql:", "postgresql+", "postgres:")


class MissingKey(NbpError):
    """Live mode without a key."""


class UnfitPictures(NbpError):
    """A folder that the simulator can send no pictures of."""


def require_key(api_key: str) -> str:
    """Return the key.

    Raises:
        MissingKey: It is empty.
    """
    if not api_key.strip():
        raise MissingKey(
            "live mode needs a key: set OXEN_API_KEY (or the variable that the component's "
            "defs.yaml names) to the key of your Oxen account, or use the simulator mode"
        )
    return api_key


def create_client(
    address: str,
    *,
    api_key: str,
    clock: Clock,
    rate_limiter: RateLimiter,
    breaker: OutageBreaker | None = None,
    observer: Observer = NO_OBSERVER,
    allow_http: bool = False,
) -> OxenClient:
    """Return a client whose requests wait for the rate limiter; nothing is sent yet.

    Args:
        address: Root of the service.
        api_key: The key.
        clock: Every wait is on it.
        rate_limiter: Gives the slots.
        breaker: Has requests wait out an outage while it is active; None has none wait.
        observer: Told of every request.
        allow_http: Whether the address may be http to another machine.

    Raises:
        MissingKey: The key is empty.
        UnsafeUrl: The address can't be used, or is http to another machine without `allow_http`.
    """
    token = clock.token if isinstance(clock, CancellableClock) else CancellationToken()
    return OxenClient(
        address,
        api_key=require_key(api_key),
        transport=LimitedTransport(
            RequestsTransport(clock=clock, is_abandoned=lambda: token.is_cancelled),
            base_url=address,
            rate_limiter=rate_limiter,
            clock=clock,
            breaker=breaker,
            observer=observer,
        ),
        clock=clock,
        retry=RetryPolicy(),
        allow_http=allow_http,
        keeps_trying=breaker.keeps_trying if breaker is not None else stop_trying,
    )


def share_rate_limiter(
    address: str, *, api_key: str, clock: Clock, folder: Path, ledger_url: str = ""
) -> RateLimiter:
    """Return the rate limiter that every process with this key and this folder or ledger shares.

    Args:
        address: Root of the service.
        api_key: The key; only a digest of it is written down.
        clock: What requests wait by.
        folder: Holds a small file for each key; made when missing.
        ledger_url: A ledger that machines share; on PostgreSQL it holds the state in place of the
            folder.

    Raises:
        LedgerDatabaseError: The ledger's URL is none, or its driver is missing.
        MissingKey: The key is empty, and the ledger is shared.
        OxenError: Address or key can't be used.
    """
    if not ledger_url.strip().startswith(_POSTGRES):
        file = rate_file(folder, base_url=address, api_key=api_key)
        return RateLimiter(clock, FileRateStore(file))
    # Imported here: it needs SQLAlchemy, which takes a while to import.
    from nbp_dagster.studio.shared_state.shared_rates import SharedRateStore

    # Whether the address may be http is for whoever sends something there.
    payer = ServiceKey(address, require_key(api_key), allow_http=True).payer
    digest = hashlib.sha256(f"{payer.origin}\n{payer.key_hash}".encode()).hexdigest()
    return RateLimiter(clock, SharedRateStore(ledger_url, payer=digest))


@contextmanager
def run_simulator(
    *,
    latency: float,
    state_dir: Path | None,
    pictures: Path | None = None,
    fonts: Path | None = None,
) -> "Iterator[SimulatorServer]":
    """Run a simulator in this process, on a free loopback port.

    Args:
        latency: Seconds a job works.
        state_dir: Folder in which jobs outlive the process; None keeps none.
        pictures: Folder of pictures that are sent in place of painted ones; None paints.
        fonts: Folder that may have fonts, for letters that Inter lacks.

    Raises:
        UnfitPictures: The folder has no pictures, or its index is wrong.
    """
    # A web server and a painter: live mode needs neither, and starts sooner without.
    from nbp_dagster.simulator.options import SimulatorOptions
    from nbp_dagster.simulator.server import SimulatorServer

    options = SimulatorOptions(
        latency=latency,
        slots=64,
        # A list of jobs with every reference in full would be megabytes.
        echo_inline=False,
        # As the model sends it.
        file_type="jpeg",
        state_dir=state_dir,
        pictures=pictures,
        fonts=fonts,
    )
    server = SimulatorServer(options)
    try:
        server.start()
    except ValueError as error:
        raise UnfitPictures(f"NBP_SIMULATOR_PICTURES: {error}") from None
    try:
        yield server
    finally:
        server.stop()


def create_simulated_catalogue(*, clock: Clock) -> OxenClient:
    """Return a client that knows the simulator's models and prices, and nothing else.

    It starts no web server: a command that only reads prices starts sooner.

    Args:
        clock: Every wait is on it.
    """
    return OxenClient(
        _NOWHERE,
        api_key=SIMULATOR_KEY,
        transport=_CatalogueTransport(),
        clock=clock,
        retry=RetryPolicy(),
    )


class _CatalogueTransport(Transport):
    """Answers requests for a model as the simulator does, and any other as one it does not have."""

    @contextmanager
    def stream(self, request: HttpRequest) -> Iterator[HttpStream]:
        from nbp_dagster.simulator.catalogue import Catalogue
        from nbp_dagster.simulator.options import SimulatorOptions

        path = urlsplit(request.url).path
        name = unquote(path.removeprefix(_MODELS))
        spec = Catalogue(SimulatorOptions().schema).find(name)
        missing = {"error": {"message": f"Model not found: {name}"}}
        status, body = (404, missing) if spec is None else (200, spec.to_json())
        headers = {"content-type": "application/json"}
        yield HttpStream(status, headers, chunks=[json.dumps(body).encode()])
