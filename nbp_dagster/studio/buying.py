"""The money protocol for one order: intent, POST, id; and what to do when the answer got lost."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from nbp_dagster.brand.requests import ImageRequest
from nbp_dagster.clock import Clock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    ClientOutdated,
    ContentRefused,
    OutOfCredit,
    OxenError,
    Unauthorized,
)
from nbp_dagster.studio.delivery import RunStopped, refuse
from nbp_dagster.studio.ledger import GenerationTaken, Ledger, Purchase
from nbp_dagster.studio.outcomes import Failed, Order, Outcome
from nbp_dagster.studio.reconcile import find_job
from nbp_dagster.studio.throttle import Throttle

logger = logging.getLogger(__name__)

# Seconds to wait before each further look: a POST that timed out may still be entering the queue.
LOOKS_SECONDS = (0.0, 2.0, 5.0)
# POSTs tried for one order when each one's answer was lost and its job provably absent.
MAX_POSTS = 3


@dataclass(frozen=True)
class Buyer:
    """Buys one order at a time, and never the same one twice; safe from several threads.

    Attributes:
        input_image: Turns a request's references into what the service is sent (URLs, data URIs).
        throttle: Shared by all buyers; holds every POST back after a 429.
        run_id: Written into every intent, to tell who bought it.
    """

    client: OxenClient
    ledger: Ledger
    clock: Clock
    input_image: Callable[[ImageRequest], tuple[str, ...]]
    throttle: Throttle
    run_id: str

    def buy(self, order: Order) -> Purchase | Outcome:
        """Buy an order that the ledger does not hold yet.

        Returns:
            The enqueued purchase, or the outcome where there will be no job.

        Raises:
            RunStopped: No further order should be tried.
            NbpError: The ledger or a reference failed; an open intent stays open.
        """
        images = self.input_image(order.request)
        for _ in range(MAX_POSTS):
            self.throttle.wait()
            purchase = self.ledger.intend(
                order, run_id=self.run_id, request=recognisable(order.request)
            )
            answer = self._post(order, purchase, images)
            if answer is not None:
                return answer
            found = self.resume(order, purchase)
            if found is not None:
                return found
        reason = (
            f"{MAX_POSTS} requests got no answer and left no job at the service; run again later"
        )
        return Failed(order.key, order.request.fingerprint, reason, "service")

    def resume(self, order: Order, purchase: Purchase) -> Purchase | Outcome | None:
        """Find the job of a purchase whose POST may or may not have been read.

        Returns:
            The purchase with the job it now owns; an outcome when nothing could be proven; None
            when the job is provably absent (the purchase is closed and may be made again).
        """
        for wait in LOOKS_SECONDS:
            self.clock.sleep(wait)
            try:
                adopted = self._adopt(purchase)
            except OxenError as error:
                return self._leave_open(order, error)
            if adopted is not None:
                return adopted
        self.ledger.withdraw(purchase, "the POST left no job in any state of the queue")
        return None

    def _adopt(self, purchase: Purchase) -> Purchase | None:
        """Take the oldest matching job that nobody owns; None when there is none."""
        while (generation_id := find_job(self.client, self.ledger, purchase)) is not None:
            try:
                adopted = self.ledger.record_enqueued(purchase, generation_id)
            except GenerationTaken:
                # Of two identical requests the other was quicker: its job is not ours, look again.
                continue
            logger.info("%s: adopted generation %s", purchase.key, generation_id)
            return adopted
        return None

    def _post(
        self, order: Order, purchase: Purchase, images: tuple[str, ...]
    ) -> Purchase | Outcome | None:
        """POST once; None means that only the queue's list can tell what happened."""
        request = order.request
        try:
            jobs = self.client.enqueue(
                model=request.model,
                prompt=request.prompt,
                input_image=images,
                parameters=dict(request.parameters),
            )
        except AmbiguousPost as error:
            logger.warning("%s: %s; looking in the queue", order.key, error)
            return None
        except ContentRefused as error:
            return refuse(self.ledger, purchase, error)
        except (Unauthorized, OutOfCredit, ClientOutdated) as error:
            self.ledger.withdraw(purchase, str(error))
            raise RunStopped(str(error)) from error
        except BadRequest as error:
            self.ledger.fail(purchase, str(error), billed=False)
            return Failed(order.key, request.fingerprint, str(error), "rejected")
        except OxenError as error:
            # Refused connections and exhausted 429s: certainly not read, certainly not billed.
            self.ledger.withdraw(purchase, str(error))
            return Failed(order.key, request.fingerprint, str(error), "service")
        try:
            return self.ledger.record_enqueued(purchase, jobs[0].generation_id)
        except GenerationTaken:
            # An identical request whose answer got lost adopted our job; its own is left for us.
            return None

    @staticmethod
    def _leave_open(order: Order, error: OxenError) -> Failed:
        reason = (
            "it is not known whether the request was bought, and the queue can't be read: "
            f"{error}; the purchase stays open and the next run looks again before it buys"
        )
        return Failed(order.key, order.request.fingerprint, reason, "service")


def recognisable(request: ImageRequest) -> dict[str, object]:
    """Return what identifies a request in the service's queue, without its image bytes."""
    return {
        "prompt": request.prompt,
        "parameters": dict(request.parameters),
        "references": [
            {"role": item.role, "subject": item.subject, "digest": item.digest}
            for item in request.references
        ],
        "variant": request.variant,
    }
