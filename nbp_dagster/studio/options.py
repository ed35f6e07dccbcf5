"""The options of a studio: type, default, bounds and description of each, once for every ring.

`Settings`, `StudioResource` and the Component inherit or nest them. An option has a type that an
environment variable, Dagster's configuration and a YAML file can all carry.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from nbp_dagster.addresses import SERVED_ADDRESS, require_path

OnCancel = Literal["keep", "cancel"]
ReadWhen = Literal["auto", "on", "off"]
ScorerName = Literal["colour", "dino", "body", "off"]
ReferenceMode = Literal["auto", "upload", "inline"]

DAILY_BUDGET_OPTION = "the option daily_budget_usd"
"""How an error names the day's budget where nobody says what set it."""


@dataclass(frozen=True)
class Looking:
    """How originals are looked at for crops and copy.

    Attributes:
        when: See `StudioOptions.places`.
        with_heads: Whether records say where heads are on renditions: not where faces are off.
    """

    when: ReadWhen = "auto"
    with_heads: bool = True


class StudioOptions(BaseModel):
    """What a studio may spend and how it works; secrets and folders travel apart from it.

    Example:
        >>> StudioOptions(in_flight=8, ocr="off").on_cancel
        'keep'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    in_flight: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="Jobs at the service at one time, at most: 1 to 1000.",
    )
    daily_budget_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="Most US dollars a calendar day (UTC) may cost, over all campaigns of the "
        "ledger; no such cap when unset.",
    )
    account: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]{1,64}$",
        description="Name of the Oxen account that pays, where several share a ledger; known by "
        "its key when unset.",
    )
    absence_seconds: float = Field(
        default=120.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds after an order whose answer was lost before its job, not listed by "
        "the service, may count as never made: 0 to 86400; the order waits, others go on.",
    )
    prompts_per_run: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Prompts of one run, at most: backfills and schedules are cut into runs of so "
        "many, which several machines share; one run, however many, when unset. A campaign may "
        "have its own.",
    )
    silence_seconds: float = Field(
        default=180.0,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds without a sign of life after which a run counts as dead and is "
        "failed, so that Dagster starts it anew: 1 to 86400.",
    )
    on_cancel: OnCancel = Field(
        default="keep",
        description="What a cancelled run does with its jobs at the service: `keep` leaves them "
        "for the next run, `cancel` cancels them.",
    )
    outage_minutes: float = Field(
        default=10.0,
        ge=0,
        le=1440,
        allow_inf_nan=False,
        description="Minutes that a run waits while the service is out of reach, before it fails "
        "as one that Dagster may retry: 0 to 1440; 0 does not wait.",
    )
    character_scorer: ScorerName = Field(
        default="colour",
        description="What likeness to a sheet is measured with: `colour` is quick and needs "
        "nothing; `dino` compares faces and, where there is none, bodies, with models of the extra "
        "`character`, some 0.5 s a picture; `body` is `dino` without faces; `off`.",
    )
    character_model: str | None = Field(
        default=None,
        description="ONNX file of your own for the scorers `dino` and `body`; the weights of "
        "the extra when unset.",
    )
    ocr: ReadWhen = Field(
        default="auto",
        description="When the words on originals are read, with the extra `ocr`: `auto` on what "
        "the service made, `on` on the simulator's pictures too, `off` never; 0.4 to 2.5 s "
        "a picture on two cores.",
    )
    places: ReadWhen = Field(
        default="auto",
        description="When heads and subjects are found on originals, so that crops and copy keep "
        "clear of them, with the extra `character`: `auto` on what the service made, `on` on the "
        "simulator's pictures too, `off` never; some 0.4 s a picture on one core.",
    )
    strict: bool = Field(
        default=False,
        description="Whether a check that is skipped because an extra is not installed has failed.",
    )
    references: ReferenceMode = Field(
        default="auto",
        description="How reference images are sent: `auto` leaves https addresses as they are and "
        "uploads the rest if there is a repository, else puts it into the request; `upload` and "
        "`inline` send every image that way.",
    )
    references_repository: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$",
        description="Oxen repository, as `namespace/name`, that reference images are uploaded to; "
        "made, private, when it is not there.",
    )

    store_cache_gb: float = Field(
        default=10.0,
        gt=0,
        allow_inf_nan=False,
        description="GB of pictures that NBP_HOME keeps of a store that machines share, so that "
        "they are not fetched again; what was used longest ago goes first.",
    )
    preview_px: int = Field(
        default=640,
        ge=0,
        le=640,
        description="Pixels of the picture that Dagster's pages show in a dialog, on its longer "
        "side: 0 to 640, 0 for none. Events keep it for ever: at most 32 kB an event, twice.",
    )
    gallery_url: str | None = Field(
        default=None,
        pattern=SERVED_ADDRESS,
        description="Address at which the folder of sets is served, as `nbp gallery --serve` does; "
        "Dagster's pages then open galleries, and show contact sheets, from there.",
    )

    @field_validator("ocr", "places", "character_scorer", mode="before")
    @classmethod
    def _undo_yaml_booleans(cls, value: object) -> object:
        """Take the words `on` and `off` back, which YAML reads as booleans."""
        if isinstance(value, bool):
            return "on" if value else "off"
        return value

    @field_validator("character_model")
    @classmethod
    def _check_model(cls, value: str | None) -> str | None:
        return value if value is None else require_path(value)

    @property
    def looking(self) -> Looking:
        """When heads and subjects are found, and whether boxes of heads are recorded."""
        keeps_heads = self.places != "off" and self.character_scorer != "body"
        return Looking(self.places, with_heads=keeps_heads)

    @property
    def character_model_file(self) -> Path | None:
        """The ONNX file of `character_model`."""
        return None if self.character_model is None else Path(self.character_model)

    @classmethod
    def of(cls, source: "StudioOptions") -> Self:
        """Return only the options of something that inherits them."""
        return cls(**{name: getattr(source, name) for name in cls.model_fields})

    @property
    def daily_budget(self) -> Decimal | None:
        """The day's cap as an exact amount."""
        return None if self.daily_budget_usd is None else Decimal(str(self.daily_budget_usd))

    def with_paths_from(self, folder: Path) -> Self:
        """Return the options with relative paths taken from a folder."""
        if self.character_model is None:
            return self
        return self.model_copy(update={"character_model": str(folder / self.character_model)})
