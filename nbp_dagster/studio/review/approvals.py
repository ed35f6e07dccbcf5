"""The state of each picture of a set by what people decided: pending, approved, and so on; pure."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.review.decision_log import Decision, Place, tell_decision

ApprovalState = Literal["pending", "approved", "rejected", "passed_over"]

APPROVAL_STATES: Final[tuple[ApprovalState, ...]] = (
    "pending",
    "approved",
    "rejected",
    "passed_over",
)
"""In the order of a review: what is left to do comes first."""

Slot = tuple[str, str, str, str]
"""Shot, locale, ratio and channel."""

# Pictures that a reason names.
_NAMED: Final = 5


@dataclass(frozen=True)
class ReviewedPicture:
    """A picture of a set, with the latest decision about exactly these bytes; None without one."""

    picture: Picture
    decision: Decision | None = None

    @property
    def state(self) -> ApprovalState:
        """What holds of it; one that nobody decided about, or no longer, is pending."""
        if self.decision is None or self.decision.verdict == "withdrawn":
            return "pending"
        return self.decision.verdict

    @property
    def number(self) -> int:
        """Number of the latest decision; 0 without one. The next decision follows it."""
        return 0 if self.decision is None else self.decision.number

    @property
    def slot(self) -> Slot:
        """What variants have in common, of which one is chosen."""
        return _slot(self.picture)

    def is_passed_over(self, chosen: Collection[Slot]) -> bool:
        """Whether it is not delivered, as another variant in its place is.

        Args:
            chosen: See `find_chosen`.
        """
        return self.state == "passed_over" and self.slot in chosen

    @property
    def place(self) -> Place:
        """The file that decisions are about."""
        return place_of(self.picture)


def place_of(picture: Picture) -> Place:
    """Return the file that decisions about a picture are about."""
    return Place(picture.prompt_key, picture.channel, picture.locale, picture.sha256)


def review_pictures(
    made: SetManifest | PromptRecord, decisions: Mapping[Place, Decision]
) -> tuple[ReviewedPicture, ...]:
    """Return the pictures of a set, or of a prompt, each with the latest decision about its bytes.

    They are in the order that they have there.
    """
    return tuple(
        ReviewedPicture(picture, decisions.get(place_of(picture))) for picture in made.pictures
    )


def count_states(rows: Iterable[ReviewedPicture]) -> Mapping[ApprovalState, int]:
    """Return how many pictures are in each state, all four of them."""
    counted = Counter(row.state for row in rows)
    return {state: counted[state] for state in APPROVAL_STATES}


def find_variants(rows: Sequence[ReviewedPicture], chosen: Picture) -> tuple[ReviewedPicture, ...]:
    """Return the variants of a picture, itself among them, in the order of their numbers."""
    slot = _slot(chosen)
    return tuple(
        sorted(
            (row for row in rows if _slot(row.picture) == slot),
            key=lambda row: row.picture.variant,
        )
    )


def find_chosen(rows: Iterable[ReviewedPicture]) -> frozenset[Slot]:
    """Return the places of a set of which a variant is approved."""
    return frozenset(row.slot for row in rows if row.state == "approved")


def list_unapproved(rows: Sequence[ReviewedPicture], *, requires_all: bool) -> tuple[str, ...]:
    """Return why a set may not be published as it was reviewed; empty if it may.

    A picture that was passed over needs no approval while another variant in its place has it.

    Args:
        rows: The set's pictures.
        requires_all: Whether every picture must be approved; else none may be rejected.
    """
    reasons = []
    by_state: dict[ApprovalState, list[ReviewedPicture]] = {state: [] for state in APPROVAL_STATES}
    for row in rows:
        by_state[row.state].append(row)
    if by_state["rejected"]:
        named = _name(by_state["rejected"], tell=True)
        reasons.append(f"{len(by_state['rejected'])} pictures are rejected ({named})")
    if not requires_all:
        return tuple(reasons)
    if by_state["pending"]:
        reasons.append(
            f"{len(by_state['pending'])} pictures wait for approval ({_name(by_state['pending'])})"
        )
    chosen = find_chosen(rows)
    without = [row for row in by_state["passed_over"] if not row.is_passed_over(chosen)]
    if without:
        reasons.append(f"no variant is chosen in place of {len(without)} ({_name(without)})")
    return tuple(reasons)


def describe_decision(row: ReviewedPicture) -> str:
    """Return who decided about a picture and why, e.g. "by ada: words too small"; "" if pending."""
    if row.decision is None or row.state == "pending":
        return ""
    fault = FAILURE_WORDS.get(row.decision.fault, row.decision.fault)
    why = "; ".join(part for part in (fault, row.decision.reason) if part)
    return f"by {row.decision.who}: {why}" if why else f"by {row.decision.who}"


def _name(rows: Sequence[ReviewedPicture], *, tell: bool = False) -> str:
    named = [
        f"{row.picture.prompt_key} for {row.picture.channel}"
        + (f", {tell_decision(row.decision)}" if tell and row.decision else "")
        for row in rows[:_NAMED]
    ]
    more = len(rows) - len(named)
    return "; ".join([*named, *([f"and {more} more"] if more else [])])


def _slot(picture: Picture) -> Slot:
    return picture.shot, picture.locale, picture.ratio, picture.channel
