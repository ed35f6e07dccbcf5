"""The sensor that notices edited briefs: it has the free assets recorded, and spends nothing."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import dagster as dg

from nbp_dagster._dagster_private import UnresolvedAssetJobDefinition
from nbp_dagster.assets.materializations import recorded_versions
from nbp_dagster.assets.names import Names, scoped
from nbp_dagster.assets.partitions import range_tags
from nbp_dagster.assets.step import studio_for_sensor
from nbp_dagster.automation.reload import Reload
from nbp_dagster.automation.schedules import LAUNCHED_BY, REASON
from nbp_dagster.automation.stale_partitions import ask_for_sheets, missing_sheets
from nbp_dagster.briefs.brief import BriefKind, Briefs
from nbp_dagster.briefs.images import BRANDS_FOLDER
from nbp_dagster.briefs.supplied_images import hash_brand, hash_campaign
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import expand, sheet_keys
from nbp_dagster.studio.studio import Studio

_CHANNELS = "channels"
# Keys named in one message; the rest is counted.
_NAMED = 5


def briefs_sensor_name(names: Names) -> str:
    """Return the sensor's name: `briefs_changed`, or `acme__briefs_changed`."""
    return scoped(names, "briefs_changed")


def build_free_jobs(names: Names) -> tuple[UnresolvedAssetJobDefinition, ...]:
    """Return the sensor's two jobs: brand kits, and requests of prompts."""
    return (
        dg.define_asset_job(
            scoped(names, "read_brands"),
            selection=dg.AssetSelection.assets(names.brand_kits),
            description="Reads and records brand kits. Free.",
        ),
        dg.define_asset_job(
            scoped(names, "read_requests"),
            selection=dg.AssetSelection.assets(names.image_requests),
            description="Compiles and records the requests of prompts. Free.",
        ),
    )


