"""Fault injection: what can go wrong on demand, and when; knows no HTTP and no jobs."""

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import ConfigDict, TypeAdapter, ValidationError

RequestFaultKind = Literal["status", "no_credit", "reset", "slow", "status_after", "reset_after"]
JobFaultKind = Literal[
    "fail", "refuse", "credit_lost", "at_capacity", "stuck", "slow_job", "no_image"
]
DownloadFaultKind = Literal["truncate", "expire", "html", "wrong_size", "mislabelled"]
StreamFaultKind = Literal["drop_stream"]
ListFaultKind = Literal["late_list", "cut_list", "blank_prompts", "short_prompts", "no_references"]
PictureFaultKind = Literal[
    "misspelt_headline",
    "missing_headline",
    "low_contrast",
    "stray_text",
    "off_palette",
    "other_character",
    "missing_character",
    "copy_paste",
    "missing_logo",
    "edit_changes_picture",
    "edit_keeps_old_words",
]
FaultKind = Literal[
    RequestFaultKind,
    JobFaultKind,
    DownloadFaultKind,
    StreamFaultKind,
    ListFaultKind,
    PictureFaultKind,
]

REQUEST_FAULTS: tuple[RequestFaultKind, ...] = get_args(RequestFaultKind)
JOB_FAULTS: tuple[JobFaultKind, ...] = get_args(JobFaultKind)
DOWNLOAD_FAULTS: tuple[DownloadFaultKind, ...] = get_args(DownloadFaultKind)
PICTURE_FAULTS: tuple[PictureFaultKind, ...] = get_args(PictureFaultKind)
STREAM_FAULTS: tuple[StreamFaultKind, ...] = get_args(StreamFaultKind)
LIST_FAULTS: tuple[ListFaultKind, ...] = get_args(ListFaultKind)


class ScenarioError(ValueError):
    """A fault script that cannot be used; the message names the entry and what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing to go wrong, and the calls it strikes.

    A call is struck when it matches every criterion given: `method`, a substring of the `path`,
    a substring of the `prompt`, the whole id of the `model`. Of the matching calls, `nth` strikes
    only the n-th (from 1), `times` at most so many, `probability` each with that chance, drawn from
    `seed`.

    Attributes:
        status: HTTP status of `status` and `status_after`.
        retry_after: Seconds for the `Retry-After` header; None sends no header.
        seconds: Delay of `slow`, latency of `slow_job`, life of a stream for `drop_stream`, age
            from which on `late_list` shows a job.
        count: Jobs that `cut_list` leaves.
        message: The service's error text; each kind has its own default.
        retryable: Value of the job field `error_retryable`; None leaves the field out.
        billed: Whether a job that `fail`, `refuse`, `credit_lost` or `at_capacity` struck stays
            billed.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    kind: FaultKind
    method: str | None = None
    path: str | None = None
    prompt: str | None = None
    model: str | None = None
    nth: int | None = None
    times: int | None = None
    probability: float = 1.0
    seed: int = 0
    status: int = 503
    retry_after: float | None = None
    seconds: float = 1.0
    count: int = 50
    message: str | None = None
    retryable: bool | None = None
    billed: bool = False


@dataclass(frozen=True)
class Call:
    """What a fault may match on; `prompt` and `model` are None when the call carries none."""

    method: str
    path: str
    prompt: str | None = None
    model: str | None = None


class _ArmedFault:
    """A fault with its own count and its own seeded dice."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self._dice = random.Random(fault.seed)

    def strikes(self, call: Call) -> bool:
        """Count a call and return whether it is struck."""
        if not self._matches(call):
            return False
        self.seen += 1
        fault = self.fault
        if fault.nth is not None and self.seen != fault.nth:
            return False
        if fault.times is not None and self.struck >= fault.times:
            return False
        if fault.probability < 1.0 and self._dice.random() >= fault.probability:
            return False
        self.struck += 1
        return True

    def _matches(self, call: Call) -> bool:
        fault = self.fault
        if fault.method is not None and fault.method.upper() != call.method:
            return False
        if fault.path is not None and fault.path not in call.path:
            return False
        if fault.model is not None and fault.model != call.model:
            return False
        return fault.prompt is None or (call.prompt is not None and fault.prompt in call.prompt)


class FaultInjector:
    """The faults in force, in the order they were scripted."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._armed = [_ArmedFault(fault) for fault in faults]

    def add(self, faults: Iterable[Fault]) -> None:
        """Put more faults in force, behind those already there."""
        self._armed.extend(_ArmedFault(fault) for fault in faults)

    def clear(self) -> None:
        """Take every fault out of force."""
        self._armed.clear()

    def take(self, kinds: Sequence[FaultKind], call: Call) -> Fault | None:
        """Return the first fault of these kinds that strikes the call, or None.

        Faults behind the one that strikes do not count the call.
        """
        for armed in self._armed:
            if armed.fault.kind in kinds and armed.strikes(call):
                return armed.fault
        return None

    def wants_body(self) -> bool:
        """Return whether a fault of the request stage matches on the prompt or the model."""
        return any(
            (armed.fault.prompt is not None or armed.fault.model is not None)
            and armed.fault.kind in REQUEST_FAULTS
            for armed in self._armed
        )

    def to_json(self) -> list[dict[str, Any]]:
        """Return each fault with how many calls matched and how many were struck."""
        return [
            {**asdict(armed.fault), "seen": armed.seen, "struck": armed.struck}
            for armed in self._armed
        ]


def parse_faults(data: object) -> tuple[Fault, ...]:
    """Read `{"faults": [...]}`, refusing unknown keys and wrong types.

    Raises:
        ScenarioError: The data has another shape.
    """
    if not isinstance(data, dict) or set(data) != {"faults"}:
        raise ScenarioError("expected one key, faults, holding a list of faults")
    # Strict validation takes a record from a mapping only when it reads JSON.
    text = json.dumps(data["faults"], default=str)
    try:
        return tuple(TypeAdapter(list[Fault]).validate_json(text))
    except ValidationError as error:
        flaw = error.errors()[0]
        where = ".".join(str(part) for part in ("faults", *flaw["loc"]))
        raise ScenarioError(f"{where}: {flaw['msg']}; got {flaw['input']!r}") from error


def load_scenario(path: Path) -> tuple[Fault, ...]:
    """Read a fault script from a YAML or JSON file.

    Raises:
        ScenarioError: The file is missing, is not YAML, or holds something else than faults.
    """
    if not path.is_file():
        raise ScenarioError(f"{path}: no such scenario file")
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ScenarioError(f"{path}: not valid YAML: {error}".replace("\n", " ")) from error
    try:
        return parse_faults(data)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error
