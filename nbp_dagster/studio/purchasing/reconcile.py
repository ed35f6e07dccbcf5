"""Finds the job of a purchase whose answer was never read, and jobs that no purchase owns."""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.references.uploads import UPLOAD_FOLDER

# Every state a job can be in; the service lists only active ones unless a status is named.
STATES = ("queued", "processing", "succeeded", "failed", "cancelled")

# States of a job that has, or may come to have, a picture.
_OF_USE = ("queued", "processing", "succeeded")

# The path of an image we uploaded: its bytes' hash is its name.
_UPLOADED = re.compile(rf"/{UPLOAD_FOLDER}/([0-9a-f]{{64}})\.[a-z]+$")


def find_job(client: OxenClient, ledger: Ledger, purchase: Purchase) -> str | None:
    """Search every state of the service's queue for the job this purchase may have bought.

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
    """Return whether a listed job has exactly this purchase's request.

    Its age does not matter: clocks differ, and an older identical job has an owner of its own.
    """
    return is_same_request(purchase.request, job)


def is_same_request(request: Mapping[str, Any], job: Generation) -> bool:
    """Return whether a listed job has exactly a request, as the ledger keeps it."""
    if job.prompt != request["prompt"]:
        return False
    # The service echoes what was sent; a field it left out proves nothing either way.
    echoed = job.params
    parameters = request["parameters"].items()
    if any(str(echoed[name]) != str(value) for name, value in parameters if name in echoed):
        return False
    return _same_images(request["references"], echoed.get("input_image"))


def describe_sent(sent: str) -> dict[str, str]:
    """Return what identifies an item of `input_image` in a listed job, without its bytes.

    An upload is known by the hash in its path: its signature differs each time it is signed.
    """
    if sent.startswith("data:"):
        return {"inline": _hash_inline(sent)}
    uploaded = _uploaded_hash(sent)
    return {"upload": uploaded} if uploaded else {"url": sent}


def _same_images(references: Sequence[Mapping[str, Any]], echoed: object) -> bool:
    """Compare what can be compared: how many, and each with what was sent at its position.

    An echo that can't be identified (shortened, or moved by the service) proves nothing: a job that
    may be ours is not bought again.
    """
    if not isinstance(echoed, Sequence) or isinstance(echoed, str):
        return True
    if len(echoed) != len(references):
        return False
    return all(map(_may_be_same, references, echoed))


def _may_be_same(reference: Mapping[str, Any], echo: object) -> bool:
    if not isinstance(echo, str):
        return True
    if reference.get("url") is not None:
        return bool(reference["url"] == echo)
    if reference.get("upload") is not None:
        seen = _uploaded_hash(echo)
        return seen is None or seen == reference["upload"]
    if reference.get("inline") is not None and _is_whole(echo):
        return bool(_hash_inline(echo) == reference["inline"])
    return True


def _uploaded_hash(url: str) -> str | None:
    """Return the hash in the path of an image we uploaded; None for any other or unreadable URL."""
    try:
        found = _UPLOADED.search(urlsplit(url).path)
    except ValueError:
        return None
    return found.group(1) if found else None


@lru_cache(maxsize=64)
def _hash_inline(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_whole(echo: str) -> bool:
    """Whether a data URI holds a picture to its last byte, so that it was not shortened."""
    head, found, text = echo.partition(";base64,")
    if not found or not head.startswith("data:image/"):
        return False
    try:
        start, end = base64.b64decode(text[:16]), base64.b64decode(text[-16:], validate=True)
    except ValueError:
        return False
    if start.startswith(b"RIFF"):
        # A WebP has its length in its header, and no trailer.
        return int.from_bytes(start[4:8], "little") + 8 == len(text) // 4 * 3 - text[-2:].count("=")
    return end.endswith((b"IEND\xaeB`\x82", b"\xff\xd9"))


def oldest(jobs: Iterable[Generation]) -> str | None:
    """Return the id of the job enqueued first; ids break ties so that every process agrees."""
    ranked = sorted(jobs, key=lambda job: (job.enqueued_at or 0.0, job.generation_id))
    return ranked[0].generation_id if ranked else None


def recognisable(request: ImageRequest, images: Sequence[str]) -> dict[str, object]:
    """Return what identifies a request in the service's queue, without its image bytes.

    Args:
        request: The request.
        images: What is sent for its references, in their order.
    """
    return {
        "prompt": request.prompt,
        "parameters": dict(request.parameters),
        "references": [
            {
                "role": item.role,
                "subject": item.subject,
                "digest": item.digest,
                **describe_sent(sent),
            }
            for item, sent in zip(request.references, images, strict=True)
        ],
        "variant": request.variant,
    }


class Describer(Protocol):
    """Describes what is sent for an order, as the ledger keeps it."""

    def __call__(self, order: Order) -> Mapping[str, object]:
        """Return the request's recognisable parts; see `recognisable`."""
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
