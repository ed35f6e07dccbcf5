"""The Oxen API as a Dagster resource: the live service, and the simulator in its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field, PrivateAttr, field_validator

from nbp_dagster._dagster_private import DagsterLibraryRegistry
from nbp_dagster.addresses import require_path
from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.metered_client import MeteredClient, MeteredTransport, PriceList
from nbp_dagster.oxen.rate_limit.limited_transport import LimitedTransport
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport, Transport
from nbp_dagster.resources.usage import find_place, recorded_usage
from nbp_dagster.studio.connect import (
    SIMULATOR_KEY,
    MissingKey,
    create_client,
    require_key,
    run_simulator,
    share_rate_limiter,
)
from nbp_dagster.telemetry.observer import NO_OBSERVER, Observer
from nbp_dagster.version import __version__

if TYPE_CHECKING:
    from nbp_dagster.simulator.server import SimulatorServer

# Where Dagster lists the integrations of a code location.
DagsterLibraryRegistry.register("nbp-dagster", __version__, is_dagster_package=False)


class OxenResource(dg.ConfigurableResource[Any]):
    """Oxen.ai's inference API, live.

    Assets ask for `OxenResource`; in simulator mode they are handed `SimulatedOxenResource`.

    Its clients bill without asking a ledger: run a step twice, and it pays twice. That a picture is
    never paid twice and no cap is passed is the promise of this package's assets, not of a client.

    Example:
        >>> @dg.asset
        ... def hero(context: dg.AssetExecutionContext, oxen: OxenResource) -> None:
        ...     with oxen.client_for(context) as client:
        ...         client.edit_image(model="google-nano-banana-pro", prompt="A barn owl")
    """

    api_key: str = Field(
        repr=False,
        description="Key of the account that pays. Give dg.EnvVar('OXEN_API_KEY'), so that the "
        "key itself is never part of the definitions.",
    )
    base_url: str = Field(
        default="https://hub.oxen.ai", description="The service's address, without a path."
    )
    allow_http: bool = Field(
        default=False,
        description="Whether the address may be http to another machine, which sends the key in "
        "clear.",
    )

    # What all clients for contexts have in common: a step may ask for one a partition.
    _sender: Transport = PrivateAttr(default_factory=RequestsTransport)
    _shared_rate_limiter: RateLimiter = PrivateAttr(
        default_factory=lambda: RateLimiter(SystemClock())
    )
    _prices: PriceList = PrivateAttr(default_factory=PriceList)

    @property
    def provider(self) -> Literal["oxen", "simulator"]:
        """Who draws: part of every fingerprint, so that no simulated picture counts as paid."""
        return "oxen"

    def client(
        self,
        *,
        clock: Clock | None = None,
        rate_limiter: RateLimiter | None = None,
        breaker: OutageBreaker | None = None,
        observer: Observer = NO_OBSERVER,
    ) -> OxenClient:
        """Return a client; cheap, safe from several threads, and nothing is sent yet.

        Args:
            clock: Where it waits between attempts; the machine's own when None.
            rate_limiter: One that several clients share, from `rate_limiter`; its own when None.
            breaker: Has its requests wait out an outage while it is active; None has none wait.
            observer: Told of every request.

        Raises:
            MissingKey: The key is empty.
        """
        key, address, clock = require_key(self.api_key), self._address(), clock or SystemClock()
        return create_client(
            address,
            api_key=key,
            clock=clock,
            rate_limiter=rate_limiter or RateLimiter(clock),
            allow_http=self.allow_http,
            breaker=breaker,
            observer=observer,
        )

    @contextmanager
    def client_for(
        self,
        context: dg.AssetExecutionContext | dg.OpExecutionContext,
        *,
        asset: dg.AssetKey | None = None,
        output: str | None = None,
        partition: str | None = None,
        rate_limiter: RateLimiter | None = None,
    ) -> Iterator[OxenClient]:
        """Have a client whose use is recorded as metadata of what the step makes.

        Recorded when the block is left: calls, images, USD by the service's own model objects,
        seconds, 429s. Several blocks of one step add up. The client is safe from several threads.

        Args:
            context: The step's, of an asset, a multi-asset or an op.
            asset: Which of a multi-asset's keys; not needed where the run makes one of them.
            output: Which of an op's outputs; not needed where it has one.
            partition: Which of the run's partitions; not needed where it has one.
            rate_limiter: From `rate_limiter`, to share one with other processes; when None,
                the clients that this method makes share one.

        Raises:
            MissingKey: The key is empty.
            UsageUnplaced: It is not clear what the use belongs to; nothing was asked yet.
        """
        place = find_place(context, asset=asset, output=output, partition=partition)
        key, address, clock = require_key(self.api_key), self._address(), SystemClock()
        with recorded_usage(context, place, provider=self.provider) as counter:
            limited = LimitedTransport(
                self._sender,
                base_url=address,
                rate_limiter=rate_limiter or self._shared_rate_limiter,
                clock=clock,
            )
            yield MeteredClient(
                address,
                counter=counter,
                prices=self._prices,
                api_key=key,
                transport=MeteredTransport(limited, base_url=address, counter=counter, clock=clock),
                clock=clock,
                retry=RetryPolicy(),
                allow_http=self.allow_http,
            )

    def rate_limiter(self, clock: Clock, folder: Path, *, ledger_url: str = "") -> RateLimiter:
        """Return the limiter whose state every process with this key and folder or ledger shares.

        Args:
            clock: Its `sleep` does the waiting for a slot.
            folder: Holds a small file for each key; made when missing.
            ledger_url: PostgreSQL address of a ledger that machines share; it holds the state in
                place of the folder.
        """
        return share_rate_limiter(
            self._address(),
            api_key=self.api_key,
            clock=clock,
            folder=folder,
            ledger_url=ledger_url,
        )

    @contextmanager
    def running(self) -> Iterator["OxenResource"]:
        """Have the service within reach; the live one always is."""
        yield self

    def _address(self) -> str:
        return self.base_url


class SimulatedOxenResource(OxenResource):
    """The simulator, started on a free loopback port for as long as a run lasts.

    Its jobs are kept in `state_dir`, so that a run that was killed finds its jobs again, as it
    would at the real service.
    """

    api_key: str = Field(default=SIMULATOR_KEY, description="Any text; nothing is paid.")
    base_url: str = Field(default="", description="Not used: the port is chosen at start.")
    latency_seconds: float = Field(default=0.3, description="How long a job works, in seconds.")
    state_dir: str | None = Field(
        default=None, description="Folder in which jobs outlive the process; None keeps none."
    )
    pictures_dir: str | None = Field(
        default=None,
        description="Folder of pictures that are sent in place of painted ones; None paints.",
    )
    fonts_dir: str | None = Field(
        default=None,
        description="Folder that may have fonts, for letters that Inter lacks; None leaves those "
        "that are installed.",
    )

    @field_validator("state_dir", "pictures_dir", "fonts_dir")
    @classmethod
    def _check_folder(cls, value: str | None) -> str | None:
        return value if value is None else require_path(value)

    _server: "SimulatorServer | None" = PrivateAttr(default=None)

    @property
    def provider(self) -> Literal["oxen", "simulator"]:
        """Who draws: not the model."""
        return "simulator"

    @contextmanager
    def yield_for_execution(
        self, context: dg.InitResourceContext
    ) -> Iterator["SimulatedOxenResource"]:
        """Run the simulator around the step."""
        with self.running():
            yield self

    @contextmanager
    def running(self) -> Iterator["OxenResource"]:
        """Run the simulator outside Dagster, as `nbp plan` does."""
        state_dir = None if self.state_dir is None else Path(self.state_dir)
        pictures = None if self.pictures_dir is None else Path(self.pictures_dir)
        fonts = None if self.fonts_dir is None else Path(self.fonts_dir)
        with run_simulator(
            latency=self.latency_seconds, state_dir=state_dir, pictures=pictures, fonts=fonts
        ) as server:
            self._server = server
            try:
                yield self
            finally:
                self._server = None

    def rate_limiter(self, clock: Clock, folder: Path, *, ledger_url: str = "") -> RateLimiter:
        """Return a limiter of this process alone: no other process calls its simulator."""
        return RateLimiter(clock)

    def _address(self) -> str:
        if self._server is None:
            raise MissingKey(
                "the simulator is not running: use the resource in a step, or in `with "
                "resource.running():`"
            )
        return self._server.url
