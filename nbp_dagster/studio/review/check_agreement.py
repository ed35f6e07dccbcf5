"""How far checks and people agree, by what stood beside each picture when it was decided."""

from collections.abc import Iterable
from dataclasses import dataclass

from nbp_dagster.studio.review.decision_log import Decision, Place


@dataclass
class CheckAgreement:
    """What people decided about pictures that a check failed, and that it passed.

    Attributes:
        check: Its name.
        confirmed: Rejected for this check's fault, and it had failed.
        missed: Rejected for its fault, although it had not failed.
        overruled: Approved, although it had failed.
    """

    check: str
    confirmed: int = 0
    missed: int = 0
    overruled: int = 0

    @property
    def decisions(self) -> int:
        """How many decisions these figures rest on."""
        return self.confirmed + self.missed + self.overruled


def find_standing(decisions: Iterable[Decision]) -> dict[Place, Decision]:
    """Return the decision that stands about each file, the old files of a prompt too.

    Args:
        decisions: Oldest first.
    """
    latest = {row.place: row for row in decisions}
    return {place: row for place, row in latest.items() if row.verdict != "withdrawn"}


def compare_with_checks(decisions: Iterable[Decision]) -> tuple[CheckAgreement, ...]:
    """Return how each check that any decision says something of agrees with people, by name.

    A rejection speaks of the check whose fault it names alone: a picture rejected for its crop says
    nothing of its letters.

    Args:
        decisions: One for each file; see `find_standing`.
    """
    found: dict[str, CheckAgreement] = {}

    def of(check: str) -> CheckAgreement:
        return found.setdefault(check, CheckAgreement(check))

    for row in decisions:
        failed = _failed(row)
        if row.verdict == "approved":
            for check in failed:
                of(check).overruled += 1
        elif row.verdict == "rejected" and row.fault in failed:
            of(row.fault).confirmed += 1
        elif row.verdict == "rejected" and row.fault:
            of(row.fault).missed += 1
    return tuple(found[name] for name in sorted(found))


def _failed(decision: Decision) -> tuple[str, ...]:
    seen = decision.seen.get("failed_checks")
    return tuple(seen) if isinstance(seen, list) else ()
