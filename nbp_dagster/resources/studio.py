"""The studio as a Dagster resource: opened for a step, closed after it."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, cast, get_args

import dagster as dg
from pydantic import Field, PrivateAttr

from nbp_dagster.briefs.load import Briefs, load_briefs
from nbp_dagster.clock import SystemClock
from nbp_dagster.errors import NbpError
from nbp_dagster.resources.oxen import OxenResource
from nbp_dagster.studio.checks.measure_characters import Measuring, ScorerName
from nbp_dagster.studio.checks.ocr.proofread import ReadWhen
from nbp_dagster.studio.imaging.c2pa import Credentials
from nbp_dagster.studio.imaging.decode_limiter import settle_allocator
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.studio.references.uploads import Sending, Way
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.studio import Studio


class UnknownScorer(NbpError):
    """A scorer of characters that does not exist."""


class UnknownReading(NbpError):
    """A time to read originals that does not exist."""


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
    character_scorer: str = Field(
        default="colour",
        description="`colour`, `dino` or `off`: what likeness to a sheet is measured with.",
    )
    character_model: str = Field(
        default="", description="ONNX file of your own for `dino`; empty for the extra's."
    )
    references: str = Field(
        default="auto",
        pattern="^(auto|upload|inline)$",
        description="How reference images are sent: `auto`, `upload` or `inline`.",
    )
    references_repository: str = Field(
        default="",
        description="Oxen repository, `namespace/name`, that reference images are uploaded to.",
    )

    ocr: str = Field(
        default="auto",
        description="`auto`, `on` or `off`: when the words on originals are read.",
    )
    strict: bool = Field(
        default=False,
        description="Whether a check that is skipped for want of an extra has failed.",
    )
    c2pa_key: str = Field(
        default="",
        description="Private key that signs content credentials, PKCS#8 PEM or a path; empty to "
        "sign nothing. Give dg.EnvVar('NBP_C2PA_KEY'), so that it is not in the definitions.",
    )
    c2pa_cert: str = Field(
        default="", description="Certificate of that key and its issuers, PEM or a path."
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
            SigningError: Content credentials are configured and can't be signed.
        """
        credentials = Credentials.load(key=self.c2pa_key, certificate=self.c2pa_cert)
        settle_allocator()
        clock = CancellableClock(SystemClock(), CancellationToken())
        paths = StudioPaths(Path(self.home))
        pace = self.oxen.pace(clock, paths.pace)
        client = self.oxen.client(clock=clock, pace=pace)
        studio = Studio(
            briefs or load_briefs(Path(self.config)),
            client=client,
            pace=pace,
            ledger_url=self.ledger_url or None,
            daily_budget=_decimal(self.daily_budget_usd),
            on_cancel="cancel" if self.on_cancel == "cancel" else "keep",
            credentials=credentials,
            provider=self.oxen.provider,
            paths=paths,
            clock=clock,
            limits=EngineLimits(in_flight=self.in_flight),
            measuring=self._measuring(),
            ocr=self._ocr(),
            sending=Sending(_way(self.references), self.references_repository),
        )
        try:
            yield studio
        finally:
            studio.close()

    def _ocr(self) -> ReadWhen:
        when = next((name for name in get_args(ReadWhen) if name == self.ocr), None)
        if when is None:
            raise UnknownReading(f"ocr: {self.ocr!r}; accepted: {', '.join(get_args(ReadWhen))}")
        return cast(ReadWhen, when)

    def _measuring(self) -> Measuring:
        scorer = next(
            (name for name in get_args(ScorerName) if name == self.character_scorer), None
        )
        if scorer is None:
            raise UnknownScorer(
                f"character_scorer: {self.character_scorer!r}; "
                f"accepted: {', '.join(get_args(ScorerName))}"
            )
        return Measuring(scorer, Path(self.character_model) if self.character_model else None)

    @property
    def studio(self) -> Studio:
        """The studio of the step that asked for this resource."""
        if self._studio is None:
            raise dg.DagsterInvariantViolationError(
                "the studio is only open within a step; use `with resource.opened() as studio:`"
            )
        return self._studio


def _way(text: str) -> Way:
    if text == "upload":
        return "upload"
    return "inline" if text == "inline" else "auto"


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))
