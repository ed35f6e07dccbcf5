"""Finds the job of a purchase whose answer was never read, and jobs that no purchase owns."""

import logging
import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

from nbp_dagster.foreign_text import REPLACEMENT
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import OxenError
from nbp_dagster.oxen.json_bodies import INPUT_IMAGE, InlineImage
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.ledger.ledger import GenerationTaken, Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.cancellation import CancellableClock
from nbp_dagster.studio.references.uploads import UPLOAD_FOLDER

logger = logging.getLogger(__name__)

# Every state a job can be in; the service lists only active ones unless a status is named.
STATES = ("queued", "processing", "succeeded", "failed", "cancelled")

# States of a job that has, or may come to have, a picture.
_OF_USE = ("queued", "processing", "succeeded")

# Own jobs, enqueued about the time of a purchase, that a list must show to be believed.
NEIGHBOURS = 20
# Jobs from which on a list may be one page of a longer one: services page by 50 and more.
LEAST_PAGE = 50
# Seconds by which the service's clock may differ from ours.
SKEW_SECONDS = 300.0

# The path of an image we uploaded: its bytes' hash is its name.
_UPLOADED = re.compile(rf"/{UPLOAD_FOLDER}/([0-9a-f]{{64}})\.[a-z]+$")


@dataclass(frozen=True)
class Search:
    """What the service's list says about a purchase.

    Attributes:
        generation_id: The oldest job that matches and that no purchase owns; None without one.
        doubt: Why the job may be there all the same; empty where the list would show it.
    """

    generation_id: str | None
    doubt: str = ""


class JobLists:
    """Reads the jobs of every state; safe from several threads, which read once together.

    Whoever asks has lists that were begun after they asked. Threads that ask while lists are read
    have the next ones in common: after an outage fifty orders look for their jobs at once, and a
    list is as long as the account is old.

    Args:
        client: Lists the queue.
        clock: Its token ends a reading.
    """

    def __init__(self, client: OxenClient, clock: CancellableClock) -> None:
        self._client, self._clock = client, clock
        self._asked: dict[str, _Reading] = {}
        self._guard, self._turn = threading.Lock(), threading.Lock()

    def read(self, model: str) -> Sequence[Sequence[Generation]]:
        """Return a model's jobs, a list for each of STATES.

        Raises:
            OxenError: A list could not be read, or is incomplete.
            Cancelled: The run is to end.
        """
        with self._guard:
            reading = self._asked.setdefault(model, _Reading())
        with self._turn:
            if not reading.is_done:
                with self._guard:
                    # Who asks from now on may know of a job that these lists miss.
                    if self._asked.get(model) is reading:
                        del self._asked[model]
                self._fill(reading, model)
        if reading.error is not None:
            # Each thread of a reading adds to its traceback.
            raise reading.error.with_traceback(None)
        return reading.lists

    def _fill(self, reading: "_Reading", model: str) -> None:
        lists = []
        try:
            for state in STATES:
                # Threads that waited for their turn would each ask a service that is away.
                self._clock.sleep(0)
                # A list known to be cut short proves no absence.
                lists.append(
                    self._client.list_generations(status=state, model=model, require_complete=True)
                )
        except OxenError as error:
            reading.error = error
        reading.lists, reading.is_done = lists, True


@dataclass
class _Reading:
    """Lists that some threads wait for."""

    is_done: bool = False
    lists: Sequence[Sequence[Generation]] = ()
    error: OxenError | None = None


def find_job(job_lists: JobLists, ledger: Ledger, purchase: Purchase) -> Search:
    """Search every state of the service's queue for the job this purchase may have bought.

    Raises:
        OxenError: The list could not be read, so nothing is proven.
    """
    # Read first: a job enqueued since need not be in the lists.
    near = ledger.enqueued_near(purchase, NEIGHBOURS)
    lists = job_lists.read(purchase.model)
    listed = [job for jobs in lists for job in jobs]
    owned = ledger.owned(job.generation_id for job in listed)
    free = [job for job in listed if job.generation_id not in owned]
    found = oldest(job for job in free if matches(purchase, job))
    if found is not None:
        return Search(found)
    return Search(None, find_doubt(purchase, lists, free=free, near=near))


def adopt_listed(
    ledger: Ledger, purchase: Purchase, listed: Iterable[Generation]
) -> Purchase | None:
    """Take the job of an id that came damaged: one of the same request that nobody owns.

    Returns:
        The purchase with that job; None where there is none.
    """
    same = [job for job in listed if job.model == purchase.model and matches(purchase, job)]
    while True:
        owned = ledger.owned(job.generation_id for job in same)
        generation_id = oldest(job for job in same if job.generation_id not in owned)
        if generation_id is None:
            return None
        try:
            adopted = ledger.record_enqueued(purchase, generation_id)
        except GenerationTaken:
            # Another purchase of the same request has just taken it.
            continue
        logger.warning(
            "%s: the service does not know generation %s; adopted %s, which has its request",
            purchase.key,
            purchase.generation_id,
            generation_id,
        )
        return adopted


