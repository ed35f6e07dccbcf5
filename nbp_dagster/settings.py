"""The only reader of the environment: every setting, its default and what it is for."""

import os
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal, get_args

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from nbp_dagster.addresses import (
    SERVED_ADDRESS,
    has_stray_at,
    list_passwords,
    require_path,
    require_url,
    require_whole_path,
)
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.options import StudioOptions
from nbp_dagster.yaml_source.problems import show_text

Mode = Literal["simulator", "live"]
LogFormat = Literal["text", "json"]

# Read by the dagster.yaml and the Celery settings of deploy/; their drivers quote them in errors.
_DAGSTER_DATABASE: Final = "DAGSTER_POSTGRES_URL"
_READ_BY_OTHERS: Final = (_DAGSTER_DATABASE, "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")


class SettingsError(NbpError):
    """A setting has a value it can't have."""


class Settings(StudioOptions, BaseSettings):
    """Everything that can be set from outside, by environment variable.

    A variable is `NBP_` and the attribute's name, unless the field has another alias; paths are
    taken from the folder the command runs in. An empty variable is one that is not set.
    """

    model_config = SettingsConfigDict(
        # Compose files and .env files pass on what nobody has set as empty text; an empty path
        # would be the folder the command runs in.
        env_prefix="NBP_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        populate_by_name=True,
    )

    mode: Mode = Field(
        default="simulator",
        description="`simulator` draws stand-in pictures locally and free; `live` buys from Oxen.",
    )
    log_format: LogFormat = Field(
        default="text",
        description="`json` writes all logs to the error stream as one JSON object a line, with "
        "the ids of run, prompt and generation.",
    )
    home: Path = Field(
        default=Path(".nbp"),
        description="Folder of the state: image store, ledger, finished sets.",
    )
    config: Path = Field(
        default=Path("assets_config"),
        description="Folder of the briefs: brands/, campaigns/, channels.yaml.",
    )
    simulator_latency: Decimal = Field(
        default=Decimal("0.3"),
        ge=0,
        description="Seconds a job of the built-in simulator takes.",
    )
    simulator_pictures: Path | None = Field(
        default=None,
        description="Folder of pictures that the built-in simulator sends instead of painted ones, "
        "chosen by prompt and ratio.",
    )
    ledger_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL address of a ledger that several machines share; NBP_HOME's "
        "own SQLite file when unset.",
    )
    store_url: SecretStr | None = Field(
        default=None,
        description="URL of a store that several machines share (`s3://`, `gs://`, `az://` or "
        "another that fsspec knows): pictures and finished sets; NBP_HOME's own folders when "
        "unset.",
    )
    c2pa_key: SecretStr | None = Field(
        default=None,
        description="Private key that signs content credentials into every picture: PKCS#8 PEM, or "
        "the path of a file with it; nothing is signed when unset. Never stored.",
    )
    c2pa_cert: str | None = Field(
        default=None,
        description="Certificate of that key and its issuers: PEM, or the path of a file with it.",
    )
    publish_repository: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+)?$",
        description="Oxen repository, as `namespace/name`, that `published_sets` commits to.",
    )
    publish_branch: str = Field(default="main", description="The branch that gets the commits.")
    publish_author_name: str = Field(
        default="", description="Name on those commits; the service demands one."
    )
    publish_author_email: str = Field(
        default="", description="E-mail on those commits; the service demands one."
    )
    review_token: SecretStr | None = Field(
        default=None,
        description="What opens `nbp review` where it listens to a network: at least 16 "
        "characters. Never stored.",
    )
    review_hosts: str = Field(
        default="",
        description="Names, with commas between, under which browsers reach `nbp review`, such as "
        "`review.example.com`; this machine's own are accepted always.",
    )
    review_proxies: str = Field(
        default="",
        description="Addresses, with commas between, of proxies that know their users; nobody "
        "else's word about users is taken.",
    )
    review_user_header: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9-]*$",
        description="Header in which those proxies name the user, such as `X-Forwarded-User`.",
    )
    publish_to: str = Field(
        default="",
        description="Folders and URLs (`s3://`, `gs://`, `az://`), divided by commas, that "
        "`published_sets` sends finished sets to as well.",
    )
    publish_trial_to: str = Field(
        default="",
        description="The same for trials: these take simulated pictures too.",
    )
    oxen_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OXEN_API_KEY",
        description="Key of the Oxen account that pays; needed in live mode, never stored.",
    )
    oxen_base_url: str = Field(
        default="https://hub.oxen.ai",
        validation_alias="OXEN_BASE_URL",
        description="The service's address in live mode, without a path.",
    )
    allow_http: bool = Field(
        default=False,
        description="Whether that address may be http to another machine, which sends the key and "
        "every prompt in clear.",
    )
    dagster_url: str | None = Field(
        default=None,
        pattern=SERVED_ADDRESS,
        description="Address of the Dagster webserver that is asked to reload the definitions "
        "when an edit adds or removes prompts; people are asked when unset.",
    )
    dagster_home: Path | None = Field(
        default=None,
        validation_alias="DAGSTER_HOME",
        description="Dagster's own state; `nbp` and `make dev` use NBP_HOME/dagster when unset.",
    )

    dagster_event_batch_size: int = Field(
        default=500,
        validation_alias="DAGSTER_EVENT_BATCH_SIZE",
        ge=0,
        description="Events of Dagster that are written as one batch, where it knows several at "
        "once; 0 writes each by itself.",
    )

    @field_validator("home", "config", "dagster_home", "simulator_pictures")
    @classmethod
    def _check_folder(cls, value: Path | None) -> Path | None:
        if value is not None:
            require_path(str(value))
            if not str(value).strip():
                raise ValueError("blank; give the path of a folder, or leave the variable empty")
        return value

    @field_validator("store_url")
    @classmethod
    def _check_store(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            require_url(value.get_secret_value())
        return value

    @field_validator("ledger_url")
    @classmethod
    def _check_ledger(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            require_whole_path(value.get_secret_value())
        return value

    @property
    def provider(self) -> Literal["oxen", "simulator"]:
        """Who draws the pictures; part of every fingerprint."""
        return "oxen" if self.mode == "live" else "simulator"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that no log may hold, and the passwords in addresses for themselves."""
        named = (self.oxen_api_key, self.ledger_url, self.c2pa_key, self.review_token)
        values = [secret.get_secret_value() for secret in named if secret is not None]
        addresses = [url.get_secret_value() for url in (self.ledger_url, self.store_url) if url]
        addresses += [os.environ.get(name, "") for name in _READ_BY_OTHERS]
        # A driver's error may quote the part that it was given.
        return (*values, *(word for url in addresses for word in list_passwords(url)))

    @property
    def dagster_folder(self) -> Path:
        """The Dagster home in use, absolute."""
        return (self.dagster_home or self.home / "dagster").absolute()


def list_exported_signals() -> frozenset[Literal["metrics", "traces"]]:
    """Return which of OpenTelemetry's signals have somewhere to go, by its own variables.

    What they say besides is read by its SDK.
    """

    def is_sent(signal: str) -> bool:
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        is_off = os.environ.get(f"OTEL_{signal}_EXPORTER", "").strip() == "none"
        return not is_off and any(os.environ.get(name, "").strip() for name in endpoints)

    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return frozenset()
    found: list[Literal["metrics", "traces"]] = []
    found += ["metrics"] if is_sent("METRICS") else []
    found += ["traces"] if is_sent("TRACES") else []
    return frozenset(found)


def variable_of(name: str) -> str:
    """Return the environment variable of a setting."""
    field = Settings.model_fields.get(name)
    if field is None:
        # Errors name a field that has an alias by this alias.
        return name.upper()
    return str(field.validation_alias or f"NBP_{name.upper()}")


def reveal(secret: SecretStr | None) -> str:
    """Return the value of a secret setting; empty where it is not set."""
    return "" if secret is None else secret.get_secret_value()


def read_settings() -> Settings:
    """Read the environment once.

    Raises:
        SettingsError: Every wrong value, one line each, with what is accepted.
    """
    if has_stray_at(os.environ.get(_DAGSTER_DATABASE, "")):
        # Cut at the first of two, the password's end is the name of a host, which Dagster logs.
        raise SettingsError(
            f"wrong setting in the environment: {_DAGSTER_DATABASE}: more than one @; write one in "
            "a user or password as %40"
        )
    try:
        return Settings()
    except ValidationError as error:
        lines = [
            f"{_describe(str(item['loc'][0]), item['input'])}"
            f"{item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_url=False)
        ]
        raise SettingsError("wrong setting in the environment: " + "; ".join(lines)) from None


def _describe(name: str, value: object) -> str:
    """Return a wrong setting as an error begins; of one that is secret, nothing is shown."""
    variable = variable_of(name)
    secret = any(
        SecretStr in (field.annotation, *get_args(field.annotation))
        and variable == variable_of(each)
        for each, field in Settings.model_fields.items()
    )
    if secret:
        return f"{variable}: "
    return f"{variable}: {show_text(value) if isinstance(value, str) else repr(value)} - "


def write_event_batches(settings: Settings) -> None:
    """Have Dagster write events in batches, in this process and in those it starts.

    Dagster itself reads the variable, and writes each event by itself when it is not there.
    """
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = str(settings.dagster_event_batch_size)
