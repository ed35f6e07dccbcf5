"""Finds the service's jobs that no purchase owns, and the orders that they would serve."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.purchasing.reconcile import is_same_request, oldest

# States of a job that has, or may come to have, a picture.
_OF_USE = ("queued", "processing", "succeeded")


class Describer(Protocol):
    """Describes what is sent for an order, as the ledger keeps it."""

    def __call__(self, order: Order) -> Mapping[str, object]:
        """Return the request's recognisable parts; see `buyer.recognisable`."""
        ...


def list_unowned(
    client: OxenClient, ledger: Ledger, *, states: Iterable[str] = _OF_USE, model: str | None = None
) -> list[Generation]:
    """Return the jobs at the service that no purchase of the ledger owns.

    Args:
        client: The service.
        ledger: The ledger; purchases of every account count.
        states: States of the jobs.
        model: Only this model's.

    Raises:
        OxenError: The service can't be asked.
    """
    jobs = [job for state in states for job in client.list_generations(status=state, model=model)]
    owned = ledger.owned(job.generation_id for job in jobs)
    return [job for job in jobs if job.generation_id not in owned]


def match_orders(
    orders: Iterable[Order], jobs: Iterable[Generation], describe: Describer
) -> dict[str, Generation]:
    """Return the job that serves each order, by fingerprint; one job serves one order.

    Args:
        orders: What is wanted, by priority.
        jobs: Jobs that no purchase owns.
        describe: Called for the orders of which a job has the prompt, and no others: references
            may be uploaded for it.
    """
    by_prompt: dict[tuple[str, str], list[Generation]] = {}
    for job in jobs:
        by_prompt.setdefault((job.model, job.prompt), []).append(job)
    found: dict[str, Generation] = {}
    for order in orders:
        free = by_prompt.get((order.request.model, order.request.prompt), [])
        if not free or order.request.fingerprint in found:
            continue
        request = describe(order)
        same = [job for job in free if is_same_request(request, job)]
        chosen = next((job for job in same if job.generation_id == oldest(same)), None)
        if chosen is not None:
            free.remove(chosen)
            found[order.request.fingerprint] = chosen
    return found
