"""The checks of the pictures as Dagster asset checks: one evaluation a run, whatever its size."""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import dagster as dg

from nbp_dagster.assets.metadata import table
from nbp_dagster.clock import iso_time
from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS, tell_failure
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord, judge_strictly
from nbp_dagster.studio.renditions.picture_checks import PICTURE_CHECKS
from nbp_dagster.studio.review.approvals import (
    ApprovalState,
    ReviewedPicture,
    count_states,
    describe_decision,
    review_pictures,
)
from nbp_dagster.studio.review.decision_log import Decision, Place
from nbp_dagster.studio.studio import Studio

APPROVED = "approved"
"""The check that people answer: it fails until every picture of a prompt is approved."""

# Rows of pictures that fall short in one evaluation; their number is given in full.
_ROWS = 200
# Campaigns that one line names.
_CAMPAIGNS = 5


def specs(asset: dg.AssetKey) -> list[dg.AssetCheckSpec]:
    """Return a spec for every check of a rendition or of an original, and for their approval."""
    described = {check.name: check.description for check in PICTURE_CHECKS}
    described[APPROVED] = (
        "A person has approved every picture of the prompt, as exactly these bytes, with "
        "`nbp review`; new ones are pending."
    )
    return [
        dg.AssetCheckSpec(name, asset=asset, description=description)
        for name, description in described.items()
    ]


@dataclass(frozen=True)
class _Shortfall:
    """A picture, or a prompt's original, that a check failed."""

    prompt_key: str
    channel: str
    locale: str
    item: CheckFacts


@dataclass
class _Count:
    """One check over all pictures looked at."""

    pictures: int = 0
    failed: int = 0
    skipped: int = 0
    # Pictures of other runs' prompts that fall short still.
    earlier: int = 0
    errors: int = 0
    # Pictures that fall short, by campaign.
    campaigns: Counter[str] = field(default_factory=Counter)
    # Why it could not look, the first of the reasons.
    why_skipped: str = ""
    # Those shown; `failed` counts them all.
    shown: list["_Shortfall"] = field(default_factory=list)


