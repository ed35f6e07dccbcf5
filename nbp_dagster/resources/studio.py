"""The studio as a Dagster resource: opened for a step, closed after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field, PrivateAttr

from nbp_dagster.brand.load import Briefs, load_briefs
from nbp_dagster.clock import SystemClock
from nbp_dagster.resources.oxen import OxenResource
from nbp_dagster.studio.halt import HaltableClock
from nbp_dagster.studio.means import EngineLimits
from nbp_dagster.studio.memory import return_large_blocks
from nbp_dagster.studio.studio import Studio, StudioPaths


class StudioResource(dg.ConfigurableResource[Any]):
    """Briefs, image store, ledger and service, as one thing to make pictures with.

    The briefs are read anew when a run starts: it works from what the files say then.
    """

    oxen: OxenResource
    home: str = Field(description="Folder of the image store, the ledger and the sets.")
    config: str = Field(description="Folder of the briefs.")
    in_flight: int = Field(
        default=64, ge=1, description="Jobs at the service at one time, at most."
    )
    ledger_url: str = Field(
        default="",
        description="PostgreSQL address of a shared ledger; empty for SQLite in the home folder. "
        "Give dg.EnvVar('NBP_LEDGER_URL'), so that its password is not in the definitions.",
    )
    daily_budget_usd: float | None = Field(
        default=None, description="Most USD a calendar day (UTC) may cost, over all campaigns."
    )
    on_cancel: str = Field(
        default="keep", description="`keep` or `cancel` the jobs of a cancelled run."
    )

    _studio: Studio | None = PrivateAttr(default=None)

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["StudioResource"]:
        """Open the studio for the step and close it after."""
        with self.opened() as studio:
            self._studio = studio
            try:
                yield self
            finally:
                self._studio = None

    @contextmanager
    def opened(self, briefs: Briefs | None = None) -> Iterator[Studio]:
        """Open the studio outside Dagster, with the service already reachable.

        Args:
            briefs: Those of the folder, where they are read already.

        Raises:
            BriefError: The briefs have errors; all of them are named.
            MissingKey: Live mode without a key.
        """
        return_large_blocks()
        clock = HaltableClock(SystemClock())
        paths = StudioPaths(Path(self.home))
        pace = self.oxen.pace(clock, paths.pace)
        client = self.oxen.client(clock=clock, pace=pace)
        studio = Studio(
            briefs or load_briefs(Path(self.config)),
            client=client,
            open_stream=client.events,
            pace=pace,
            ledger_url=self.ledger_url or None,
            daily_budget=_decimal(self.daily_budget_usd),
            on_cancel="cancel" if self.on_cancel == "cancel" else "keep",
            provider=self.oxen.provider,
            paths=paths,
            clock=clock,
            limits=EngineLimits(in_flight=self.in_flight),
        )
        try:
            yield studio
        finally:
            studio.close()

    @property
    def studio(self) -> Studio:
        """The studio of the step that asked for this resource."""
        if self._studio is None:
            raise dg.DagsterInvariantViolationError(
                "the studio is only open within a step; use `with resource.opened() as studio:`"
            )
        return self._studio


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
