"""Turns the errors of one order into its outcome: a class of failure, and one line for people."""

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.errors import OxenError, is_outage
from nbp_dagster.studio.ledger.ledger import OverCap
from nbp_dagster.studio.ledger.orders import Failed, FailureKind, Order
from nbp_dagster.studio.ledger.purchases import Purchase


def kind_of(error: NbpError) -> FailureKind:
    """Return the class of failure that an error of one order is."""
    if isinstance(error, OverCap):
        # Other campaigns have caps of their own: they go on.
        return "over_budget"
    return "unreachable" if is_outage(error) else "service"


def failed_by(key: str, fingerprint: str, error: NbpError) -> Failed:
    """Return the outcome of an order that an error ended."""
    return Failed(key, fingerprint, str(error), kind_of(error))


def left_open(purchase: Purchase, reason: str) -> Failed:
    """Return the outcome of an order whose paid job is waited for no longer."""
    text = (
        f"the service stopped answering ({reason}); its paid job stays open and the next run "
        "fetches it"
    )
    return Failed(purchase.key, purchase.fingerprint, text, "unreachable")


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


def left_waiting(order: Order, reason: str) -> Failed:
    """Return the outcome of an order whose job was still looked for when the run was stopped."""
    text = f"{reason}; its answer was lost, and the next run looks for its job before it buys"
    return Failed(order.key, order.request.fingerprint, text, "service")