class Judgement:
    """What the checks said of a run's pictures, added up as they come; keeps no record.

    Every picture's own results are in its partition's metadata, its record and the manifest; an
    event a picture and check would cost more than the check itself.

    Example:
        >>> judgement = Judgement(names.channel_images)
        >>> judgement.add(record)
        >>> yield from judgement.results(context.selected_asset_check_keys)
    """

    def __init__(self, asset: dg.AssetKey, *, strict: bool = False) -> None:
        self._asset = asset
        self._strict = strict
        self._counts = {check.name: _Count() for check in PICTURE_CHECKS}

    def add(self, record: PromptRecord) -> None:
        """Count a prompt's pictures, and its original."""
        for found in _findings(record, strict=self._strict):
            count = self._counts.get(found.item.name)
            if count is None:
                # Recorded by a version that had another check.
                continue
            count.pictures += 1
            if found.item.verdict == "skipped":
                count.skipped += 1
                count.why_skipped = count.why_skipped or found.item.sentence
            if found.item.verdict == "failed":
                _count_failed(count, found)

    def add_earlier(self, studio: Studio, looked_at: Container[str]) -> None:
        """Count what falls short still of prompts that the run did not look at.

        Dagster shows a check by its latest evaluation: a run of other prompts must not turn it
        green. They are judged as this run judges its own, whatever run recorded them.
        """
        wanted = {prompt.key for prompt in studio.prompts if prompt.key not in looked_at}
        if not self._strict:
            # A record is flagged for what failed, not for what a strict run fails besides.
            wanted &= set(studio.records.list_falling_short())
        for key in sorted(wanted):
            record = studio.records.read(key, keeps=False)
            for found in () if record is None else _findings(record, strict=self._strict):
                count = self._counts.get(found.item.name)
                if count is not None and found.item.verdict == "failed":
                    count.pictures += 1
                    count.earlier += 1
                    _count_failed(count, found)

    def unlooked(self) -> Iterator[str]:
        """Say which checks could look at no picture at all, one line for each reason."""
        names: dict[str, list[str]] = {}
        for name, count in self._counts.items():
            if count.pictures and count.pictures == count.skipped:
                names.setdefault(count.why_skipped, []).append(name)
        for why, without in names.items():
            yield f"no verdict of {', '.join(without)}: {why}"

    def results(self, selected: Iterable[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
        """Sum each selected check up over all pictures of the run."""
        wanted = {key.name for key in selected}
        for check in PICTURE_CHECKS:
            count = self._counts[check.name]
            # Nothing looked at is nothing said: neither passed nor failed.
            if check.name in wanted and count.pictures > count.skipped:
                # A brand may have made an error of what warns elsewhere.
                severity = "error" if count.errors else check.severity
                yield _result(check.name, severity, self._asset, count)


def _count_failed(count: _Count, found: _Shortfall) -> None:
    count.failed += 1
    count.campaigns[found.prompt_key.partition("/")[0]] += 1
    count.errors += found.item.severity == "error"
    if len(count.shown) < _ROWS:
        count.shown.append(found)


def log_shortfalls(
    context: dg.AssetExecutionContext,
    record: PromptRecord,
    asset: dg.AssetKey,
    *,
    strict: bool = False,
) -> None:
    """Log an evaluation for each check in which a prompt falls short, and for no other."""
    findings = _findings(record, strict=strict)
    failed = [found for found in findings if found.item.verdict == "failed"]
    for name in sorted({found.item.name for found in failed}):
        rows = [found for found in failed if found.item.name == name]
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=asset,
                check_name=name,
                passed=False,
                partition=record.prompt_key,
                severity=dg.AssetCheckSeverity[rows[0].item.severity.upper()],
                description=f"{record.prompt_key}: {tell_failure(rows[0].item)}",
                metadata={"falling_short": _shortfalls(rows)},
            )
        )


class Approvals:
    """Logs, from a step, whether prompts are approved: where approval is required or was given.

    A campaign that nobody reviews has no event of it.
    """

    def __init__(
        self, context: dg.AssetExecutionContext, studio: Studio, asset: dg.AssetKey
    ) -> None:
        self._context = context
        self._studio = studio
        self._asset = asset
        self._latest: dict[str, Mapping[Place, Decision]] = {}

    def log(self, record: PromptRecord) -> None:
        """Log the evaluation of a prompt whose pictures were made, or made again."""
        campaign = record.prompt_key.partition("/")[0]
        if campaign not in self._latest:
            self._latest[campaign] = self._studio.decisions.latest(campaign)
        decided = self._latest[campaign]
        is_required = self._studio.briefs.campaigns[campaign].require_approval
        if is_required or any(place.prompt_key == record.prompt_key for place in decided):
            self._context.log_event(evaluate_approval(self._asset, record, decided))


def evaluate_approval(
    asset: dg.AssetKey, record: PromptRecord, decisions: Mapping[Place, Decision]
) -> dg.AssetCheckEvaluation:
    """Return whether a prompt's pictures are approved, with who decided what about each, and when.

    Args:
        asset: The pictures' asset.
        record: The prompt's pictures as they are now.
        decisions: The latest one about each file.
    """
    rows = review_pictures(record, decisions)
    counted = count_states(rows)
    settled = counted["approved"] + counted["passed_over"]
    told = [f"{number} {state.replace('_', ' ')}" for state, number in counted.items() if number]
    severity = dg.AssetCheckSeverity.ERROR if counted["rejected"] else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=APPROVED,
        passed=bool(rows) and settled == len(rows),
        partition=record.prompt_key,
        severity=severity,
        description=f"{record.prompt_key}: {', '.join(told) or 'no picture'}",
        metadata={"pictures": len(rows), "decisions": _decisions(rows)},
    )


