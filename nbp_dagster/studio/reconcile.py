"""Finding the job of a purchase whose POST was sent and whose answer was never read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.wire import Generation
from nbp_dagster.studio.ledger import Ledger, Purchase

# Every state a job can be in; the service lists only active ones unless a status is named.
STATES = ("queued", "processing", "succeeded", "failed", "cancelled")


def find_job(client: OxenClient, ledger: Ledger, purchase: Purchase) -> str | None:
    """Look in every state of the service's queue for the job this purchase may have bought.

    Returns:
        The generation id of the oldest job that matches and that no purchase owns; None when
        there is certainly none now.

    Raises:
        OxenError: The list could not be read, so nothing is proven.
    """
    listed: list[Generation] = []
    for state in STATES:
        # A list known to be cut short proves no absence.
        listed.extend(
            client.list_generations(status=state, model=purchase.model, require_complete=True)
        )
    matching = [job for job in listed if matches(purchase, job)]
    owned = ledger.owned(job.generation_id for job in matching)
    free = [job for job in matching if job.generation_id not in owned]
    return oldest(free)


def matches(purchase: Purchase, job: Generation) -> bool:
    """Say whether a listed job was asked for with exactly this purchase's request.

    Its age does not matter: clocks differ, and an older twin has an owner of its own.
    """
    asked = purchase.request
    if job.prompt != asked["prompt"]:
        return False
    # The service echoes what was sent; a field it left out proves nothing either way.
    echoed = job.params
    parameters = asked["parameters"].items()
    if any(str(echoed[name]) != str(value) for name, value in parameters if name in echoed):
        return False
    return _same_images(asked["references"], echoed.get("input_image"))


def _same_images(references: Sequence[Mapping[str, Any]], echoed: object) -> bool:
    """Compare what can be compared: how many, and the addresses that were sent as they are."""
    if not isinstance(echoed, Sequence) or isinstance(echoed, str):
        return True
    if len(echoed) != len(references):
        return False
    pairs = zip(references, echoed, strict=True)
    return all(item.get("url") in (None, sent) for item, sent in pairs)


def oldest(jobs: Iterable[Generation]) -> str | None:
    """Return the id of the job enqueued first; ids break ties so that every process agrees."""
    ranked = sorted(jobs, key=lambda job: (job.enqueued_at or 0.0, job.generation_id))
    return ranked[0].generation_id if ranked else None
