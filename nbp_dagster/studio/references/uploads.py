"""How the bytes of a reference image reach the service: as an address, an upload, or inline.

How an image travels is no part of a fingerprint; what it shows is.
"""

import base64
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from nbp_dagster.clock import Clock
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import NotFound
from nbp_dagster.prompts.request import Reference
from nbp_dagster.studio.options import ReferenceMode
from nbp_dagster.studio.storage.files import hold_lock, write_atomically

Read = Callable[[], bytes]

# A data URI is a third larger than its bytes; clients seen in public stop at 12 MB a file.
MAX_INLINE_BYTES: Final = 12_000_000
# The form parser of the service's open-source server takes no larger body.
MAX_UPLOAD_BYTES: Final = 50 * 1024 * 1024
# A signed address opens a file for about an hour; a job may wait for a good part of it.
LINK_SECONDS: Final = 20 * 60.0
UPLOAD_FOLDER: Final = "references"
# Characters of data URIs kept in memory: those of a campaign are sent with each of its prompts.
_KEPT_INLINE: Final = 64_000_000


class NoUploadPlace(NbpError):
    """ReferenceFiles are to be uploaded, and nobody said where to."""


class ReferenceDelivery(Protocol):
    """One way for reference images to reach the service; safe from several threads."""

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image of `size` bytes can't be sent this way, or None; asks nobody."""
        ...

    def carry(self, reference: Reference, read: Read) -> str:
        """Return what stands for an image in `input_image`.

        Args:
            reference: The image.
            read: Returns its bytes, verified; called only where they are needed.

        Raises:
            OxenError: The service did not take the bytes.
        """
        ...


class PassThroughUrl:
    """Leaves public https images where they are, and the rest to another carrier."""

    def __init__(self, rest: ReferenceDelivery) -> None:
        self._rest = rest

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image can't be sent; an address can always be."""
        return None if _is_public(source) else self._rest.find_fault(source, size)

    def carry(self, reference: Reference, read: Read) -> str:
        """Return the address itself; the service fetches it."""
        if _is_public(reference.source):
            return reference.source
        return self._rest.carry(reference, read)


