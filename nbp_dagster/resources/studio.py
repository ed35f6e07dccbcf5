"""The studio as a Dagster resource: opened for a step, closed after it."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr, field_validator
from sqlalchemy.engine import Engine

from nbp_dagster.addresses import require_path
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.clock import SystemClock
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.instance.run_launchers import (
    launcher_of,
    may_run_elsewhere,
    tell_ledger_apart,
)
from nbp_dagster.instance.terminated_runs import is_terminated
from nbp_dagster.interrupts import noted_interrupts
from nbp_dagster.oxen.rate_limit.outage_breaker import OutageBreaker
from nbp_dagster.resources.oxen import OxenResource
from nbp_dagster.settings import list_exported_signals
from nbp_dagster.studio.imaging.decode_limiter import settle_allocator
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.options import StudioOptions
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.studio.renditions.picture_checks import PICTURE_CHECKS
from nbp_dagster.studio.review.decision_log import DecisionLog
from nbp_dagster.studio.runs.heartbeat import Heartbeat, beating
from nbp_dagster.studio.runs.run_log import RunLog
from nbp_dagster.studio.service import Secrets, Service
from nbp_dagster.studio.shared_state.homes import StateApart
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.studio import Studio, open_studio
from nbp_dagster.telemetry.observer import open_observer

# Tag by which Dagster knows how often a run that failed is started anew; before the instance's own.
_MAX_RETRIES = "dagster/max_retries"


def require_common_ledger(
    instance: dg.DagsterInstance, *, url: str | None, home: Path, run: dg.DagsterRun | None = None
) -> None:
    """Make sure that runs which may be on other machines do not each have a ledger.

    A run that is refused is not started anew by Dagster: each attempt would be refused alike.

    Args:
        instance: Whose launcher starts the runs.
        url: NBP_LEDGER_URL; empty or None where the ledger is a file of the home.
        home: NBP_HOME.
        run: The run that it is looked at for; None before there is one.

    Raises:
        StateApart: They have.
    """
    if url:
        return
    launcher = launcher_of(instance)
    if may_run_elsewhere(launcher):
        if run is not None:
            instance.add_run_tags(run.run_id, {_MAX_RETRIES: "0"})
        raise StateApart("; ".join(tell_ledger_apart(launcher, home)))


class StudioResource(StudioOptions, dg.ConfigurableResource[Any]):
    """Briefs, image store, ledger and service, as one thing to make pictures with.

    The briefs are read anew when a run starts: it works from what the files say then.
    """

    oxen: OxenResource
    home: str = Field(description="Folder of the image store, the ledger and the sets.")
    config: str = Field(description="Folder of the briefs.")
    ledger_url: str = Field(
        default="",
        description="PostgreSQL address of a shared ledger; empty for SQLite in the home folder. "
        "Give dg.EnvVar('NBP_LEDGER_URL'), so that its password is not in the definitions.",
    )
    c2pa_key: str = Field(
        default="",
        description="Private key that signs content credentials, PKCS#8 PEM or a path; empty to "
        "sign nothing. Give dg.EnvVar('NBP_C2PA_KEY'), so that it is not in the definitions.",
    )
    c2pa_cert: str = Field(
        default="", description="Certificate of that key and its issuers, PEM or a path."
    )

    store_url: str = Field(
        default="",
        description="URL of a store that several machines share; empty for the home folder's own. "
        "Give dg.EnvVar('NBP_STORE_URL'), so that it is not in the definitions.",
    )

    daily_budget_setting: str = Field(
        default="daily_budget_usd of the StudioResource",
        description="What daily_budget_usd is set by, for the error that the day's budget is used "
        "up.",
    )

    @field_validator("home", "config")
    @classmethod
    def _check_folder(cls, value: str) -> str:
        return require_path(value)

    _studio: Studio | None = PrivateAttr(default=None)
    _heartbeat: Heartbeat | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["StudioResource"]:
        """Open the studio for a run's step and close it after; the run gives signs of life.

        A broken brief is left out, so that it stops no other campaign's step; the step whose
        partitions need it says so.

        Raises:
            StateApart: The run may be on another machine than others, without a common ledger.
        """
        if context.instance is not None:
            home = Path(self.home)
            require_common_ledger(context.instance, url=self.ledger_url, home=home, run=context.run)
        token = CancellationToken()
        with ExitStack() as stack:
            # *Terminate* in the UI ends a wait for a database that is locked.
            stack.enter_context(noted_interrupts())
            if context.run is not None and context.instance is not None:
                # First: whatever comes next may take its time.
                beat = self._beat(context.instance, context.run.run_id, token)
                self._heartbeat = stack.enter_context(beat)
            briefs = load_briefs(Path(self.config), leaves_out=True)
            self._studio = stack.enter_context(self.opened(briefs, token=token))
            try:
                yield self
            finally:
                self._studio = self._heartbeat = None

    @contextmanager
    def _beat(
        self, instance: dg.DagsterInstance, run_id: str, token: CancellationToken
    ) -> Iterator[Heartbeat]:
        with (
            self.opened_runs() as log,
            beating(
                log,
                run_id,
                silence_seconds=self.silence_seconds,
                on_given_up=token.give_up,
                is_terminated=partial(is_terminated, instance, run_id),
            ) as heartbeat,
        ):
            yield heartbeat

    @contextmanager
    def opened(
        self, briefs: Briefs | None = None, *, token: CancellationToken | None = None
    ) -> Iterator[Studio]:
        """Open the studio outside Dagster, with the service already reachable.

        Args:
            briefs: Those of the folder, where they are read already.
            token: Stops what is bought and waited for.

        Raises:
            BriefError: The briefs have errors; all of them are named.
            MissingKey: Live mode without a key.
            SigningError: Content credentials are configured and can't be signed.
        """
        settle_allocator()
        clock = CancellableClock(SystemClock(), token or CancellationToken())
        paths = StudioPaths(Path(self.home))
        rate_limiter = self.oxen.rate_limiter(clock, paths.rate_limits, ledger_url=self.ledger_url)
        breaker = OutageBreaker(clock, limit=60 * self.outage_minutes)
        observer = open_observer(
            list_exported_signals(),
            provider=self.oxen.provider,
            clock=clock,
            checks=[check.name for check in PICTURE_CHECKS],
        )
        service = Service(
            self.oxen.client(
                clock=clock, rate_limiter=rate_limiter, breaker=breaker, observer=observer
            ),
            clock=clock,
            rate_limiter=rate_limiter,
            provider=self.oxen.provider,
            breaker=breaker,
            observer=observer,
        )
        opening = open_studio(
            briefs or load_briefs(Path(self.config)),
            service,
            paths,
            StudioOptions.of(self),
            secrets=Secrets(self.ledger_url, self.c2pa_key, self.c2pa_cert, self.store_url),
            daily_budget_setting=self.daily_budget_setting,
        )
        with closing(observer), closing(rate_limiter), opening as studio:
            yield studio

    @contextmanager
    def opened_decisions(self) -> Iterator[DecisionLog]:
        """Open what people decided, and nothing else: no brief, no service, no store.

        Also as it stands in definitions, before Dagster puts the values of variables in.

        Raises:
            LedgerDatabaseError: The ledger's database can't be used.
        """
        with self._opened_database() as database:
            yield DecisionLog(database, clock=SystemClock())

    @contextmanager
    def opened_runs(self) -> Iterator[RunLog]:
        """Open the signs of life of runs, and nothing else; also as it stands in definitions.

        Raises:
            LedgerDatabaseError: The ledger's database can't be used.
        """
        with self._opened_database() as database:
            yield RunLog(database)

    @contextmanager
    def _opened_database(self) -> Iterator[Engine]:
        url = self.ledger_url
        url = url.get_value("") or "" if isinstance(url, dg.EnvVar) else url
        database = open_ledger(url or StudioPaths(Path(self.home)).ledger)
        try:
            yield database
        finally:
            database.dispose()

    @property
    def heartbeat(self) -> Heartbeat | None:
        """The signs of life of the run that asked for this resource; None outside a run."""
        return self._heartbeat

    @property
    def studio(self) -> Studio:
        """The studio of the step that asked for this resource."""
        if self._studio is None:
            raise dg.DagsterInvariantViolationError(
                "the studio is only open within a step; use `with resource.opened() as studio:`"
            )
        return self._studio