def build_briefs_sensor(
    briefs: Briefs,
    names: Names,
    *,
    jobs: Sequence[UnresolvedAssetJobDefinition],
    status: dg.DefaultSensorStatus,
    reload: Reload | None,
) -> dg.SensorDefinition:
    """Return the sensor of one folder of briefs.

    Args:
        briefs: Those the definitions were built from.
        names: Keys of the assets.
        jobs: What `build_free_jobs` returned.
        status: Whether it runs unless somebody says otherwise.
        reload: Has the code location reloaded; None asks people to.
    """
    loaded = _partition_keys(briefs)

    def evaluate(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            now = load_briefs(briefs.root, leaves_out=True)
            tick = _Tick(context, names, now, loaded, reload=reload)
            return tick.run()
        except NbpError as error:
            # The cursor stays where it was: what is broken now is looked at again.
            return dg.SkipReason(str(error))

    return dg.SensorDefinition(
        name=briefs_sensor_name(names),
        evaluation_fn=evaluate,
        jobs=list(jobs),
        minimum_interval_seconds=30,
        default_status=status,
        description=(
            "Notices edited briefs by their content, and records brand kits and requests anew, so "
            "that exactly the pictures an edit touches show as stale. Free. Asks for a reload of "
            "the definitions where an edit adds or removes prompts."
        ),
    )


@dataclass(frozen=True)
class _Seen:
    """The cursor.

    Attributes:
        digests: Of each brief as it was last dealt with; None at the first tick.
        launches: How many ticks have launched something: part of the run keys, so that an edit
            that is taken back and made again is a change each time.
        asked: Digest of the partition keys a reload was last asked for.
        waiting: What is told of each campaign that waits for a character sheet.
        sheets: Storage id of the newest character sheet when these were last looked at; 0 where
            there was none. While it stays the same, the sheets are the same and are not read.
    """

    digests: Mapping[str, str] | None = None
    launches: int = 0
    asked: str = ""
    waiting: Mapping[str, str] = field(default_factory=dict)
    sheets: int = 0

    @classmethod
    def read(cls, cursor: str | None) -> "_Seen":
        return cls(**json.loads(cursor)) if cursor else cls()

    def write(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


@dataclass
class _Findings:
    """What a tick has to say and to launch."""

    messages: list[str] = field(default_factory=list)
    requests: list[dg.RunRequest] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)


class _Tick:
    def __init__(
        self,
        context: dg.SensorEvaluationContext,
        names: Names,
        briefs: Briefs,
        loaded: Mapping[str, tuple[str, ...]],
        *,
        reload: Reload | None,
    ) -> None:
        self._context = context
        self._names = names
        self._briefs = briefs
        self._loaded = loaded
        self._reload = reload
        self._seen = _Seen.read(context.cursor)
        self._digests = _digests(briefs)
        self._found = _Findings()

    def run(self) -> dg.SensorResult:
        """Compare, ask for what follows, and move the cursor."""
        before = self._seen.digests
        changed = {
            key for key, digest in self._digests.items() if (before or {}).get(key) != digest
        }
        away = set(before or {}) - set(self._digests)
        gone = {key for key in away if not self._is_left_out(key)}
        # What is broken is compared with what it was before once it is corrected.
        self._digests |= {
            key: digest for key, digest in (before or {}).items() if key in away - gone
        }
        self._tell(changed, gone)
        if changed or self._seen.waiting:
            self._follow(changed)
        self._compare_partitions()
        return self._result()

    def _tell(self, changed: set[str], gone: set[str]) -> None:
        """Name the briefs that are broken, and the edits since the last tick."""
        faults = [str(problem) for problem in self._briefs.set_aside]
        if faults:
            self._found.messages.append(f"left out until it is corrected: {_some(faults)}")
        if self._seen.digests is None:
            return
        named = [*sorted(changed), *(f"{key} (removed)" for key in sorted(gone))]
        if named:
            self._found.messages.append(f"changed: {_some(named)}")

    def _follow(self, changed: set[str]) -> None:
        brands = [
            brand
            for brand in self._briefs.brands
            if _brand_key(brand) in changed and brand in self._loaded["brands"]
        ]
        recorded = recorded_versions(self._context.instance, self._names.brand_kits, brands)
        for brand in brands:
            version = self._digests[_brand_key(brand)]
            # A kit that was never recorded has nothing downstream that could become stale.
            if recorded.get(brand, version) != version:
                self._request("read_brands", [brand], what=f"brand kit of {brand}", mark=version)
        campaigns = self._campaigns_to_follow(changed)
        if campaigns:
            with studio_for_sensor(self._context, self._names) as studio:
                for campaign_id in campaigns:
                    self._follow_campaign(studio, campaign_id)

    def _campaigns_to_follow(self, changed: set[str]) -> list[str]:
        """Return those an edit touches, and those that wait once there is another sheet.

        The others that wait go on waiting; the studio is not opened for them.
        """
        newest = self._newest_sheet()
        is_new, self._seen = newest != self._seen.sheets, replace(self._seen, sheets=newest)
        found = []
        for campaign in self._briefs.campaigns.values():
            key = _campaign_key(campaign.id)
            waits = self._seen.waiting.get(key)
            if changed & {key, _brand_key(campaign.brand), _CHANNELS} or (waits and is_new):
                found.append(campaign.id)
            elif waits:
                self._wait(key, waits)
        return found

    def _newest_sheet(self) -> int:
        """Return the storage id of the newest materialization of a character sheet; 0 for none."""
        sheets = self._names.character_sheets
        records = self._context.instance.fetch_materializations(sheets, limit=1).records
        return records[0].storage_id if records else 0

    def _wait(self, campaign: str, told: str) -> None:
        self._found.waiting[campaign] = told
        self._found.messages.append(told)

    def _follow_campaign(self, studio: Studio, campaign_id: str) -> None:
        known = frozenset(self._loaded["prompts"])
        prompts = [prompt for prompt in studio.prompts_of(campaign_id) if prompt.key in known]
        keys = [prompt.key for prompt in prompts]
        instance = self._context.instance
        recorded = recorded_versions(instance, self._names.image_requests, keys)
        if not recorded:
            return
        compiled = studio.compile(prompts)
        sheets = missing_sheets(studio, compiled.sheets, prompts)
        if sheets:
            # A run would fail for these; the campaign is looked at again when a sheet is made.
            told = f"{campaign_id} {ask_for_sheets(self._names, sheets, compiled)}"
            self._wait(_campaign_key(campaign_id), told)
            return
        wanted = {key: order.request.fingerprint for key, order in compiled.orders.items()}
        touched = [key for key in keys if key in wanted and recorded.get(key) != wanted[key]]
        if touched:
            what = f"requests of {campaign_id}: {len(touched)} of {len(keys)} changed"
            mark = _hash(wanted.values())
            self._request("read_requests", [keys[0], keys[-1]], what=what, mark=mark)

    def _request(self, job: str, partitions: Sequence[str], *, what: str, mark: str) -> None:
        self._found.messages.append(what)
        name = briefs_sensor_name(self._names)
        self._found.requests.append(
            dg.RunRequest(
                run_key=f"{name}:{self._seen.launches}:{partitions[0]}:{mark}",
                job_name=scoped(self._names, job),
                tags={**range_tags(partitions), LAUNCHED_BY: name, REASON: what},
            )
        )

    def _compare_partitions(self) -> None:
        """Say what the definitions do not have yet, or still have, and have them reloaded."""
        now = _partition_keys(self._briefs)
        if self._briefs.set_aside:
            # The partitions of a broken brief stay in the UI: it is about to be corrected.
            now = {grain: self._with_left_out(grain, keys) for grain, keys in now.items()}
        if now == self._loaded:
            self._seen = replace(self._seen, asked="")
            return
        new = [key for grain in now for key in now[grain] if key not in self._loaded[grain]]
        old = [key for grain in now for key in self._loaded[grain] if key not in now[grain]]
        told = [f"{word}: {_some(keys)}" for word, keys in (("new", new), ("gone", old)) if keys]
        asked = _hash([json.dumps(now)])
        text = "; ".join(told or ["partitions stand in another order"])
        if self._reload is None:
            text += ". Reload definitions, so that Dagster has them"
        elif self._seen.asked == asked:
            text += (
                ". The webserver was asked to reload; if this stays, reload definitions yourself"
            )
        else:
            origin = self._context.code_location_origin
            location = "nbp_dagster" if origin is None else origin.location_name
            text += f". {self._reload(location)}"
            self._seen = replace(self._seen, asked=asked)
        self._found.messages.append(text)

    def _is_left_out(self, brief: str) -> bool:
        folder, _, name = brief.partition("/")
        kind: BriefKind = "brand" if folder == BRANDS_FOLDER else "campaign"
        return bool(self._briefs.find_faults(kind, name))

    def _with_left_out(self, grain: str, now: Sequence[str]) -> tuple[str, ...]:
        """Return the partitions of now, and those loaded of briefs that are broken now."""
        to_key = _campaign_key if grain == "prompts" else _brand_key
        kept = {
            key for key in self._loaded[grain] if self._is_left_out(to_key(key.partition("/")[0]))
        }
        if [key for key in self._loaded[grain] if key not in kept] == list(now):
            return self._loaded[grain]
        return (*(key for key in self._loaded[grain] if key in kept), *now)

    def _result(self) -> dg.SensorResult:
        launches = self._seen.launches + bool(self._found.requests)
        cursor = replace(
            self._seen, digests=self._digests, launches=launches, waiting=self._found.waiting
        ).write()
        text = "; ".join(self._found.messages) or "no brief has changed"
        if self._found.requests:
            self._context.log.info("%s", text)
            return dg.SensorResult(run_requests=self._found.requests, cursor=cursor)
        return dg.SensorResult(skip_reason=dg.SkipReason(text), cursor=cursor)


def _digests(briefs: Briefs) -> dict[str, str]:
    """The content of every brief, with that of the images it names."""
    drawn = (json.dumps(channel.drawn, sort_keys=True) for channel in briefs.channels.values())
    own = () if briefs.disclosure is None else (briefs.disclosure.sha256,)
    return {
        _CHANNELS: _hash([*sorted(drawn), *own]),
        **{_brand_key(brand): hash_brand(briefs, brand) for brand in briefs.brands},
        **{
            _campaign_key(campaign): hash_campaign(briefs, campaign)
            for campaign in briefs.campaigns
        },
    }


def _partition_keys(briefs: Briefs) -> dict[str, tuple[str, ...]]:
    """Every partition by grain; the assets' own are computed from the same briefs."""
    return {
        "brands": tuple(briefs.brands),
        "sheets": sheet_keys(briefs),
        "prompts": tuple(prompt.key for prompt in expand(briefs)),
    }


def _brand_key(brand: str) -> str:
    return f"brands/{brand}"


def _campaign_key(campaign: str) -> str:
    return f"campaigns/{campaign}"


def _some(items: Sequence[str]) -> str:
    more = f" and {len(items) - _NAMED} more" if len(items) > _NAMED else ""
    return ", ".join(items[:_NAMED]) + more


def _hash(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
