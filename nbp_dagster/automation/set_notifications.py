"""Sets that are approved as a whole, or published, told to a function of the user's choice.

Must not know: Slack, e-mail, or any other way to reach somebody; the ledger; files.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

import dagster as dg

from nbp_dagster.assets.names import Names
from nbp_dagster.automation.notifications import describe_refused_notify
from nbp_dagster.errors import NbpError
from nbp_dagster.foreign_text import redact

SetKind = Literal["set_approved", "set_published"]

EVERY_SET_KIND: tuple[SetKind, ...] = ("set_approved", "set_published")

# Events of one look; the rest is read by the next.
_AT_ONCE = 100
_MAX_CHARS = 300

_Record = dg.EventLogRecord
_KINDS: Final = ("sets", "observed", "published")


class SetNotifyFailed(NbpError):
    """The user's function raised; the tick shows it, and the next one tells it again."""


@dataclass(frozen=True, kw_only=True)
class SetNotification:
    """A set that is done, for a person.

    Attributes:
        kind: `set_approved` when no picture of the set waits for a decision or is rejected any
            more, `set_published` when a target has it anew.
        title: One line.
        text: One paragraph.
        campaign: Id of the campaign.
        pictures: Approved pictures, or files that were published.
        places: Where it was published, one line a target.
        link: The set's page in Dagster; None without a webserver's address.
    """

    kind: SetKind
    title: str
    text: str
    campaign: str
    pictures: int
    places: tuple[str, ...] = ()
    link: str | None = None


@dataclass
class _Cursor:
    """How far the sensor has read, and which approved sets it has told.

    Attributes:
        seen: The number of the last event of each kind.
        approved: Digest of the approved set that was told, by campaign.
    """

    seen: dict[str, int] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)

    def dump(self) -> str:
        return json.dumps(vars(self), sort_keys=True)


def build_set_notification_sensor(
    notify: Callable[[SetNotification], object],
    *,
    name: str = "marketing_set_notifications",
    on: Sequence[SetKind] = EVERY_SET_KIND,
    key_prefix: str | Sequence[str] | None = None,
    webserver_url: str | None = None,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds: int = 30,
) -> dg.SensorDefinition:
    """Return a sensor that tells of each set that is approved as a whole, or published.

    A set is told as approved once for its pictures: again only after it was not, or with other
    pictures. It is told until `notify` returns: what it raises fails the tick, and the next tick
    tells it again. The first look only marks where the log ends.

    Args:
        notify: Is given one `SetNotification`.
        name: The sensor's; one for each sensor of a code location.
        on: Which kinds are told.
        key_prefix: The component's, where the assets have one.
        webserver_url: Where the Dagster UI is, for links.
        default_status: Whether the sensor is on when it is first loaded.
        minimum_interval_seconds: Seconds between two looks.

    Raises:
        ValueError: `on` names something else, or nothing.

    Example:
        >>> defs = dg.Definitions(sensors=[build_set_notification_sensor(print)])
    """
    unknown = sorted(set(on) - set(EVERY_SET_KIND))
    if unknown or not on:
        raise ValueError(f"on={list(on)!r}; accepted: one or more of {', '.join(EVERY_SET_KIND)}")
    parts = (key_prefix,) if isinstance(key_prefix, str) else tuple(key_prefix or ())
    names = Names(parts)

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if context.cursor is None:
            cursor = _mark_end(context.instance, names)
            return dg.SensorResult(skip_reason="told from now on", cursor=cursor.dump())
        cursor = _Cursor(**json.loads(context.cursor))
        told: list[str] = []
        for found in _read(context.instance, names, cursor, webserver_url):
            if found is not None and found.kind in on:
                refused = _tell(notify, found)
                if refused is not None:
                    if not told:
                        raise SetNotifyFailed(refused) from None
                    # What was told is remembered; the next tick begins with this one.
                    return dg.SensorResult(skip_reason=refused, cursor=told[-1])
            told.append(cursor.dump())
        words = f"{len(told)} events looked at" if told else "no set is approved or published anew"
        return dg.SensorResult(skip_reason=words, cursor=cursor.dump())

    return dg.SensorDefinition(
        name=name,
        evaluation_fn=evaluate,
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description="Tells somebody of sets that are approved as a whole, or published. Free.",
    )


def _mark_end(instance: dg.DagsterInstance, names: Names) -> _Cursor:
    """Return the cursor of a log that was read to its end, and of sets that are approved now."""
    cursor = _Cursor()
    for kind in _KINDS:
        newest = _fetch(instance, names, kind, after=None, ascending=False, limit=1)
        cursor.seen[kind] = newest[0].storage_id if newest else 0
    latest = [
        record
        for kind in ("sets", "observed")
        for record in _fetch(instance, names, kind, after=None, ascending=False, limit=_AT_ONCE)
    ]
    for record in sorted(latest, key=lambda each: each.storage_id):
        _note_approval(record, cursor)
    return cursor


