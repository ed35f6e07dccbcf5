"""The only reader of the environment: every setting, its default and what it is for."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nbp_dagster.errors import NbpError

Mode = Literal["simulator", "live"]


class SettingsError(NbpError):
    """A setting has a value it can't have."""


class Settings(BaseSettings):
    """Everything that can be set from outside, by environment variable.

    Attribute names are the variables' names in lower case; paths are taken from the folder the
    command runs in.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    nbp_mode: Mode = Field(
        default="simulator",
        description="`simulator` draws stand-in pictures locally and free; `live` buys from Oxen.",
    )
    nbp_home: Path = Field(
        default=Path(".nbp"),
        description="Folder of the state: image store, ledger, finished sets.",
    )
    nbp_config: Path = Field(
        default=Path("assets_config"),
        description="Folder of the briefs: brands/, campaigns/, channels.yaml.",
    )
    nbp_in_flight: int = Field(
        default=64,
        ge=1,
        le=1000,
        description="Jobs at the service at one time, at most.",
    )
    nbp_simulator_latency: Decimal = Field(
        default=Decimal("0.3"),
        ge=0,
        description="Seconds a job of the built-in simulator takes.",
    )
    nbp_ledger_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL address of a ledger that several machines share; NBP_HOME's "
        "own SQLite file when unset.",
    )
    nbp_daily_budget_usd: Decimal | None = Field(
        default=None,
        gt=0,
        description="Most US dollars a calendar day (UTC) may cost, over all campaigns.",
    )
    nbp_on_cancel: Literal["keep", "cancel"] = Field(
        default="keep",
        description="What a cancelled run does with its jobs at the service: `keep` leaves them "
        "for the next run, `cancel` cancels them.",
    )
    nbp_character_scorer: Literal["colour", "dino", "off"] = Field(
        default="colour",
        description="What likeness to a sheet is measured with: `colour` is quick and needs "
        "nothing; `dino` is a model of the extra `character`, some 0.2 s a picture; `off`.",
    )
    nbp_character_model: Path | None = Field(
        default=None,
        description="ONNX file of your own for `NBP_CHARACTER_SCORER=dino`; the weights of the "
        "extra when unset.",
    )
    nbp_ocr: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="When the words on originals are read, with the extra `ocr`: `auto` on what "
        "the service made, `on` on the simulator's pictures too, `off` never; 0.4 to 2.5 s "
        "a picture on two cores.",
    )
    nbp_strict: bool = Field(
        default=False,
        description="Whether a check that is skipped because an extra is not installed has failed.",
    )
    nbp_references: Literal["auto", "upload", "inline"] = Field(
        default="auto",
        description="How reference images are sent: `auto` leaves https addresses as they are and "
        "uploads the rest if there is a repository, else puts it into the request; `upload` and "
        "`inline` send every image that way.",
    )
    nbp_references_repository: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$",
        description="Oxen repository, as `namespace/name`, that reference images are uploaded to; "
        "made, private, when it is not there.",
    )
    nbp_c2pa_key: SecretStr | None = Field(
        default=None,
        description="Private key that signs content credentials into every picture: PKCS#8 PEM, or "
        "the path of a file with it; nothing is signed when unset. Never stored.",
    )
    nbp_c2pa_cert: str | None = Field(
        default=None,
        description="Certificate of that key and its issuers: PEM, or the path of a file with it.",
    )
    oxen_api_key: SecretStr | None = Field(
        default=None,
        description="Key of the Oxen account that pays; needed in live mode, never stored.",
    )
    oxen_base_url: str = Field(
        default="https://hub.oxen.ai",
        description="The service's address in live mode, without a path.",
    )
    nbp_dagster_url: str | None = Field(
        default=None,
        pattern=r"https?://[^/?#@]+(/[^?#]*)?$",
        description="Address of the Dagster webserver that is asked to reload the definitions "
        "when an edit adds or removes prompts; people are asked when unset.",
    )
    dagster_home: Path | None = Field(
        default=None,
        description="Dagster's own state; `nbp` and `make dev` use NBP_HOME/dagster when unset.",
    )

    dagster_event_batch_size: int = Field(
        default=500,
        ge=0,
        description="Events of Dagster that are written as one batch, where it knows several at "
        "once; 0 writes each by itself.",
    )

    @property
    def provider(self) -> Literal["oxen", "simulator"]:
        """Who draws the pictures; part of every fingerprint."""
        return "oxen" if self.nbp_mode == "live" else "simulator"

    @property
    def dagster_folder(self) -> Path:
        """The Dagster home in use, absolute."""
        return (self.dagster_home or self.nbp_home / "dagster").absolute()


def read_settings() -> Settings:
    """Read the environment once.

    Raises:
        SettingsError: Every wrong value, one line each, with what is accepted.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in item['loc']).upper()}: {item['input']!r} - "
            f"{item['msg']}"
            for item in error.errors(include_url=False)
        ]
        raise SettingsError("wrong setting in the environment: " + "; ".join(lines)) from None


def write_event_batches(settings: Settings) -> None:
    """Have Dagster write events in batches, in this process and in those it starts.

    Dagster itself reads the variable, and writes each event by itself when it is not there.
    """
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = str(settings.dagster_event_batch_size)