def sum_up_approval(
    asset: dg.AssetKey, counts: Mapping[str, Mapping[ApprovalState, int]]
) -> dg.AssetCheckEvaluation:
    """Return whether whole campaigns are approved: the check's state over all its prompts.

    Args:
        asset: The pictures' asset.
        counts: Pictures of each campaign's set by their state.
    """
    left = {
        campaign: counted["pending"] + counted["rejected"] for campaign, counted in counts.items()
    }
    named = [
        f"{campaign}: {sum(counted.values()) - left[campaign]} of {sum(counted.values())} settled"
        for campaign, counted in sorted(counts.items(), key=lambda row: -left[row[0]])
    ]
    more = [f"{len(named) - _CAMPAIGNS} more campaigns"] if len(named) > _CAMPAIGNS else []
    rejected = any(counted["rejected"] for counted in counts.values())
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        check_name=APPROVED,
        passed=not any(left.values()),
        severity=dg.AssetCheckSeverity.ERROR if rejected else dg.AssetCheckSeverity.WARN,
        description="; ".join([*named[:_CAMPAIGNS], *more]) or "no set is here",
        metadata={
            "campaigns": table(
                {"campaign": campaign, **counted} for campaign, counted in counts.items()
            )
        },
    )


def _decisions(rows: Iterable[ReviewedPicture]) -> dg.TableMetadataValue | str:
    return table(
        {
            "channel": row.picture.channel,
            "locale": row.picture.locale,
            "state": row.state,
            "who": row.decision.who if row.decision else "",
            "when": iso_time(row.decision.decided_at) if row.decision else "",
            "why": describe_decision(row),
        }
        for row in rows
    )


def _findings(record: PromptRecord, *, strict: bool) -> Iterator[_Shortfall]:
    """Every check of every rendition, then those of the original."""
    rows = [
        _Shortfall(record.prompt_key, picture.channel, picture.locale, item)
        for picture in record.pictures
        for item in picture.checks
    ]
    rows += [
        _Shortfall(record.prompt_key, "every channel", "every locale", item)
        for item in record.checks
    ]
    for row in rows:
        yield replace(row, item=judge_strictly(row.item)) if strict else row


def _shortfalls(failed: Sequence[_Shortfall]) -> dg.TableMetadataValue | str:
    return table(
        {
            "prompt": found.prompt_key,
            "channel": found.channel,
            "locale": found.locale,
            "why": found.item.sentence,
        }
        for found in failed[:_ROWS]
    )


def _sum_up(name: str, passed: int, count: _Count) -> str:
    """Return the counts, and of what falls short the campaigns and what is wrong, in words."""
    counted = f"{passed} of {count.pictures} pictures passed"
    if count.earlier:
        counted += f" ({count.earlier} of other runs fall short still)"
    if not count.failed:
        return counted
    named = [f"{failed} of {name}" for name, failed in count.campaigns.most_common(_CAMPAIGNS)]
    more = len(count.campaigns) - len(named)
    if more:
        named.append(f"{more} more campaigns")
    wrong = FAILURE_WORDS.get(name, f"failed: {name.replace('_', ' ')}")
    return f"{counted}; {wrong}: {', '.join(named)}"


def _result(name: str, severity: str, asset: dg.AssetKey, count: _Count) -> dg.AssetCheckResult:
    passed = count.pictures - count.failed - count.skipped
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not count.failed,
        severity=dg.AssetCheckSeverity[severity.upper()],
        description=_sum_up(name, passed, count),
        metadata={
            "pictures": count.pictures,
            "failed": count.failed,
            "skipped": count.skipped,
            **({"of_other_runs": count.earlier} if count.earlier else {}),
            **({"campaigns": dg.MetadataValue.json(dict(count.campaigns))} if count.failed else {}),
            "falling_short": _shortfalls(count.shown),
        },
    )