def _read(
    instance: dg.DagsterInstance, names: Names, cursor: _Cursor, url: str | None
) -> Iterator[SetNotification | None]:
    """Yield what there is to tell of each new event, oldest first; the cursor goes along."""
    found = [
        (record, kind)
        for kind in _KINDS
        for record in _fetch(
            instance, names, kind, after=cursor.seen.get(kind, 0), ascending=True, limit=_AT_ONCE
        )
    ]
    for record, kind in sorted(found, key=lambda each: each[0].storage_id):
        cursor.seen[kind] = record.storage_id
        if kind == "published":
            yield _describe_published(record, names, url)
        elif _note_approval(record, cursor):
            yield _describe_approved(record, names, url)
        else:
            yield None


def _fetch(
    instance: dg.DagsterInstance,
    names: Names,
    kind: str,
    *,
    after: int | None,
    ascending: bool,
    limit: int,
) -> Sequence[_Record]:
    key = names.published_sets if kind == "published" else names.campaign_sets
    wanted = dg.AssetRecordsFilter(asset_key=key, after_storage_id=after)
    fetch = instance.fetch_observations if kind == "observed" else instance.fetch_materializations
    return fetch(wanted, limit=limit, ascending=ascending).records


def _note_approval(record: _Record, cursor: _Cursor) -> bool:
    """Note whether a set is approved as a whole; return whether it was not, with these pictures."""
    campaign = record.partition_key or ""
    if not _value(record, "approved_as_a_whole"):
        cursor.approved.pop(campaign, None)
        return False
    digest = str(_value(record, "set_digest"))
    is_new = cursor.approved.get(campaign) != digest
    cursor.approved[campaign] = digest
    return is_new


def _describe_approved(record: _Record, names: Names, url: str | None) -> SetNotification:
    campaign = record.partition_key or ""
    approved, missing = _number(record, "approved"), _number(record, "missing")
    parts = [f"Every picture of {campaign} is decided, and none is rejected: {approved} approved."]
    if passed := _number(record, "passed_over"):
        parts.append(f"{passed} variants were passed over.")
    if missing:
        parts.append(f"{missing} prompts have no picture.")
    if _value(record, "drawn_by") == "SIMULATED":
        parts.append("The pictures are simulated: a rehearsal.")
    else:
        parts.append("It is published by materializing published_sets.")
    link = _link(url, names.campaign_sets, campaign)
    return SetNotification(
        kind="set_approved",
        title=f"Marketing images of {campaign}: approved, {approved} pictures",
        text=" ".join([*parts, *([link] if link else [])]),
        campaign=campaign,
        pictures=approved,
        link=link,
    )


def _describe_published(record: _Record, names: Names, url: str | None) -> SetNotification | None:
    """Return what was published; None where every target had the set already."""
    lines = _value(record, "targets")
    places = tuple(
        redact(str(line).removesuffix(_NEW), max_chars=_MAX_CHARS)
        for line in (lines if isinstance(lines, list) else [])
        if str(line).endswith(_NEW)
    )
    if not places:
        return None
    campaign, files = record.partition_key or "", _number(record, "files")
    link = _link(url, names.published_sets, campaign)
    where = "; ".join(places)
    return SetNotification(
        kind="set_published",
        title=f"Marketing images of {campaign}: published to {len(places)} "
        f"place{'s' if len(places) > 1 else ''}",
        text=" ".join([f"{files} files, to {where}.", *([link] if link else [])]),
        campaign=campaign,
        pictures=files,
        places=places,
        link=link,
    )


# How `published_sets` ends its line of a target that has the set anew.
_NEW: Final = ": published"


def _link(url: str | None, key: dg.AssetKey, campaign: str) -> str | None:
    if not url:
        return None
    path = "/".join(quote(part) for part in key.path)
    return f"{url.rstrip('/')}/assets/{path}?partition={quote(campaign)}"


def _value(record: _Record, name: str) -> Any:
    event = record.asset_observation or record.asset_materialization
    found = None if event is None else event.metadata.get(name)
    return None if found is None else found.value


def _number(record: _Record, name: str) -> int:
    return int(_value(record, name) or 0)


def _tell(notify: Callable[[SetNotification], object], found: SetNotification) -> str | None:
    """Tell it; return why that failed, without addresses."""
    try:
        notify(found)
    except Exception as error:  # noqa: BLE001
        return describe_refused_notify(f"{found.kind} of {found.campaign}", error)
    return None
