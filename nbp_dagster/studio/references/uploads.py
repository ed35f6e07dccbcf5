"""Delivers reference images to the service: as a public URL, an upload or an inline data URI.

The route is no part of a fingerprint; the image's bytes are. Must not know: briefs.
"""

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import NotFound
from nbp_dagster.prompts.request import Reference
from nbp_dagster.studio.options import ReferenceMode
from nbp_dagster.studio.storage.documents import Documents
from nbp_dagster.studio.storage.files import hold_lock

Read = Callable[[], bytes]

# A data URI is a third larger than its bytes; clients seen in public stop at 12 MB a file.
MAX_INLINE_BYTES: Final = 12_000_000
# The form parser of the service's open-source server takes no larger body.
MAX_UPLOAD_BYTES: Final = 50 * 1024 * 1024
# A signed URL is valid for about an hour; a job may be queued for a good part of it.
LINK_SECONDS: Final = 20 * 60.0
UPLOAD_FOLDER: Final = "references"
# Characters of data URIs kept in memory: those of a campaign are sent with each of its prompts.
_KEPT_INLINE: Final = 64_000_000


class NoUploadTarget(NbpError):
    """References are to be uploaded, and no repository is configured."""


class ReferenceDelivery(Protocol):
    """A strategy that delivers reference images to the service; safe from several threads."""

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image of `size` bytes can't be delivered, or None; makes no request."""
        ...

    def deliver(self, reference: Reference, read: Read) -> str:
        """Deliver an image and return its value in `input_image`: a URL or a data URI.

        Args:
            reference: The image.
            read: Returns its bytes, verified; called only if they are needed.

        Raises:
            OxenError: The service did not accept the bytes.
        """
        ...


class PassThroughUrl:
    """Passes public https URLs through; every other image goes through another strategy."""

    def __init__(self, rest: ReferenceDelivery) -> None:
        self._rest = rest

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image can't be delivered; a URL always can."""
        return None if _is_public(source) else self._rest.find_fault(source, size)

    def deliver(self, reference: Reference, read: Read) -> str:
        """Return the URL itself; the service fetches it."""
        if _is_public(reference.source):
            return reference.source
        return self._rest.deliver(reference, read)


class InlineDelivery:
    """Sends the bytes within the request, as data URIs."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image is too large for a request."""
        if size <= MAX_INLINE_BYTES:
            return None
        return (
            f"{size} bytes; accepted: at most {MAX_INLINE_BYTES} within a request; make it "
            "smaller, or set NBP_REFERENCES_REPOSITORY to upload it"
        )

    def deliver(self, reference: Reference, read: Read) -> str:
        """Return the image as a data URI, encoded once while it is in use."""
        with self._lock:
            text = self._texts.pop(reference.digest, None) or data_uri(read())
            self._texts[reference.digest] = text
            while len(self._texts) > 1 and sum(map(len, self._texts.values())) > _KEPT_INLINE:
                self._texts.popitem(last=False)
            return text


@dataclass(frozen=True)
class UploadTarget:
    """The repository that reference images are uploaded to.

    Attributes:
        repository: `namespace/name`; created, private, when it does not exist.
        branch: The branch of the commits.
        author_name: Author of the commits.
        author_email: Their email address; the service requires one.
    """

    repository: str
    branch: str = "main"
    author_name: str = "nbp-dagster"
    author_email: str = "nbp-dagster@users.invalid"


@dataclass(frozen=True)
class _Link:
    url: str
    good_until: float


