"""Turns the errors of one order into its outcome: a class of failure, and one line for people."""

import re
from collections.abc import Iterable, Mapping, Sequence

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.errors import ClientOutdated, OxenError, Unauthorized, is_outage
from nbp_dagster.oxen.words.limits import (
    is_at_capacity,
    is_out_of_credit,
    is_passing_limit,
)
from nbp_dagster.oxen.words.refusals import is_filter_fault
from nbp_dagster.studio.ledger.ledger import Ledger, OverCap
from nbp_dagster.studio.ledger.orders import Failed, FailureKind, Order, Outcome, Refused
from nbp_dagster.studio.ledger.purchases import ENDED_IN_VAIN, Purchase
from nbp_dagster.studio.purchasing.order_groups import find_wording, status_of

# Failures of one request, with the same words or billed, after which it is left alone.
MAX_FAILURES = 2
# Runs in which a request failed, whatever the words, after which it is left alone.
MAX_FAILED_RUNS = 4
# The same, counting those that failed for what may pass: see `_may_pass`.
MAX_PASSING_RUNS = 8
# Ends the reason of a failed job that the service itself says to try again.
PASSING = " (the service says that it may pass)"

# Failures of a job that the service took, by its own account or by what it sent.
_JOB_FAULTS = ("rejected", "bad_image", "stuck")

# Numbers, times and ids differ from one failure to the next; all of these have a digit.
_VARYING = re.compile(r"(?<![\w.:+-])[\w.:+-]*\d[\w.:+-]*")


def kind_of(error: NbpError) -> FailureKind:
    """Return the class of failure that an error of one order is."""
    if isinstance(error, OverCap):
        # Other campaigns have caps of their own: they go on.
        return "over_budget"
    return "unreachable" if is_outage(error) else "service"


def fault_of(result: Outcome | BaseException) -> str | None:
    """Return why a job came to nothing, by what its collection ended with.

    Empty where it did not: a refusal is an answer too. None where nothing was learned of the job,
    as the service could not be asked.
    """
    if isinstance(result, Failed):
        return result.reason if result.kind in _JOB_FAULTS else None
    return None if isinstance(result, BaseException) else ""


def is_shut_out(posted: OxenError, listed: OxenError) -> bool:
    """Whether a key or client may neither buy nor list: it has bought nothing then.

    Args:
        posted: What the POST was answered with.
        listed: What the list was answered with.
    """
    return type(posted) is type(listed) and isinstance(posted, Unauthorized | ClientOutdated)


def failed_by(key: str, fingerprint: str, error: NbpError) -> Failed:
    """Return the outcome of an order that an error ended."""
    return Failed(key, fingerprint, str(error), kind_of(error))


def left_alone(
    key: str, failures: Sequence[Purchase], *, run_id: str, fresh: bool
) -> Failed | None:
    """Return the outcome of an order that has failed too often to be asked again, else None.

    Args:
        key: The order's key.
        failures: Its request's failed purchases since it was last reopened, oldest first.
        run_id: The run that would ask: a run and its retries are one.
        fresh: Whether somebody insists.
    """
    # What an empty account failed says nothing of the request.
    rows = [row for row in failures if row.billed or not is_out_of_credit(row.reason)]
    if not rows:
        return None
    latest = rows[-1]
    billed = [row for row in rows if row.billed]
    if any(row.run_id == run_id for row in billed):
        # Dagster's retry of a run is nobody's wish to pay for it once more.
        reason = f"billed without an image in this run ({latest.reason}); its retry buys none"
        return Failed(key, latest.fingerprint, reason, "bad_image")
    if fresh:
        return None
    alike = [row for row in rows if _gist(row.reason) == _gist(latest.reason)]
    # By run: what the retries of one run meet is one fault.
    runs = {row.run_id for row in rows}
    lasting = {row.run_id for row in rows if not _may_pass(row)}
    if len(billed) >= MAX_FAILURES:
        count = f"billed {len(billed)} times without an image"
        kind: FailureKind = "bad_image"
    elif len(alike) >= MAX_FAILURES and not _may_pass(latest):
        count, kind = f"failed {len(alike)} times with the same words", "rejected"
    elif len(lasting) >= MAX_FAILED_RUNS or len(runs) >= MAX_PASSING_RUNS:
        count, kind = f"failed in {len(runs)} runs, the last time", "rejected"
    else:
        return None
    reason = (
        f"{count} ({latest.reason}); it is left alone: change the scene, allow it again with "
        f"`nbp ledger reopen {latest.fingerprint[:12]} --reason TEXT`, or insist with --fresh"
    )
    return Failed(key, latest.fingerprint, reason, kind)


def count_asked_again(problems: Sequence[Refused | Failed], ledger: Ledger) -> int:
    """Return for how many of some outcomes the next run asks the service, nobody insisting.

    Args:
        problems: Outcomes without an image.
        ledger: Holds what became of their requests.
    """
    failed = [problem for problem in problems if isinstance(problem, Failed)]
    latest = ledger.latest(problem.fingerprint for problem in failed if problem.fingerprint)
    return sum(_is_asked_again(each, latest.get(each.fingerprint), ledger) for each in failed)


def _is_asked_again(failed: Failed, purchase: Purchase | None, ledger: Ledger) -> bool:
    if not failed.fingerprint:
        # Its brief makes no request; what is merely not priced yet may have one then.
        return failed.is_unpriced
    if purchase is None:
        return True
    if purchase.state in ENDED_IN_VAIN:
        failures = ledger.failures([failed.fingerprint]).get(failed.fingerprint, ())
        return left_alone(failed.key, failures, run_id="", fresh=False) is None
    return purchase.is_open