def find_doubt(
    purchase: Purchase,
    lists: Sequence[Sequence[Generation]],
    *,
    free: Sequence[Generation],
    near: Collection[str],
) -> str:
    """Return why lists without a matching job do not prove that there is none; empty if they do.

    Args:
        purchase: Its job is looked for.
        lists: The jobs of each state.
        free: Those of them that no purchase owns.
        near: Generation ids of our own jobs that were enqueued about that time.
    """
    missing = set(near).difference(job.generation_id for jobs in lists for job in jobs)
    if missing:
        return f"the service's list lacks {len(missing)} of our own jobs of that time"
    for jobs in lists:
        # Without stamps, our own jobs of that time show that the list is long enough.
        recent = [job for job in jobs if _is_newer(purchase, job, unstamped=not near)]
        if len(jobs) >= LEAST_PAGE and len(recent) == len(jobs):
            return f"a list of the service has {len(jobs)} jobs, all newer: it may be cut"
    hidden = [job for job in free if _may_hide(purchase, job)]
    return f"{len(hidden)} jobs of the list do not show their whole prompt" if hidden else ""


def _is_newer(purchase: Purchase, job: Generation, *, unstamped: bool) -> bool:
    """Whether a job is newer than a purchase; `unstamped` is the answer for one without a stamp."""
    if job.enqueued_at is None:
        return unstamped
    return job.enqueued_at > purchase.intended_at + SKEW_SECONDS


def _may_hide(purchase: Purchase, job: Generation) -> bool:
    """Whether a job could be the purchase's, were its prompt shown whole."""
    if job.enqueued_at is not None and job.enqueued_at < purchase.intended_at - SKEW_SECONDS:
        return False
    return _is_cut(purchase, job)


def _is_cut(purchase: Purchase, job: Generation) -> bool:
    """Whether a job shows a part of a purchase's prompt only, or nothing of it."""
    wanted, shown = normalise(str(purchase.request["prompt"])), normalise(job.prompt)
    if len(shown) >= len(wanted) and REPLACEMENT not in shown:
        return False
    return _may_begin(wanted, shown.rstrip("….").rstrip())


def _may_begin(wanted: str, shown: str) -> bool:
    """Whether a prompt may begin as it is shown, with REPLACEMENT for letters that were lost."""
    start, *rest = shown.split(REPLACEMENT)
    if not wanted.startswith(start):
        return False
    at = len(start)
    for part in rest:
        found = wanted.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def contradicts(purchase: Purchase, job: Generation) -> bool:
    """Return whether a job is certainly not a purchase's: another model, prompt, or images."""
    if job.model != purchase.model:
        return True
    return not (matches(purchase, job) or _is_cut(purchase, job))


def normalise(prompt: str) -> str:
    """Return a prompt with single spaces: a list may strip it or fold its lines."""
    return " ".join(prompt.split())


def matches(purchase: Purchase, job: Generation) -> bool:
    """Return whether a listed job has exactly this purchase's request.

    Its age does not matter: clocks differ, and an older identical job has an owner of its own.
    """
    return is_same_request(purchase.request, job)


def is_same_request(request: Mapping[str, Any], job: Generation) -> bool:
    """Return whether a listed job has exactly a request, as the ledger keeps it."""
    if normalise(job.prompt) != normalise(str(request["prompt"])):
        return False
    # The service echoes what was sent; a field it left out proves nothing either way.
    echoed = job.params
    parameters = request["parameters"].items()
    if any(str(echoed[name]) != str(value) for name, value in parameters if name in echoed):
        return False
    return _same_images(request["references"], echoed.get(INPUT_IMAGE))


def describe_sent(sent: str) -> dict[str, str]:
    """Return what identifies an item of `input_image` in a listed job, without its bytes.

    An upload is known by the hash in its path: its signature differs each time it is signed.
    """
    if sent.startswith("data:"):
        return {"inline": _identify(sent).sha256}
    uploaded = _uploaded_hash(sent)
    return {"upload": uploaded} if uploaded else {"url": sent}


def _same_images(references: Sequence[Mapping[str, Any]], echoed: object) -> bool:
    """Compare what can be compared: how many, and each with what was sent at its position.

    An echo that can't be identified (shortened, or moved by the service) proves nothing: a job that
    may be ours is not bought again. Nor does an empty echo: a list may leave images out.
    """
    if not isinstance(echoed, Sequence) or isinstance(echoed, str) or not echoed:
        return True
    if len(echoed) != len(references):
        return False
    return all(map(_may_be_same, references, echoed))


def _may_be_same(reference: Mapping[str, Any], echo: object) -> bool:
    if not isinstance(echo, str | InlineImage):
        return True
    if reference.get("url") is not None:
        return bool(reference["url"] == echo)
    if isinstance(echo, str):
        seen = _uploaded_hash(echo) if reference.get("upload") is not None else None
        return seen is None or bool(seen == reference["upload"])
    if reference.get("inline") is not None and echo.is_whole:
        return bool(reference["inline"] == echo.sha256)
    return True


def _uploaded_hash(url: str) -> str | None:
    """Return the hash in the path of an image we uploaded; None for any other or unreadable URL."""
    try:
        found = _UPLOADED.search(urlsplit(url).path)
    except ValueError:
        return None
    return found.group(1) if found else None


@lru_cache(maxsize=64)
def _identify(sent: str) -> InlineImage:
    return InlineImage.of(sent)


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
        by_prompt.setdefault((job.model, normalise(job.prompt)), []).append(job)
    found: dict[str, Generation] = {}
    for order in orders:
        free = by_prompt.get((order.request.model, normalise(order.request.prompt)), [])
        if not free or order.request.fingerprint in found:
            continue
        request = describe(order)
        same = [job for job in free if is_same_request(request, job)]
        chosen = next((job for job in same if job.generation_id == oldest(same)), None)
        if chosen is not None:
            free.remove(chosen)
            found[order.request.fingerprint] = chosen
    return found
