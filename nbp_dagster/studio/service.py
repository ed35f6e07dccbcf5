"""What a studio is opened with beside briefs and options: the service, secrets and tuning."""

from dataclasses import dataclass, field

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.oxen.rate_limit.rate_limiter import RateLimiter
from nbp_dagster.prompts.request import Provider
from nbp_dagster.studio.ledger.database import LOCK_TIMEOUT_SECONDS
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.cancellation import CancellableClock
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.purchasing.job_watcher import WatchTimes
from nbp_dagster.studio.shared_state.state import Sharing
from nbp_dagster.telemetry.observer import NO_OBSERVER, Observer


@dataclass(frozen=True)
class Service:
    """The service that pictures come from, and the rate limiter of the requests to it.

    Attributes:
        client: Sends the requests.
        clock: Every wait is on it; its token cancels the run.
        rate_limiter: Shared by all processes with the client's key.
        provider: Part of every fingerprint, so that no simulated picture counts as paid.
        breaker: That of the client's transport: has its requests wait out an outage.
        observer: That of the client's transport: is told of what the run does.
    """

    client: OxenClient
    clock: CancellableClock
    rate_limiter: RateLimiter
    provider: Provider
    breaker: OutageBreaker
    observer: Observer = NO_OBSERVER


@dataclass(frozen=True)
class Secrets:
    """What is configured by value and never shown.

    Attributes:
        ledger_url: PostgreSQL address of a shared ledger; empty for SQLite under the data paths.
        c2pa_key: Private key of the content credentials, PEM or a path; empty signs nothing.
        c2pa_cert: Certificate of that key and its issuers, PEM or a path.
        store_url: The store that machines share; empty for the folder under the data paths.
    """

    ledger_url: str = field(default="", repr=False)
    c2pa_key: str = field(default="", repr=False)
    c2pa_cert: str = ""
    store_url: str = field(default="", repr=False)

    @property
    def sharing(self) -> Sharing:
        """What the home shares with others."""
        return Sharing(has_ledger=bool(self.ledger_url), store_url=self.store_url)


@dataclass(frozen=True)
class Tuning:
    """Concurrency and waits of the engine, as they are for every user; tests shorten them.

    Attributes:
        limits: How much is done at once; `in_flight` comes from the options instead.
        times: How often jobs are looked at, and when one counts as stuck.
        failpoint: Called at each step of a purchase.
        lock_timeout: Seconds that a transaction of the ledger waits for that of another process.
    """

    limits: EngineLimits = field(default_factory=EngineLimits)
    times: WatchTimes = field(default_factory=WatchTimes)
    failpoint: Failpoint = no_failpoint
    lock_timeout: float = LOCK_TIMEOUT_SECONDS