def find_left_alone(
    ledger: Ledger,
    orders: Iterable[Order],
    latest: Mapping[str, Purchase],
    *,
    run_id: str = "",
    fresh: bool,
) -> dict[str, Failed]:
    """Return what `left_alone` says of those orders that failed too often, by fingerprint.

    Args:
        ledger: Holds the failures.
        orders: The orders, each by its first wording or the one that is asked for now.
        latest: The latest purchase by fingerprint, softened wordings included.
        run_id: The run that would ask; empty for one that is still to come.
        fresh: Whether somebody insists.
    """
    failed: dict[str, Order] = {}
    for order in orders:
        purchase = status_of(order, latest)
        # A request that was withdrawn since, or whose job was lost, has failed no less often.
        if purchase is not None and purchase.state in ENDED_IN_VAIN:
            failed[order.request.fingerprint] = find_wording(order, purchase.fingerprint)
    failures = ledger.failures(wording.request.fingerprint for wording in failed.values())
    found = {
        name: left_alone(
            wording.key, failures.get(wording.request.fingerprint, ()), run_id=run_id, fresh=fresh
        )
        for name, wording in failed.items()
    }
    return {name: outcome for name, outcome in found.items() if outcome is not None}


def _may_pass(purchase: Purchase) -> bool:
    """Whether a failure says nothing of its request: no capacity, a rate, a filter, by PASSING."""
    reason = purchase.reason or ""
    passes = (is_at_capacity, is_passing_limit, is_filter_fault)
    return any(it(reason) for it in passes) or reason.endswith(PASSING)


def _gist(reason: str | None) -> str:
    return _VARYING.sub("#", reason or "").casefold()


def left_open(purchase: Purchase, reason: str) -> Failed:
    """Return the outcome of an order whose paid job is waited for no longer."""
    text = (
        f"the service stopped answering ({reason}); its paid job stays open and the next run "
        "fetches it"
    )
    return Failed(purchase.key, purchase.fingerprint, text, "unreachable")


def left_renamed(purchase: Purchase, former: str) -> Failed:
    """Return the outcome of an order whose job was found under another id, and has not ended."""
    reason = (
        f"the service does not know generation {former}, and has its request as generation "
        f"{purchase.generation_id}; that one stays open, and the next run fetches it, free"
    )
    return Failed(purchase.key, purchase.fingerprint, reason, "service")


def left_unread(purchase: Purchase, error: NbpError) -> Failed:
    """Return the outcome of an order whose download brought something else than its result."""
    reason = (
        f"{error}; that says nothing of the picture: its paid job stays open, and the next run "
        "fetches it, free. Look for a proxy or sign-in page on the way to the service"
    )
    return Failed(purchase.key, purchase.fingerprint, reason, "service")


def left_in_doubt(order: Order, error: OxenError) -> Failed:
    """Return the outcome of an order of which it is not known whether it was bought."""
    reason = (
        "it is not known whether the request was bought, and the queue can't be read: "
        f"{error}; the purchase stays open and the next run looks again before it buys"
    )
    return Failed(order.key, order.request.fingerprint, reason, kind_of(error))


def left_unproven(order: Order, purchase: Purchase, doubt: str) -> Failed:
    """Return the outcome of an order whose job may be at the service, which can't prove it."""
    reason = (
        f"it is not known whether the request was bought: {doubt}. Purchase {purchase.id} stays "
        "open and nothing is bought for it: look at the service, then `nbp ledger settle "
        f"{purchase.id} --absent`, or `--adopt GENERATION`"
    )
    return Failed(order.key, order.request.fingerprint, reason, "service")


def left_to_rival(order: Order, rival: Purchase) -> Failed:
    """Return the outcome of an order whose prompt another run buys with another model."""
    reason = (
        f"purchase {rival.id} of another run asks {rival.model} for it; nothing was bought here, "
        "and the next run uses that picture"
    )
    return Failed(order.key, order.request.fingerprint, reason, "not_attempted")


def left_elsewhere(purchase: Purchase) -> Failed:
    """Return the outcome of an order whose job is at another address than the one in use."""
    reason = (
        f"generation {purchase.generation_id} was ordered at {purchase.origin}, and the "
        "service in use does not know it; its purchase stays open: set OXEN_BASE_URL to that "
        "service and run again"
    )
    return Failed(purchase.key, purchase.fingerprint, reason, "service")


def left_unknown(purchase: Purchase, doubt: str) -> Failed:
    """Return the outcome of an order whose job the service says, in doubt, not to know."""
    reason = (
        f"the service does not know generation {purchase.generation_id}, which may have another "
        f"name there: {doubt}. Purchase {purchase.id} stays open and nothing is bought for it: "
        f"look at the service, then `nbp ledger settle {purchase.id} --absent`"
    )
    return Failed(purchase.key, purchase.fingerprint, reason, "service")


def left_waiting(order: Order, reason: str) -> Failed:
    """Return the outcome of an order whose job was still looked for when the run was stopped."""
    text = f"{reason}; its answer was lost, and the next run looks for its job before it buys"
    return Failed(order.key, order.request.fingerprint, text, "service")


def require_outcome(result: Outcome | BaseException) -> Outcome:
    """Raise an unexpected exception of a thread, which ends the run; return an outcome."""
    if isinstance(result, BaseException):
        raise result
    return result
