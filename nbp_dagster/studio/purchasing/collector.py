"""Collects a finished job: downloads, stores and settles its image, and has it rendered."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

from PIL import Image

from nbp_dagster.clock import Clock, SystemClock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    DownloadFailed,
    NotFound,
    is_out_of_credit,
    is_refusal,
)
from nbp_dagster.oxen.responses import Generation
from nbp_dagster.studio.imaging.decode import (
    Decoded,
    NotAPicture,
    UndecodableImage,
    count_pixels,
    decode_image,
)
from nbp_dagster.studio.imaging.decode_limiter import DecodeLimiter
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import (
    Failed,
    Generated,
    KeptImage,
    Made,
    Order,
    Outcome,
    Refused,
    Reused,
)
from nbp_dagster.studio.ledger.purchases import FinishedJob, Purchase
from nbp_dagster.studio.purchasing.cancellation import CancellableClock, CancellationToken
from nbp_dagster.studio.purchasing.failpoints import Failpoint, no_failpoint
from nbp_dagster.studio.purchasing.failures import (
    PASSING,
    kind_of,
    left_elsewhere,
    left_renamed,
    left_unknown,
    left_unread,
)
from nbp_dagster.studio.purchasing.order_groups import OrderGroups
from nbp_dagster.studio.purchasing.originals import CancellableFile, OriginalMissing, Originals
from nbp_dagster.studio.purchasing.reconcile import SKEW_SECONDS, STATES, adopt_listed, find_doubt
from nbp_dagster.studio.storage.files import IncomingFile, StoreError
from nbp_dagster.studio.storage.image_store import ImageStore
from nbp_dagster.telemetry.log_ids import log_ids
from nbp_dagster.telemetry.observer import NO_OBSERVER, Observer

logger = logging.getLogger(__name__)


class ImagePostprocessor(Protocol):
    """Makes renditions of a paid image; `renditions.Postprocessor` is the one of the assets."""

    def postprocess(self, made: Made, image: Image.Image | None) -> None:
        """Render an image; called from several threads at once.

        Args:
            made: The outcome of one order.
            image: The decoded original; None where it was not decoded, and is in the store.

        Raises:
            NbpError: It ends the run; what one image lacks is the postprocessor's to keep.
        """
        ...


class RunStopped(NbpError):
    """No further order may be bought: no key, no credit, an outdated client, a full store."""


@contextmanager
def _stopping_where_full() -> Iterator[None]:
    """Keep an original.

    Raises:
        RunStopped: The store does not take it: it would take no other, and what is bought
            meanwhile could not be kept either.
    """
    try:
        yield
    except StoreError as error:
        raise RunStopped(
            f"{error}. Nothing more is bought; what is paid stays open, and the next run "
            "fetches it, free"
        ) from error


@dataclass(frozen=True)
class Collector:
    """Downloads, decodes, stores, settles and postprocesses; safe to use from several threads.

    Images are downloaded into files. Only as many of them are decoded at a time as the decode
    limiter admits, so that memory stays flat however many jobs finish together.

    Attributes:
        client: The service.
        ledger: Where purchases are closed.
        store: Where images are kept.
        failpoint: Called at every failpoint; see `failpoints`.
        decode_limiter: Bounds the pictures that are decoded at one time.
        token: Looked at while bytes arrive and before they are decoded; cancelled, it drops them.
        postprocessor: Renders every image once it is stored and settled; None renders nothing.
        groups: The orders that each image is rendered for.
        observer: Told of what is billed, and how long its parts take.
        clock: Tells how old a purchase is.
        absence_seconds: In which a job that the service does not know may still turn up.
    """

    client: OxenClient
    ledger: Ledger
    store: ImageStore
    failpoint: Failpoint = no_failpoint
    decode_limiter: DecodeLimiter = field(default_factory=DecodeLimiter)
    token: CancellationToken = field(default_factory=CancellationToken)
    postprocessor: ImagePostprocessor | None = None
    groups: OrderGroups = field(default_factory=lambda: OrderGroups(()))
    observer: Observer = NO_OBSERVER
    clock: Clock = field(default_factory=SystemClock)
    absence_seconds: float = 120.0

    @property
    def originals(self) -> Originals:
        """The originals that the ledger holds, in the store or at the service."""
        return Originals(self.client, self.store, self.token)

    def within(
        self,
        decode_limiter: DecodeLimiter,
        clock: CancellableClock,
        observer: Observer,
        *,
        absence_seconds: float,
    ) -> Self:
        """Return a collector that keeps to a run's limits and token, and tells its observer."""
        return replace(
            self,
            decode_limiter=decode_limiter,
            token=clock.token,
            clock=clock,
            observer=observer,
            absence_seconds=absence_seconds,
        )

    def within_batch(
        self,
        postprocessor: ImagePostprocessor | None,
        groups: OrderGroups,
        *,
        absence_seconds: float,
    ) -> Self:
        """Return a collector that has every image rendered for the orders of one batch."""
        return replace(
            self,
            postprocessor=postprocessor,
            groups=groups,
            absence_seconds=absence_seconds,
        )

    def collect(self, purchase: Purchase, *, reported: FinishedJob | None = None) -> Outcome | None:
        """Close an enqueued purchase with the result of its job.

        Args:
            purchase: The purchase.
            reported: What an event has reported of the finished job; without it, the service is
                asked for the job.

        Returns:
            The outcome, or None while the job is still queued or processing.

        Raises:
            OxenError: The service could not be asked; the purchase stays open.
            RunStopped: The image could not be stored; the purchase stays open.
        """
        ids = log_ids(
            run_id=purchase.run_id, prompt=purchase.key, generation_id=purchase.generation_id
        )
        with ids, self.observer.purchase(purchase.fingerprint, purchase.key):
            outcome = self._collect(purchase, reported)
            if outcome is not None:
                # A paid job is worth a line; its ids are the record's.
                logger.info("%s: %s", type(outcome).__name__.lower(), purchase.key)
            return outcome

    def _collect(self, purchase: Purchase, reported: FinishedJob | None) -> Outcome | None:
        generation_id = purchase.generation_id or ""
        self.failpoint("collecting")
        if reported is not None and reported.url is not None:
            return self._keep(purchase, reported)
        try:
            job = self.client.get_generation(generation_id)
        except NotFound as error:
            return self._collect_unknown(purchase, error)
        return self._close(purchase, job)

    def _collect_unknown(self, purchase: Purchase, error: NotFound) -> Outcome | None:
        """Judge a purchase whose job the service does not know; None while it may turn up."""
        if error.error_type != "resource_not_found":
            # A proxy's 404: it proves nothing about a paid job.
            raise error
        is_elsewhere = bool(purchase.origin) and purchase.origin != self.ledger.account.origin
        if not is_elsewhere and self._may_turn_up(purchase):
            return None
        generation_id = purchase.generation_id or ""
        lists = self._list_jobs()
        listed = [job for jobs in lists for job in jobs]
        if any(job.generation_id == generation_id for job in listed):
            raise error
        if is_elsewhere:
            return left_elsewhere(purchase)
        adopted = adopt_listed(self.ledger, purchase, listed)
        if adopted is not None:
            # A list may show less of a job than there is.
            job = self.client.get_generation(adopted.generation_id or "")
            return self._close(adopted, job) or left_renamed(adopted, generation_id)
        owned = self.ledger.owned(job.generation_id for job in listed)
        free = [job for job in listed if job.generation_id not in owned]
        # Without our own jobs of that time: a service that forgot one has forgotten those too.
        doubt = find_doubt(purchase, lists, free=free, near=())
        return left_unknown(purchase, doubt) if doubt else self._lose(purchase, error)

    def _may_turn_up(self, purchase: Purchase) -> bool:
        """Whether a job is so new that a service may answer before all of it knows of the job.

        By a clock that was ahead it may have been ordered in times to come: that one is old.
        """
        if purchase.enqueued_at is None:
            return False
        age = self.clock.now() - purchase.enqueued_at
        return -SKEW_SECONDS < age < self.absence_seconds

    def _close(self, purchase: Purchase, job: Generation) -> Outcome | None:
        if job.status == "succeeded":
            return self._keep(purchase, FinishedJob.of(job))
        if job.status == "failed":
            return self._close_failed(purchase, job)
        if job.status == "cancelled":
            # Whether a cancelled job is refunded is not documented: counted as billed.
            reason = f"generation {job.generation_id} was cancelled at the service"
            return self._fail(purchase, reason)
        return None

    def _list_jobs(self) -> list[list[Generation]]:
        """Return the jobs of the service's queue, a list for each of STATES."""
        return [
            list(self.client.list_generations(status=state, require_complete=True))
            for state in STATES
        ]

    def cancel_stuck(self, purchase: Purchase) -> Outcome:
        """Cancel a job that exceeded its deadline, look once more, and close its purchase.

        Raises:
            OxenError: The service could not be asked; the purchase stays open.
        """
        generation_id = purchase.generation_id or ""
        self.client.cancel_generation(generation_id)
        job = self.client.get_generation(generation_id)
        if job.status in ("succeeded", "failed"):
            outcome = self._close(purchase, job)
            if outcome is not None:
                return outcome
        late = f"generation {generation_id} stayed in processing past the deadline"
        if job.status != "cancelled":
            reason = f"{late} and can't be cancelled; it stays open, and the next run looks again"
            return Failed(purchase.key, purchase.fingerprint, reason, "stuck")
        failed = self._fail(purchase, f"{late} and was cancelled; run again to buy it anew")
        return replace(failed, kind="stuck")

    def cancel(self, purchase: Purchase) -> None:
        """Cancel a job on purpose, and close its purchase with the result.

        Raises:
            OxenError: The service could not be asked; the purchase stays open.
        """
        self.client.cancel_generation(purchase.generation_id or "")
        self.collect(purchase)

    def restore(self, purchase: Purchase) -> Outcome:
        """Return a made purchase's image, downloading it again (free) if the store lost it.

        The purchase stays as it is, whatever the service answers: it is paid. The image is
        rendered without being decoded here; a postprocessor that needs its pixels reads the store.

        Raises:
            OxenError: The service could not be asked, or no longer has it.
            StoreError: The image could not be stored.
        """
        image = purchase.image
        if image is None:
            reason = "the ledger names no image of it; buy it again with --fresh"
            return Failed(purchase.key, purchase.fingerprint, reason, "service")
        made = Reused(purchase.key, image, purchase.receipt())
        try:
            self.originals.fetch(made)
        except OriginalMissing as error:
            return Failed(purchase.key, purchase.fingerprint, str(error), "service")
        if self.postprocessor is not None:
            with self.decode_limiter.acquire(image.width * image.height):
                for order_made in self.groups.made_for(made):
                    self.postprocessor.postprocess(order_made, None)
        return made

    def restore_for(self, order: Order, purchase: Purchase) -> Outcome:
        """Do what `restore` does for an order; an error is a failure of the order."""
        try:
            return self.restore(purchase)
        except NbpError as error:
            reason = f"its paid image is missing from the store and can't be fetched: {error}"
            return Failed(order.key, order.request.fingerprint, reason, kind_of(error))

    def _keep(self, purchase: Purchase, job: FinishedJob) -> Outcome:
        """Download, decode, store, settle and render the image of a finished job."""
        if job.url is None:
            # Asking again is free, buying is not.
            job = self._renew(job)
        if job.url is None:
            reason = f"generation {job.generation_id} succeeded without an image"
            return self._fail(purchase, f"{reason}; run again to buy it anew")
        with ExitStack() as stack:
            with _stopping_where_full(), self.observer.span("download"):
                incoming = stack.enter_context(self.store.receive())
                media_type = self._download(job, incoming)
            self.failpoint("downloaded")
            with self.decode_limiter.acquire(incoming.peek(count_pixels)):
                self.token.raise_if_cancelled()
                try:
                    decoded, media_type = self._decode(job, incoming, media_type)
                except NotAPicture as error:
                    return left_unread(purchase, error)
                except UndecodableImage as error:
                    return self._fail(purchase, f"{error}; run again to buy it anew")
                made = self._settle(purchase, job, self._kept(decoded, incoming, media_type))
                if self.postprocessor is not None:
                    with self.observer.span("postprocess"):
                        for order_made in self.groups.made_for(made):
                            self.postprocessor.postprocess(order_made, decoded.image)
                return made

    def _kept(self, decoded: Decoded, incoming: IncomingFile, media_type: str) -> KeptImage:
        with _stopping_where_full():
            digest = self.store.keep(incoming)
        kept = KeptImage(
            sha256=digest,
            width=decoded.width,
            height=decoded.height,
            file_type=decoded.format.lower(),
            bytes=decoded.bytes,
            labelled=_label(media_type),
        )
        self.failpoint("kept")
        return kept

    def _settle(self, purchase: Purchase, job: FinishedJob, kept: KeptImage) -> Generated:
        settled = self.ledger.settle(purchase, image=kept, times=job.times)
        self.failpoint("settled")
        self.observer.record_spend(settled.price_usd)
        return Generated(purchase.key, kept, settled.receipt())

    def _decode(
        self, job: FinishedJob, incoming: IncomingFile, media_type: str
    ) -> tuple[Decoded, str]:
        """Decode what was downloaded; download it once more if it is no picture.

        Returns:
            The picture and the media type it came as.

        Raises:
            UndecodableImage: It is none the second time either.
        """
        what = f"the result of generation {job.generation_id}"
        try:
            return decode_image(incoming.read(), what=what), media_type
        except UndecodableImage:
            # A gateway's error page, or corrupted bytes: downloading again is free, buying is not.
            again = self._download(self._renew(job), incoming)
            return decode_image(incoming.read(), what=what), again

    def _download(self, job: FinishedJob, incoming: IncomingFile) -> str:
        """Fetch a job's result and return the media type it came as."""
        sink = CancellableFile(incoming, self.token)
        try:
            return self.client.download_into(job.url or "", sink)
        except DownloadFailed as error:
            if not error.expired:
                raise
            fresh = self._renew(job)
            if fresh.url is None:
                raise
            return self.client.download_into(fresh.url, sink)

    def _renew(self, job: FinishedJob) -> FinishedJob:
        """Ask for a finished job again, which mints a new URL of its picture."""
        return FinishedJob.of(self.client.get_generation(job.generation_id))

    def _close_failed(self, purchase: Purchase, job: Generation) -> Outcome:
        message = job.error_message or "the service gave no reason"
        if is_refusal(message) and not job.error_retryable:
            # The dead letter: the same request would be refused again.
            self.ledger.refuse(purchase, message)
            return Refused(purchase.key, purchase.fingerprint, message)
        if is_out_of_credit(message):
            # At once, in this thread: buyers have the next orders already.
            self.token.stop_buying(message)
            self.ledger.fail(purchase, message, billed=False)
            raise RunStopped(f"{message}; add credit to the Oxen account and run again")
        passing = PASSING if job.error_retryable else ""
        reason = f"the service failed the job: {message}{passing}"
        return self._fail(purchase, reason, billed=False)

    def _lose(self, purchase: Purchase, error: NotFound) -> Outcome:
        reason = (
            f"the service no longer knows paid generation {purchase.generation_id} ({error}); "
            "running again buys the image anew"
        )
        self.ledger.lose(purchase, reason)
        return Failed(purchase.key, purchase.fingerprint, reason, "service")

    def _fail(self, purchase: Purchase, reason: str, *, billed: bool = True) -> Failed:
        self.ledger.fail(purchase, reason, billed=billed)
        if billed:
            self.observer.record_spend(purchase.price_usd)
        if not billed:
            return Failed(purchase.key, purchase.fingerprint, reason, "rejected")
        return Failed(
            purchase.key,
            purchase.fingerprint,
            reason,
            "bad_image",
            spent_usd=purchase.price_usd,
        )


def _label(media_type: str) -> str:
    """Return the file type that a media type names; empty where it names no kind of picture."""
    kind, _, name = media_type.partition("/")
    return {"jpg": "jpeg", "pjpeg": "jpeg"}.get(name, name) if kind == "image" else ""
