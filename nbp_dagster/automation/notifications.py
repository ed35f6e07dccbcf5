"""Runs of our assets that need a person, told to a function of the user's choice.

Must not know: Slack, e-mail, or any other way to reach somebody.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import dagster as dg

from nbp_dagster._dagster_private import JobFailureData, SerializableErrorInfo
from nbp_dagster.assets.materializations import range_of
from nbp_dagster.assets.names import PROMPT_STEP, SHEET_STEP, Names, list_keys, scoped
from nbp_dagster.assets.step_failures import (
    BY_STATE,
    COUNT,
    OVER_BUDGET,
    REFUSED,
    WITHOUT_IMAGE,
)
from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import redact

Kind = Literal["run_failure", "budget_reached", "refusals"]

EVERY_KIND: tuple[Kind, ...] = ("run_failure", "budget_reached", "refusals")

# Reasons told in the text; the run's page has every one.
_REASONS = 3
_MAX_CHARS = 300
# Events read at a time.
_PAGE = 1000

# A webhook's address is a secret, and libraries quote it whole or as a path.
_ADDRESS = re.compile(r"https?://\S+|(?<=url: )\S+")


class NotifyFailed(NbpError):
    """The user's function raised; the tick shows it, and the next runs are told all the same."""


@dataclass(frozen=True, kw_only=True)
class Notification:
    """One failed run, for a person.

    Attributes:
        kind: `budget_reached` when prompts were over a cap, `refusals` when the content policy
            refused and nothing else went wrong, else `run_failure`.
        title: One line.
        text: One paragraph: what failed, how many have no image, why, what was spent, where.
        without_image: Prompts or sheets without an image; 0 when the run failed before it could
            tell.
        reasons: The first reasons, one line each, with the prompt.
        spent_usd: What the images recorded by this run were billed; 0 where the simulator drew.
            `nbp ledger` also knows of jobs that a stopped run left at the service.
        campaigns: Ids of the campaigns that the failure or the run names.
        run_id: Dagster's id of the run.
        link: The run's page; None without a webserver's address.
    """

    kind: Kind
    title: str
    text: str
    without_image: int
    reasons: tuple[str, ...]
    spent_usd: Decimal
    campaigns: tuple[str, ...]
    run_id: str
    link: str | None


def build_notification_sensor(
    notify: Callable[[Notification], object],
    *,
    name: str = "marketing_notifications",
    on: Sequence[Kind] = EVERY_KIND,
    key_prefix: str | Sequence[str] | None = None,
    assets: Sequence[dg.AssetKey] | None = None,
    monitored_jobs: Sequence[Any] | None = None,
    monitor_all_code_locations: bool = False,
    webserver_url: str | None = None,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds: int | None = None,
) -> dg.SensorDefinition:
    """Return a sensor that tells of each failed run of our assets once.

    Args:
        notify: Is given one `Notification`. What it raises becomes the tick's error.
        name: The sensor's; one for each sensor of a code location.
        on: Which kinds are told. A run of several kinds is told as the first of these that it is:
            `budget_reached`, `run_failure`, `refusals`.
        key_prefix: The component's, where the assets have one.
        assets: Tell only of runs that make one of these; all seven assets when None.
        monitored_jobs: As `dagster.run_failure_sensor` takes them; every job of the sensor's code
            location when None.
        monitor_all_code_locations: Look at every run of the instance, in place of
            `monitored_jobs`; those of `nbp run` belong to no code location.
        webserver_url: Where the Dagster UI is, for links.
        default_status: Whether the sensor is on when it is first loaded.
        minimum_interval_seconds: Seconds between two looks; Dagster's own (30) when None.

    Raises:
        ValueError: `on` names something else, or nothing.

    Example:
        >>> defs = dg.Definitions(sensors=[build_notification_sensor(print)])
    """
    unknown = sorted(set(on) - set(EVERY_KIND))
    if unknown or not on:
        raise ValueError(f"on={list(on)!r}; accepted: one or more of {', '.join(EVERY_KIND)}")
    parts = (key_prefix,) if isinstance(key_prefix, str) else tuple(key_prefix or ())
    names = Names(parts)
    watched = list_keys(names) if assets is None else frozenset(assets)

    @dg.run_failure_sensor(
        name=name,
        description="Tells somebody of failed runs of marketing images, once a run.",
        monitored_jobs=None if monitored_jobs is None else list(monitored_jobs),
        monitor_all_code_locations=monitor_all_code_locations,
        default_status=default_status,
        minimum_interval_seconds=minimum_interval_seconds,
    )
    def sensor(context: dg.RunFailureSensorContext) -> None:
        # No SkipReason for the others: after one, Dagster looks at no further run in this tick.
        if watched & _assets_of(context.instance, context.dagster_run) and _is_first(context):
            found = describe_failure(context, names=names, on=on, webserver_url=webserver_url)
            if found is not None:
                _tell(notify, found)

    return sensor