class UploadDelivery:
    """Commits each image once to an Oxen repository, named by its hash, and sends a signed URL.

    A note records each upload, so that other processes skip it; the service itself makes no second
    commit of equal bytes.

    Args:
        client: The service.
        target: The repository.
        notes: The uploads so far.
        clock: Times the renewal of signed URLs.
    """

    def __init__(
        self, client: OxenClient, target: UploadTarget, *, notes: Documents, clock: Clock
    ) -> None:
        self._client = client
        self._target = target
        where = f"{client.base_url}\n{target.repository}\n{target.branch}"
        self._notes, self._where = notes, hashlib.sha256(where.encode()).hexdigest()[:16]
        self._clock = clock
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image is too large to be uploaded."""
        if size <= MAX_UPLOAD_BYTES:
            return None
        return f"{size} bytes; accepted: at most {MAX_UPLOAD_BYTES} in one upload; make it smaller"

    def deliver(self, reference: Reference, read: Read) -> str:
        """Return a signed URL, valid for a while; uploads the image first if necessary."""
        # One writer a branch: two commits at once could lose one of them.
        with self._lock:
            link = self._links.get(reference.digest)
            if link is None or link.good_until < self._clock.monotonic():
                link = _Link(self._link(read()), self._clock.monotonic() + LINK_SECONDS)
                self._links[reference.digest] = link
            return link.url

    def _link(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path, note = f"{UPLOAD_FOLDER}/{sha256}.{_file_type_of(data)}", f"{self._where}/{sha256}"
        if self._notes.find(note) is not None:
            try:
                return self._presign(path)
            except NotFound:
                # The file, or its repository, was removed since.
                self._notes.remove(note)
        # Of this machine's processes; two machines at once upload it twice, and the service keeps
        # one.
        with hold_lock(self._notes.path(f"{self._where}/.lock")):
            if self._notes.find(note) is None:
                self._upload(path, data)
                self._notes.write(note, f"{path}\n".encode())
        return self._presign(path)

    def _presign(self, path: str) -> str:
        return self._client.presign_file(self._target.repository, self._target.branch, path)

    def _upload(self, path: str, data: bytes) -> None:
        target, name = self._target, path.removeprefix(f"{UPLOAD_FOLDER}/")
        if self._client.get_repository(target.repository) is None:
            self._client.create_repository(
                target.repository,
                author_name=target.author_name,
                author_email=target.author_email,
                description="Reference images of nbp-dagster",
            )
        self._client.put_files(
            target.repository,
            target.branch,
            UPLOAD_FOLDER,
            [(name, data)],
            message=f"Reference {name[:12]}",
            author_name=target.author_name,
            author_email=target.author_email,
        )


@dataclass(frozen=True)
class DeliveryOptions:
    """The configured route of reference images.

    Attributes:
        way: `auto` passes public URLs through and uploads the rest if there is a repository, else
            sends it inline; `upload` and `inline` send every image the same way, public URLs
            included, so that the service fetches nothing from third parties.
        repository: `namespace/name` for uploads; empty for none.
    """

    way: ReferenceMode = "auto"
    repository: str = ""

    def create_delivery(
        self, client: OxenClient, *, notes: Documents, clock: Clock
    ) -> ReferenceDelivery:
        """Return the strategy of this route.

        Args:
            client: The service.
            notes: The uploads so far.
            clock: Times the renewal of signed URLs.

        Raises:
            NoUploadTarget: `upload` without a repository.
        """
        if self.way == "inline":
            return InlineDelivery()
        if not self.repository:
            if self.way == "upload":
                raise NoUploadTarget(
                    "references are to be uploaded and there is no repository; set "
                    "NBP_REFERENCES_REPOSITORY to namespace/name"
                )
            return PassThroughUrl(InlineDelivery())
        upload = UploadDelivery(client, UploadTarget(self.repository), notes=notes, clock=clock)
        return upload if self.way == "upload" else PassThroughUrl(upload)


def data_uri(data: bytes) -> str:
    """Return image bytes as a `data:` URI; its media type is that of their magic bytes."""
    return f"data:image/{_file_type_of(data)};base64,{base64.b64encode(data).decode('ascii')}"


def _file_type_of(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "png"
    if data[8:12] == b"WEBP":
        return "webp"
    return "avif" if data[4:8] == b"ftyp" else "jpeg"


def _is_public(source: str) -> bool:
    return source.startswith("https://")
