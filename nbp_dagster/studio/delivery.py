"""From a finished job to an image in the store and a settled purchase."""

import hashlib
from dataclasses import dataclass

from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    DownloadFailed,
    NotFound,
    is_out_of_credit,
    is_refusal,
)
from nbp_dagster.oxen.wire import Generation
from nbp_dagster.studio.decode import UndecodableImage, decode_image
from nbp_dagster.studio.ledger import JobTimes, Ledger, Purchase
from nbp_dagster.studio.outcomes import Failed, Generated, KeptImage, Outcome, Refused, Reused
from nbp_dagster.studio.reconcile import STATES
from nbp_dagster.studio.steps import OnStep, pass_by
from nbp_dagster.studio.store import ImageStore


class RunStopped(NbpError):
    """The service will serve no order of this run: no key, no credit, an outdated client."""


@dataclass(frozen=True)
class Delivery:
    """Fetches, verifies, keeps and settles; safe to use from several threads."""

    client: OxenClient
    ledger: Ledger
    store: ImageStore
    on_step: OnStep = pass_by

    def collect(self, purchase: Purchase) -> Outcome | None:
        """Close an enqueued purchase with what its job came to.

        Returns:
            The outcome, or None while the job is still queued or processing.

        Raises:
            OxenError: The service could not be asked; the purchase stays open.
            StoreError: The image could not be kept; the purchase stays open.
        """
        generation_id = purchase.generation_id or ""
        self.on_step("collecting")
        try:
            job = self.client.get_generation(generation_id)
        except NotFound as error:
            if self._is_listed(purchase) or error.error_type != "resource_not_found":
                # A proxy's 404, or another account's: it proves nothing about a paid job.
                raise
            return self._lose(purchase, error)
        return self._close(purchase, job)

    def _close(self, purchase: Purchase, job: Generation) -> Outcome | None:
        if job.status == "succeeded":
            return self._keep(purchase, job)
        if job.status == "failed":
            return self._close_failed(purchase, job)
        if job.status == "cancelled":
            # Whether a cancelled job is refunded is not documented: counted as billed.
            reason = f"generation {job.generation_id} was cancelled at the service"
            return self._fail(purchase, reason, billed=True)
        return None

    def _is_listed(self, purchase: Purchase) -> bool:
        """Whether the service's queue holds the job in any state."""
        return any(
            job.generation_id == purchase.generation_id
            for state in STATES
            for job in self.client.list_generations(status=state, require_complete=True)
        )

    def cancel_stuck(self, purchase: Purchase) -> Outcome:
        """Cancel a job that does not end, look once more, and close its purchase.

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
        reason = f"{late} and was cancelled; run again to ask anew"
        self.ledger.fail(purchase, reason, billed=True)
        return Failed(purchase.key, purchase.fingerprint, reason, "stuck")

    def cancel(self, purchase: Purchase) -> None:
        """Cancel a job on purpose, and close its purchase with what came of it.

        Raises:
            OxenError: The service could not be asked; the purchase stays open.
        """
        self.client.cancel_generation(purchase.generation_id or "")
        self.collect(purchase)

    def restore(self, purchase: Purchase) -> Outcome:
        """Return a made purchase's image, fetching it again (free) if the store lost it.

        The purchase stays as it is, whatever the service says: it is paid.

        Raises:
            OxenError: The service could not be asked, or no longer has it.
            StoreError: The image could not be kept.
        """
        image = purchase.image
        if image is None or self.store.has(image.sha256):
            return self._reused(purchase)
        job = self.client.get_generation(purchase.generation_id or "")
        if job.status != "succeeded" or job.result_url is None:
            return self._not_restored(purchase, f"the service shows the job as {job.status}")
        data = self._download(job)
        if hashlib.sha256(data).hexdigest() != image.sha256:
            return self._not_restored(purchase, "the service now sends other bytes")
        self.store.put(data)
        return self._reused(purchase)

    def _reused(self, purchase: Purchase) -> Outcome:
        if purchase.image is None:
            return self._not_restored(purchase, "the ledger names no image")
        return Reused(purchase.key, purchase.image, purchase.receipt())

    @staticmethod
    def _not_restored(purchase: Purchase, why: str) -> Failed:
        reason = (
            f"its paid image is missing from the store, and {why}; restore the store from its "
            "backup, or buy the image again with --fresh"
        )
        return Failed(purchase.key, purchase.fingerprint, reason, "service")

    def _keep(self, purchase: Purchase, job: Generation) -> Outcome:
        kept = self._fetch(job)
        if isinstance(kept, str):
            return self._fail(purchase, f"{kept}; run again to ask anew", billed=True)
        self.on_step("kept")
        times = JobTimes(job.enqueued_at, job.started_at, job.completed_at)
        settled = self.ledger.settle(purchase, image=kept, times=times)
        self.on_step("settled")
        return Generated(purchase.key, kept, settled.receipt())

    def _fetch(self, job: Generation) -> KeptImage | str:
        """Download, verify and keep a finished job's image, or say why it has none."""
        if job.result_url is None:
            return f"generation {job.generation_id} succeeded without an image"
        what = f"the result of generation {job.generation_id}"
        data = self._download(job)
        self.on_step("downloaded")
        try:
            decoded = decode_image(data, what=what)
        except UndecodableImage:
            # A gateway's page, or bytes bent on the way: looking again costs nothing, buying does.
            data = self._download(self.client.get_generation(job.generation_id))
            try:
                decoded = decode_image(data, what=what)
            except UndecodableImage as error:
                return str(error)
        return KeptImage(
            sha256=self.store.put(data),
            width=decoded.width,
            height=decoded.height,
            file_type=decoded.format.lower(),
            bytes=len(data),
        )

    def _download(self, job: Generation) -> bytes:
        try:
            return self.client.download(job.result_url or "")
        except DownloadFailed as error:
            if not error.expired:
                raise
        # Links expire; asking for the job again mints a new one.
        fresh = self.client.get_generation(job.generation_id)
        return self.client.download(fresh.result_url or "")

    def _close_failed(self, purchase: Purchase, job: Generation) -> Outcome:
        words = job.error_message or "the service gave no reason"
        if is_refusal(words):
            # The dead letter: the same request would be refused again.
            self.ledger.refuse(purchase, words)
            return Refused(purchase.key, purchase.fingerprint, words)
        if is_out_of_credit(words):
            self.ledger.fail(purchase, words, billed=False)
            raise RunStopped(f"{words}; add credit to the Oxen account and run again")
        return self._fail(purchase, f"the service failed the job: {words}", billed=False)

    def _lose(self, purchase: Purchase, error: NotFound) -> Outcome:
        reason = (
            f"the service no longer knows paid generation {purchase.generation_id} ({error}); "
            "running again buys the image anew"
        )
        self.ledger.lose(purchase, reason)
        return Failed(purchase.key, purchase.fingerprint, reason, "service")

    def _fail(self, purchase: Purchase, reason: str, *, billed: bool) -> Failed:
        self.ledger.fail(purchase, reason, billed=billed)
        return Failed(
            purchase.key, purchase.fingerprint, reason, "bad_image" if billed else "rejected"
        )