def _is_first(context: dg.RunFailureSensorContext) -> bool:
    """Whether this is the first time that the run failed.

    One that was taken for dead and lives fails once more by itself, and a retry that does not come
    is asked for by telling Dagster of the failure again.
    """
    run_id, kind = context.dagster_run.run_id, dg.DagsterEventType.RUN_FAILURE
    failures = context.instance.all_logs(run_id, of_type=kind)
    return not failures or failures[0].dagster_event == context.failure_event


def describe_failure(
    context: dg.RunFailureSensorContext,
    *,
    names: Names,
    on: Sequence[Kind],
    webserver_url: str | None = None,
) -> Notification | None:
    """Return what there is to tell of a failed run; None when its kind is not asked for."""
    failures = [_read_step(event) for event in context.get_step_failure_events()]
    if not failures:
        # Before its first step: no key, no database, a process that died.
        failures = [_StepFailure(step="", words=_run_words(context.failure_event))]
    kind = _choose(failures, on)
    if kind is None:
        return None
    run = context.dagster_run
    spent = _read_spending(context.instance, run.run_id, names)
    reasons = [reason for failure in failures for reason in failure.reasons][:_REASONS]
    campaigns = _campaigns(names, run, failures, spent)
    count = sum(failure.count for failure in failures)
    link = f"{webserver_url.rstrip('/')}/runs/{run.run_id}" if webserver_url else None
    return Notification(
        kind=kind,
        title=_title(kind, count, campaigns),
        text=_text(failures, reasons, spent, run_id=run.run_id, link=link),
        without_image=count,
        reasons=tuple(reasons),
        spent_usd=spent.usd,
        campaigns=campaigns,
        run_id=run.run_id,
        link=link,
    )


@dataclass(frozen=True)
class _StepFailure:
    """A failed step: what `fail_step` wrote, or only an error's words.

    Attributes:
        rows: Prompt, state and reason of those shown; the states of all are in `states`.
    """

    step: str
    words: str
    rows: tuple[tuple[str, str, str], ...] = ()
    states: frozenset[str] = frozenset()
    count: int = 0

    @property
    def kinds(self) -> set[Kind]:
        return {_kind_of(state) for state in self.states} or {"run_failure"}

    @property
    def reasons(self) -> list[str]:
        # Some reasons begin with the prompt's key already.
        return [
            f"{prompt}: {_cut(reason.removeprefix(f'{prompt}: '))}"
            for prompt, _, reason in self.rows
        ]


@dataclass(frozen=True)
class _Spending:
    usd: Decimal = Decimal(0)
    is_simulated: bool = False
    partitions: tuple[str, ...] = ()


def _assets_of(instance: dg.DagsterInstance, run: dg.DagsterRun) -> set[dg.AssetKey]:
    """Return the assets a run makes or checks; a job's run names them only in its plan."""
    found = set(run.asset_selection or ())
    found |= {check.asset_key for check in run.asset_check_selection or ()}
    for event in _events(instance, run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED):
        if event.asset_key is not None:
            found.add(event.asset_key)
    return found


def _events(
    instance: dg.DagsterInstance, run_id: str, kind: dg.DagsterEventType
) -> Iterator[dg.DagsterEvent]:
    cursor, has_more = None, True
    while has_more:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=kind, limit=_PAGE)
        for record in page.records:
            if record.event_log_entry.dagster_event is not None:
                yield record.event_log_entry.dagster_event
        cursor, has_more = page.cursor, page.has_more


def _read_step(event: dg.DagsterEvent) -> _StepFailure:
    data, step = event.step_failure_data, event.step_key or ""
    if data.user_failure_data is None:
        return _StepFailure(step=step, words=_innermost(data.error))
    metadata = data.user_failure_data.metadata
    table, count, states = (metadata.get(name) for name in (WITHOUT_IMAGE, COUNT, BY_STATE))
    rows: tuple[tuple[str, str, str], ...] = ()
    if isinstance(table, dg.TableMetadataValue):
        rows = tuple(
            (str(row.data["prompt"]), str(row.data["state"]), str(row.data["reason"]))
            for row in table.records
        )
    total = count.value if isinstance(count, dg.IntMetadataValue) else None
    return _StepFailure(
        step=step,
        words=_cut(data.user_failure_data.description or "no reason given"),
        rows=rows,
        # A run from before the states were counted has only its rows.
        states=frozenset(
            states.value
            if isinstance(states, dg.JsonMetadataValue) and isinstance(states.value, dict)
            else (state for _, state, _ in rows)
        ),
        count=len(rows) if total is None else total,
    )


