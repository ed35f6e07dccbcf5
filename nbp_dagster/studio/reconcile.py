"""Finding the job of a purchase whose POST was sent and whose answer was never read."""

from collections.abc import Iterable

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.wire import Generation
from nbp_dagster.studio.ledger import Ledger, Purchase

# Every state a job can be in; the service lists only active ones unless a status is named.
STATES = ("queued", "processing", "succeeded", "failed", "cancelled")

# The service stamps whole seconds and its clock is not ours: accept jobs that look a little older
# than the intent. An older twin of the same request is already owned by its own purchase.
CLOCK_SKEW_SECONDS = 120.0


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
    """Say whether a listed job was asked for with exactly this purchase's request."""
    asked = purchase.request
    if job.prompt != asked["prompt"]:
        return False
    if job.enqueued_at is not None and job.enqueued_at < purchase.intended_at - CLOCK_SKEW_SECONDS:
        return False
    parameters = asked["parameters"]
    # The service echoes what was sent; a field it left out proves nothing either way.
    return all(
        job.params[name] == value for name, value in parameters.items() if name in job.params
    )


def oldest(jobs: Iterable[Generation]) -> str | None:
    """Return the id of the job enqueued first; ids break ties so that every process agrees."""
    ranked = sorted(jobs, key=lambda job: (job.enqueued_at or 0.0, job.generation_id))
    return ranked[0].generation_id if ranked else None