class Inline:
    """Puts the bytes into the request, as data URIs."""

    def __init__(self) -> None:
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._lock = threading.Lock()

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image is too large to be sent within a request."""
        if size <= MAX_INLINE_BYTES:
            return None
        return (
            f"{size} bytes; accepted: at most {MAX_INLINE_BYTES} within a request; make it "
            "smaller, or set NBP_REFERENCES_REPOSITORY to upload it"
        )

    def carry(self, reference: Reference, read: Read) -> str:
        """Return the image as a data URI, encoded once while it is in use."""
        with self._lock:
            text = self._texts.pop(reference.digest, None) or data_uri(read())
            self._texts[reference.digest] = text
            while len(self._texts) > 1 and sum(map(len, self._texts.values())) > _KEPT_INLINE:
                self._texts.popitem(last=False)
            return text


@dataclass(frozen=True)
class UploadPlace:
    """Where reference images are uploaded.

    Attributes:
        repository: `namespace/name`; made, private, when it is not there.
        branch: The branch that gets the commits.
        author_name: Whose name the commits bear.
        author_email: The address beside it; the service demands one.
    """

    repository: str
    branch: str = "main"
    author_name: str = "nbp-dagster"
    author_email: str = "nbp-dagster@users.invalid"


@dataclass(frozen=True)
class _Link:
    url: str
    good_until: float


class Upload:
    """Commits each image once to an Oxen repository, named by its hash, and sends a signed link.

    What was uploaded is noted in a folder, so that another process need not do it again; the
    service itself makes no second commit of equal bytes.

    Args:
        client: The service.
        place: The repository.
        folder: Where what was uploaded is noted.
        clock: Tells when a link has to be renewed.
    """

    def __init__(
        self, client: OxenClient, place: UploadPlace, *, folder: Path, clock: Clock
    ) -> None:
        self._client = client
        self._place = place
        where = f"{client.base_url}\n{place.repository}\n{place.branch}"
        self._folder = folder / hashlib.sha256(where.encode()).hexdigest()[:16]
        self._clock = clock
        self._links: dict[str, _Link] = {}
        self._lock = threading.Lock()

    def find_fault(self, source: str, size: int) -> str | None:
        """Return why an image is too large to be uploaded."""
        if size <= MAX_UPLOAD_BYTES:
            return None
        return f"{size} bytes; accepted: at most {MAX_UPLOAD_BYTES} in one upload; make it smaller"

    def carry(self, reference: Reference, read: Read) -> str:
        """Return a link that opens the image for a while; uploads it first where it must."""
        # One writer a branch: two commits at once could lose one of them.
        with self._lock:
            link = self._links.get(reference.digest)
            if link is None or link.good_until < self._clock.monotonic():
                link = _Link(self._link(read()), self._clock.monotonic() + LINK_SECONDS)
                self._links[reference.digest] = link
            return link.url

    def _link(self, data: bytes) -> str:
        sha256 = hashlib.sha256(data).hexdigest()
        path, note = f"{UPLOAD_FOLDER}/{sha256}.{_kind_of(data)}", self._folder / sha256
        if note.is_file():
            try:
                return self._presign(path)
            except NotFound:
                # Somebody has removed it since, or the repository with it.
                note.unlink(missing_ok=True)
        with hold_lock(self._folder / ".lock"):
            if not note.is_file():
                self._upload(path, data)
                write_atomically(note, f"{path}\n".encode())
        return self._presign(path)

    def _presign(self, path: str) -> str:
        return self._client.presign_file(self._place.repository, self._place.branch, path)

    def _upload(self, path: str, data: bytes) -> None:
        place, name = self._place, path.removeprefix(f"{UPLOAD_FOLDER}/")
        if self._client.get_repository(place.repository) is None:
            self._client.create_repository(
                place.repository,
                author_name=place.author_name,
                author_email=place.author_email,
                description="Reference images of nbp-dagster",
            )
        self._client.put_files(
            place.repository,
            place.branch,
            UPLOAD_FOLDER,
            [(name, data)],
            message=f"Reference {name[:12]}",
            author_name=place.author_name,
            author_email=place.author_email,
        )


@dataclass(frozen=True)
class Sending:
    """How references are to be sent.

    Attributes:
        way: `auto` leaves public addresses as they are and uploads the rest where there is a
            repository, else puts it into the request; `upload` and `inline` send every image the
            same way, addresses included, so that the service fetches from nobody else.
        repository: `namespace/name` for uploads; empty for none.
    """

    way: ReferenceMode = "auto"
    repository: str = ""

    def carrier(self, client: OxenClient, *, folder: Path, clock: Clock) -> ReferenceDelivery:
        """Return the one strategy that this asks for.

        Raises:
            NoUploadPlace: `upload` without a repository.
        """
        if self.way == "inline":
            return Inline()
        if not self.repository:
            if self.way == "upload":
                raise NoUploadPlace(
                    "references are to be uploaded and there is no repository; set "
                    "NBP_REFERENCES_REPOSITORY to namespace/name"
                )
            return PassThroughUrl(Inline())
        upload = Upload(client, UploadPlace(self.repository), folder=folder, clock=clock)
        return upload if self.way == "upload" else PassThroughUrl(upload)


def data_uri(data: bytes) -> str:
    """Return image bytes as a `data:` URI with the type their magic bytes tell."""
    return f"data:image/{_kind_of(data)};base64,{base64.b64encode(data).decode('ascii')}"


def _kind_of(data: bytes) -> str:
    if data.startswith(b"\x89PNG"):
        return "png"
    if data[8:12] == b"WEBP":
        return "webp"
    return "avif" if data[4:8] == b"ftyp" else "jpeg"


def _is_public(source: str) -> bool:
    return source.startswith("https://")
