"""Reads paid originals, and downloads again (free) those that this machine's store lacks."""

from dataclasses import dataclass

from nbp_dagster.file_kinds import HEAD_BYTES, describe_kind
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.studio.imaging.decode import sniff_format
from nbp_dagster.studio.ledger.orders import Made
from nbp_dagster.studio.purchasing.cancellation import CancellationToken
from nbp_dagster.studio.storage.files import IncomingFile, StoreError
from nbp_dagster.studio.storage.image_store import ImageStore


class OriginalMissing(StoreError):
    """A paid original is not in the store, and can't be had from the service."""


@dataclass(frozen=True)
class CancellableFile:
    """Takes a download's bytes until the run is cancelled."""

    incoming: IncomingFile
    token: CancellationToken

    def begin(self) -> None:
        """Drop what was written before, for a download that starts over."""
        self.incoming.begin()

    def write(self, data: bytes) -> None:
        """Append bytes.

        Raises:
            Cancelled: The run was cancelled.
        """
        self.token.raise_if_cancelled()
        self.incoming.write(data)


@dataclass(frozen=True)
class Originals:
    """The paid originals of a ledger, wherever they were bought; safe from several threads.

    Attributes:
        client: The service, which keeps the results of its jobs.
        store: Where originals are kept on this machine.
        token: Looked at while bytes arrive; cancelled, it drops them.
    """

    client: OxenClient
    store: ImageStore
    token: CancellationToken

    def has(self, made: Made) -> bool:
        """Whether the store holds an original, complete."""
        return self.store.has(made.image.sha256, size=made.image.bytes)

    def read(self, made: Made) -> bytes:
        """Return an original's bytes; see `fetch`.

        Raises:
            OriginalMissing: It is nowhere any more.
            OxenError: The service can't be asked.
            StoreError: The store can't be read or written, or its bytes were altered.
        """
        self.fetch(made)
        return self.store.get(made.image.sha256)

    def fetch(self, made: Made) -> None:
        """Download an original that the store lacks: another machine bought it, or it was lost.

        Raises:
            OriginalMissing: The service no longer has it, or something else came.
            OxenError: The service can't be asked.
            StoreError: The store can't be written.
        """
        if self.store.bring(made.image.sha256, size=made.image.bytes):
            return
        job = self.client.get_generation(made.receipt.generation_id)
        if job.status != "succeeded" or job.result_url is None:
            raise OriginalMissing(_describe_missing(f"the service shows the job as {job.status}"))
        with self.store.receive() as incoming:
            self.client.download_into(job.result_url, CancellableFile(incoming, self.token))
            if incoming.digest() != made.image.sha256:
                head = incoming.peek(lambda file: file.read(HEAD_BYTES))
                if sniff_format(head) is None:
                    raise OriginalMissing(_describe_other(head))
                raise OriginalMissing(_describe_missing("the service now sends other bytes"))
            self.store.keep(incoming)


def _describe_other(head: bytes) -> str:
    return (
        f"its paid image is missing from the store, and {describe_kind(head)} came in its place; "
        "that says nothing of the picture: look for a proxy or sign-in page on the way to the "
        "service, and run again"
    )


def _describe_missing(why: str) -> str:
    return (
        f"its paid image is missing from the store, and {why}; restore the store from its "
        "backup, or buy the image again with --fresh"
    )