def _run_words(event: dg.DagsterEvent) -> str:
    data = event.event_specific_data
    if isinstance(data, JobFailureData) and data.error is not None:
        return _innermost(data.error)
    return _cut(event.message or "the run failed and did not say why")


def _innermost(error: SerializableErrorInfo | None) -> str:
    """Return the first cause's class and words: the outer ones only say that a step failed."""
    while error is not None and error.cause is not None:
        error = error.cause
    return "no reason given" if error is None else _cut(error.message)


def _kind_of(state: str) -> Kind:
    if state == REFUSED:
        return "refusals"
    return "budget_reached" if state == OVER_BUDGET else "run_failure"


def _choose(failures: Sequence[_StepFailure], on: Sequence[Kind]) -> Kind | None:
    present = {kind for failure in failures for kind in failure.kinds}
    order: tuple[Kind, ...] = ("budget_reached", "run_failure", "refusals")
    return next((kind for kind in order if kind in present and kind in on), None)


def _read_spending(instance: dg.DagsterInstance, run_id: str, names: Names) -> _Spending:
    paid = {names.generated_images, names.character_sheets}
    usd, simulated, partitions = Decimal(0), False, dict[str, None]()
    for event in _events(instance, run_id, dg.DagsterEventType.ASSET_MATERIALIZATION):
        if event.asset_key not in paid:
            continue
        materialization = event.step_materialization_data.materialization
        if event.asset_key == names.generated_images and materialization.partition:
            partitions[materialization.partition] = None
        if _value(materialization, "drawn_by") == "SIMULATED":
            simulated = True
        else:
            usd += Decimal(str(_value(materialization, "price_usd") or 0))
    return _Spending(usd, simulated, tuple(partitions))


def _value(materialization: dg.AssetMaterialization, name: str) -> object:
    found = materialization.metadata.get(name)
    return None if found is None else found.value


def _campaigns(
    names: Names, run: dg.DagsterRun, failures: Sequence[_StepFailure], spent: _Spending
) -> tuple[str, ...]:
    """Return the campaigns named by failed prompts, made prompts and the run's partitions."""
    sheet_step = scoped(names, SHEET_STEP)
    keys = [
        prompt
        for failure in failures
        if failure.step != sheet_step
        for prompt, _, _ in failure.rows
    ]
    keys += spent.partitions
    steps = {failure.step for failure in failures}
    if scoped(names, PROMPT_STEP) in steps:
        keys += range_of(run) or ()
    return tuple(dict.fromkeys(key.split("/")[0] for key in keys))


def _title(kind: Kind, count: int, campaigns: Sequence[str]) -> str:
    of = f" of {', '.join(campaigns)}" if campaigns else ""
    if kind == "budget_reached":
        return f"Marketing images{of}: a budget is reached, {count:,} without an image"
    if kind == "refusals":
        return f"Marketing images{of}: {count:,} refused by the content policy"
    if count:
        return f"Marketing images{of}: {count:,} without an image"
    return f"Marketing images{of}: a run failed"


def _text(
    failures: Sequence[_StepFailure],
    reasons: Sequence[str],
    spent: _Spending,
    *,
    run_id: str,
    link: str | None,
) -> str:
    parts = [_sentence(" ".join(_sentence(failure.words) for failure in failures))]
    if reasons:
        parts.append(_sentence(f"First reasons: {'; '.join(reasons)}"))
    if spent.is_simulated:
        parts.append("The simulator drew: nothing was paid.")
    else:
        parts.append(f"Images recorded by this run cost {spent.usd:.2f} USD.")
    parts.append(f"Run {run_id[:8]}: {link}" if link else f"Run {run_id}.")
    return " ".join(parts)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _cut(text: str) -> str:
    return redact(text, max_chars=_MAX_CHARS)


def _tell(notify: Callable[[Notification], object], notification: Notification) -> None:
    try:
        notify(notification)
    except Exception as error:  # noqa: BLE001
        told = describe_refused_notify(f"run {notification.run_id} ({notification.kind})", error)
        # From None: the chain's messages would quote the address after all.
        raise NotifyFailed(f"{told}; this run is not told again") from None


def describe_refused_notify(what: str, error: Exception) -> str:
    """Return in one line that a user's function raised, without the addresses it quotes.

    Args:
        what: What the notification was of.
        error: What was raised.
    """
    words = redact(_ADDRESS.sub("[address]", str(error)), max_chars=_MAX_CHARS)
    return (
        f"the notification of {what} was not delivered: notify raised {type(error).__name__}: "
        f"{words or 'no words'}"
    )
