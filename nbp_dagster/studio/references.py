"""Reference images: their digests for the fingerprint, and how their bytes reach the service."""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from nbp_dagster.brand.briefs import Briefs
from nbp_dagster.brand.requests import ImageRequest, Reference
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.wording import cut_query
from nbp_dagster.studio.decode import decode_image
from nbp_dagster.studio.store import ImageStore

# A data URI is a third larger than its bytes; clients seen in public stop at 12 MB a file.
MAX_INLINE_BYTES = 12_000_000


class UnusableReference(NbpError):
    """A reference image can't be read or sent."""


class References:
    """Reads, keeps and sends reference images, each known by the sha256 of its bytes."""

    def __init__(self, briefs: Briefs, *, client: OxenClient, store: ImageStore) -> None:
        self._briefs = briefs
        self._client = client
        self._store = store
        self._digests: dict[str, str] = {}

    def digests(self, sources: Iterable[str]) -> dict[str, str]:
        """Return the digest of every source, fetching https ones once a run.

        Args:
            sources: Paths within the config folder, or https URLs.

        Raises:
            UnusableReference: A file is unreadable.
            OxenError: A URL can't be fetched or is not allowed to be.
            UndecodableImage: What was read is not an image that may be used.
        """
        for source in sources:
            if source not in self._digests:
                self._digests[source] = self._digest(source)
        return dict(self._digests)

    def input_image(self, request: ImageRequest) -> tuple[str, ...]:
        """Return what the service is sent for a request's references, in their order.

        A public https reference goes as it is; everything else as a data URI.

        Raises:
            UnusableReference: A reference is gone, changed since it was compiled, or too large.
        """
        return tuple(self._sendable(reference, request.key) for reference in request.references)

    def _digest(self, source: str) -> str:
        if not source.startswith("https://"):
            # Read and measured with the briefs; its bytes are verified again before they are sent.
            return self._briefs.files[source].sha256
        data = self._client.download(source)
        decode_image(data, what=f"reference {cut_query(source)}")
        return self._store.put(data)

    def _sendable(self, reference: Reference, key: str) -> str:
        if reference.source.startswith("https://"):
            return reference.source
        data = self.read(reference.source, reference.digest)
        if len(data) > MAX_INLINE_BYTES:
            raise UnusableReference(
                f"{key}: reference {cut_query(reference.source)} has {len(data)} bytes, more "
                f"than the {MAX_INLINE_BYTES} that are sent; make it smaller"
            )
        return data_uri(data)

    def read(self, source: str, digest: str) -> bytes:
        """Return the bytes of a reference, exactly those its digest names.

        Raises:
            UnusableReference: The file is gone, or changed after the run read the briefs.
            StoreError: A kept reference is gone from the store.
            UndecodableImage: It is not an image that may be used.
        """
        if source.startswith(("sheet:", "https://")):
            return self._store.get(digest)
        path = Path(self._briefs.root) / source
        if not path.is_file():
            raise UnusableReference(f"reference {path} is gone; restore it and run again")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != digest:
            raise UnusableReference(
                f"reference {path} changed after the run began; run again to use the new one"
            )
        decode_image(data, what=f"reference {path}")
        return data


def data_uri(data: bytes) -> str:
    """Return image bytes as a `data:` URI with the type their magic bytes tell."""
    kind = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
