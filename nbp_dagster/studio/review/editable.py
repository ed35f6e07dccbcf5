"""Decides which finished pictures may be edited now: those made and, where asked for, approved."""

from collections.abc import Callable, Iterable, Mapping

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.studio.ledger.orders import Generated, Outcome, Reused
from nbp_dagster.studio.manifest.records import PromptRecord, PromptRecords
from nbp_dagster.studio.ordering.edit_bases import EditBase
from nbp_dagster.studio.review.approvals import review_pictures
from nbp_dagster.studio.review.decision_log import Decision, DecisionLog, Place


def find_edit_bases(
    outcomes: Iterable[Outcome],
    briefs: Briefs,
    records: PromptRecords,
    decisions: DecisionLog,
    is_asked: Callable[[str], bool],
) -> dict[str, EditBase]:
    """Return, by prompt key, the pictures that edits start from, or what those wait for.

    Where a campaign requires approval, edits of a picture wait until every file that was made of it
    is approved: an edit of what is then rejected would be paid for nothing.

    Args:
        outcomes: Of the prompts that are edited; one without a picture is no `Reused`.
        briefs: Say which campaigns require approval.
        records: The files made of each picture.
        decisions: What people decided about them.
        is_asked: Whether another picture of a prompt is asked for, and not made yet.
    """
    latest: dict[str, Mapping[Place, Decision]] = {}
    found: dict[str, EditBase] = {}
    for outcome in outcomes:
        if not isinstance(outcome, Generated | Reused):
            found[outcome.key] = EditBase(waits_for=f"{outcome.key} has no picture yet")
            continue
        campaign = outcome.key.partition("/")[0]
        requires = briefs.campaigns[campaign].require_approval
        if is_asked(outcome.key):
            # Edits of what is about to be replaced would be bought again.
            reason = f"another picture of {outcome.key} is asked for; it is made first"
            found[outcome.key] = EditBase(waits_for=reason, is_for_review=requires)
            continue
        if requires:
            if campaign not in latest:
                latest[campaign] = decisions.latest(campaign)
            record = records.read(outcome.key)
            if record is None or not _is_approved(record, outcome.image.sha256, latest[campaign]):
                reason = f"{outcome.key} waits for approval (`nbp review`)"
                found[outcome.key] = EditBase(waits_for=reason, is_for_review=True)
                continue
        found[outcome.key] = EditBase(outcome.image.sha256)
    return found


def _is_approved(record: PromptRecord, original: str, latest: Mapping[Place, Decision]) -> bool:
    """Whether all files of a picture are approved, and are files of this one."""
    rows = review_pictures(record, latest)
    return (
        bool(rows)
        and all(row.state == "approved" for row in rows)
        and all(row.picture.original_sha256 == original for row in rows)
    )
