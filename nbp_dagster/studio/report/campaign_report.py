"""A campaign in figures: what was made, what it cost, what checks and people said of it; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from nbp_dagster.clock import iso_time
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.report.spending import CampaignSpending
from nbp_dagster.studio.review.approvals import (
    ApprovalState,
    ReviewedPicture,
    count_states,
    list_unapproved,
    review_pictures,
)
from nbp_dagster.studio.review.check_agreement import (
    CheckAgreement,
    compare_with_checks,
    find_standing,
)
from nbp_dagster.studio.review.decision_log import ASKED_WORDS, EDIT_WORDS, Decision

IN_WORDS: Final = "in_words"
"""Stands for a check where a rejection gives its reason in free words."""

ASKED_AGAIN: Final = "asked_again"
"""Stands for a check where another picture was asked for."""


@dataclass(frozen=True)
class CheckRate:
    """How a check went over a set's pictures.

    Attributes:
        name: The check's.
        passed, failed, skipped: Pictures; a check of an original counts for each of its files.
        agreement: What people decided about pictures it judged; None where nobody did.
    """

    name: str
    passed: int
    failed: int
    skipped: int
    agreement: CheckAgreement | None = None

    @property
    def rate(self) -> float | None:
        """Share of the pictures it looked at that passed, 0 to 1; None where it looked at none."""
        looked = self.passed + self.failed
        return self.passed / looked if looked else None


@dataclass(frozen=True)
class LikenessPoint:
    """A character in one prompt's picture.

    Attributes:
        made_at: When the picture was finished, seconds since the epoch; None where unknown.
        state: Of the prompt's pictures: the worst of them, rejected before pending.
    """

    facts: LikenessFacts
    made_at: float | None
    state: ApprovalState


@dataclass(frozen=True, kw_only=True)
class CampaignReport:
    """What a campaign came to, at one moment.

    Attributes:
        at: That moment, seconds since the epoch.
        manifest: The set.
        budget_usd: What the campaign may cost; None where its brief is not here.
        spending: Its purchases.
        states: How many pictures of the set are in each state.
        is_approved: Whether no picture waits for a decision or is rejected.
        approved_prompts: Prompts with an approved picture.
        ever_rejected: Files that stand rejected, those of pictures since replaced included.
        reasons: How often each check was the reason; `IN_WORDS`, `ASKED_AGAIN` stand for others.
        by_shot: Rejected files by shot.
        by_character: Rejected files by each character of their shot.
        checks: By name.
        likenesses: By character, oldest first; those of an unknown time before all.
    """

    at: float
    manifest: SetManifest
    budget_usd: Decimal | None
    spending: CampaignSpending
    states: Mapping[ApprovalState, int]
    is_approved: bool
    approved_prompts: int
    ever_rejected: int
    reasons: Mapping[str, int]
    by_shot: Mapping[str, int]
    by_character: Mapping[str, int]
    checks: tuple[CheckRate, ...]
    likenesses: Mapping[str, tuple[LikenessPoint, ...]]

    @property
    def usd_per_approved(self) -> Decimal | None:
        """USD charged for the campaign, for each approved file; None where none is approved."""
        approved = self.states["approved"]
        return self.spending.billed_usd / approved if approved else None

    @property
    def usd_per_approved_prompt(self) -> Decimal | None:
        """USD charged for the campaign, for each prompt with an approved file."""
        prompts = self.approved_prompts
        return self.spending.billed_usd / prompts if prompts else None


def report_campaign(
    manifest: SetManifest,
    decisions: Sequence[Decision],
    spending: CampaignSpending,
    *,
    made_at: Mapping[str, float],
    budget_usd: Decimal | None,
    now: float,
) -> CampaignReport:
    """Return a campaign's report.

    Args:
        manifest: Its set.
        decisions: Every decision about its files, oldest first.
        spending: Its purchases.
        made_at: When pictures were finished, by generation id; seconds since the epoch.
        budget_usd: What it may cost; None where that is not known.
        now: Seconds since the epoch.
    """
    standing = find_standing(decisions)
    rows = review_pictures(manifest, standing)
    rejected = [row for row in standing.values() if row.verdict == "rejected"]
    casts = {shot.id: shot.characters for shot in manifest.shots}
    shots = [_shot_of(row) for row in rejected]
    return CampaignReport(
        at=now,
        manifest=manifest,
        budget_usd=budget_usd,
        spending=spending,
        states=count_states(rows),
        is_approved=bool(rows) and not list_unapproved(rows, requires_all=True),
        approved_prompts=len({row.place.prompt_key for row in rows if row.state == "approved"}),
        ever_rejected=len(rejected),
        reasons=_most_first(_reason(row) for row in rejected),
        by_shot=_most_first(shots),
        by_character=_most_first(name for shot in shots for name in casts.get(shot, ())),
        checks=_rate_checks(manifest.pictures, compare_with_checks(standing.values())),
        likenesses=_order_likenesses(manifest, rows, made_at),
    )


def to_json(report: CampaignReport) -> dict[str, Any]:
    """Return a report as plain values; USD as decimal strings, moments as ISO 8601."""
    spending, totals = report.spending, report.manifest.totals
    return {
        "campaign": report.manifest.campaign.id,
        "at": iso_time(report.at),
        "simulated": report.manifest.simulated,
        "pictures": totals.pictures,
        "missing": totals.missing,
        "made": spending.made,
        "made_again": spending.again,
        "reused": totals.reused,
        "refused": spending.refused,
        "failed": spending.failed,
        "open": spending.open,
        "states": dict(report.states),
        "approved_as_a_whole": report.is_approved,
        "ever_rejected": report.ever_rejected,
        "spent_usd": _text(spending.billed_usd),
        "reserved_usd": _text(spending.reserved_usd),
        "in_vain_usd": _text(spending.in_vain_usd),
        "budget_usd": _text(report.budget_usd),
        "usd_per_approved_picture": _text(report.usd_per_approved),
        "usd_per_approved_prompt": _text(report.usd_per_approved_prompt),
        "rejections": {
            "by_reason": dict(report.reasons),
            "by_shot": dict(report.by_shot),
            "by_character": dict(report.by_character),
        },
        "checks": {each.name: _check_json(each) for each in report.checks},
        "likeness": {
            name: [_point_json(point) for point in points]
            for name, points in report.likenesses.items()
        },
    }


def _check_json(rate: CheckRate) -> dict[str, Any]:
    agreement = rate.agreement or CheckAgreement(rate.name)
    return {
        "passed": rate.passed,
        "failed": rate.failed,
        "skipped": rate.skipped,
        "rejections_confirmed": agreement.confirmed,
        "rejections_missed": agreement.missed,
        "approved_all_the_same": agreement.overruled,
    }


def _point_json(point: LikenessPoint) -> dict[str, Any]:
    return {
        "prompt": point.facts.prompt_key,
        "made_at": None if point.made_at is None else iso_time(point.made_at),
        "standing": point.facts.standing,
        "threshold": point.facts.threshold,
        "is_like": point.facts.is_like,
        "state": point.state,
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:.4f}"


def _shot_of(decision: Decision) -> str:
    # campaign/shot/locale/ratio/variant
    return decision.place.prompt_key.split("/")[1]


def _reason(decision: Decision) -> str:
    if decision.fault:
        return decision.fault
    return ASKED_AGAIN if decision.reason.startswith((ASKED_WORDS, EDIT_WORDS)) else IN_WORDS


def _most_first(names: Iterable[str]) -> dict[str, int]:
    return dict(Counter(names).most_common())


def _rate_checks(
    pictures: Iterable[Picture], agreements: Iterable[CheckAgreement]
) -> tuple[CheckRate, ...]:
    counted = Counter((each.name, each.verdict) for row in pictures for each in row.checks)
    by_check = {each.check: each for each in agreements}
    return tuple(
        CheckRate(
            name,
            passed=counted[name, "passed"],
            failed=counted[name, "failed"],
            skipped=counted[name, "skipped"],
            agreement=by_check.get(name),
        )
        for name in sorted({name for name, _ in counted})
    )


def _order_likenesses(
    manifest: SetManifest, rows: Iterable[ReviewedPicture], made_at: Mapping[str, float]
) -> dict[str, tuple[LikenessPoint, ...]]:
    """Return the points of each character in the order their pictures were made."""
    # The state that a prompt has for its likeness: one file that is rejected outweighs others.
    weight: dict[ApprovalState, int] = {
        "passed_over": 0,
        "approved": 1,
        "pending": 2,
        "rejected": 3,
    }
    states: dict[str, ApprovalState] = {}
    jobs: dict[str, str] = {}
    for row in rows:
        key = row.picture.prompt_key
        jobs[key] = row.picture.generation_id
        if key not in states or weight[row.state] > weight[states[key]]:
            states[key] = row.state
    found: dict[str, list[LikenessPoint]] = {each.id: [] for each in manifest.characters}
    for facts in manifest.likenesses:
        if facts.prompt_key in jobs:
            moment = made_at.get(jobs[facts.prompt_key])
            point = LikenessPoint(facts, moment, states[facts.prompt_key])
            found.setdefault(facts.character, []).append(point)
    return {
        name: tuple(sorted(points, key=lambda each: each.made_at or 0.0))
        for name, points in found.items()
        if points
    }
