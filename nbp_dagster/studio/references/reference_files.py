"""Reads reference images: digests and validates them, and delivers them to the service."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.images import MAX_REFERENCE_BYTES
from nbp_dagster.briefs.supplied_images import SuppliedImage
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.prompts.edits import ORIGINAL
from nbp_dagster.prompts.reference_selection import REGION, palette_reference, read_region
from nbp_dagster.prompts.request import ImageRequest, Reference
from nbp_dagster.studio.imaging.decode import UndecodableImage
from nbp_dagster.studio.references.provided_sheets import CARD, Digests, SheetCards
from nbp_dagster.studio.references.sendable import make_sendable
from nbp_dagster.studio.references.supplied_files import decode_once
from nbp_dagster.studio.references.uploads import ReferenceDelivery
from nbp_dagster.studio.storage.image_store import ImageStore
from nbp_dagster.studio.storage.picture_identity import FORMER_WAYS, hash_formerly, hash_picture
from nbp_dagster.studio.storage.picture_metadata import strip_metadata
from nbp_dagster.yaml_source.problems import BriefError, BriefProblem

ReadReference = Callable[[str, str], bytes]
"""Returns a reference's bytes by its source and digest, as `ReferenceFiles.read` does."""

# How the source of a generated sheet begins; its key follows.
SHEET = "sheet:"
# Sources whose bytes the model sent: they lie in the store.
_MADE = (SHEET, ORIGINAL)
# Timeout in seconds of one fetch: a reference is smaller than a 4K result.
FETCH_SECONDS = 60.0


class UnusableReference(NbpError):
    """A reference image can't be read or sent."""


class ReferenceFiles:
    """Reads, stores and delivers reference images.

    Each is identified by what decides its pixels; see `studio.storage.picture_identity`.

    Args:
        briefs: The briefs that name the images.
        client: Fetches images given as URLs.
        store: Holds fetched images and generated sheets.
        delivery: The strategy that delivers images to the service.
        fetch_made: Brings a generated sheet, or the picture of a prompt, that the store lacks into
            it, by its key and digest; does nothing for one that it does not know.
    """

    def __init__(
        self,
        briefs: Briefs,
        *,
        client: OxenClient,
        store: ImageStore,
        delivery: ReferenceDelivery,
        fetch_made: Callable[[str, str], None] = lambda key, digest: None,
        prepare_store: Callable[[], object] = lambda: None,
    ) -> None:
        self._briefs = briefs
        self._client = client
        self._store = store
        self._delivery = delivery
        self._fetch_made = fetch_made
        self._prepare_store = prepare_store
        self._digests: dict[str, str] = {}
        self._former_digests: dict[str, Sequence[str]] = {}
        # Of fetched pictures: which bytes of the store are meant by a digest.
        self._kept: dict[str, str] = {}
        self._cards = SheetCards(
            briefs, digests=self.digests, former_digests=self.former_digests, read=self.read
        )
        self._faults: dict[str, NbpError] = {}
        self._deliverable: set[str] = set()
        self._palettes = {
            palette_reference(brand).digest: tuple(brand.palette.values())
            for brand in briefs.brands.values()
        }

    def digests(self, sources: Iterable[str]) -> dict[str, str]:
        """Return the digest of every source; each is read or fetched, and decoded, once a run.

        Args:
            sources: Paths within the config folder, or https URLs.

        Raises:
            UnusableReference: A file is unreadable, changed, or too large to be delivered.
            OxenError: A URL can't be fetched, or must not be.
            UndecodableImage: The bytes are not an accepted image.
        """
        wanted = tuple(dict.fromkeys(sources))
        for source in wanted:
            if source in self._faults:
                raise self._faults[source]
            if source not in self._digests:
                try:
                    self._digests[source] = self._digest(source)
                except NbpError as error:
                    self._faults[source] = error
                    raise
        return {source: self._digests[source] for source in wanted}

    @property
    def former_digests(self) -> tuple[Digests, ...]:
        """The ways sources were identified before, the newest first; see `hash_formerly`.

        Pictures are paid whose fingerprints hold such digests. Each raises what `digests` raises.
        """
        return tuple(partial(self._digests_of, age) for age in range(FORMER_WAYS))

    def _digests_of(self, age: int, sources: Iterable[str]) -> dict[str, str]:
        digests = self.digests(sources)
        return {source: self._former_digests[source][age] for source in digests}

    def require(self, images: Iterable[SuppliedImage]) -> None:
        """Make sure that images can be used, before anything is spent on any of them.

        Raises:
            BriefError: Some can't; every one of them is named, with its file and line.
        """
        problems = tuple(self._find_problems(images))
        if problems:
            raise BriefError(self._briefs.root, problems)

    def require_sendable(self, request: ImageRequest) -> None:
        """Make sure that a request's references can be delivered, generated sheets included.

        Raises:
            UnusableReference: One of them can't be, with the reason.
        """
        for reference in request.references:
            # Supplied images were checked when they were digested; every other one is checked once.
            if reference.source in self._digests or reference.digest in self._deliverable:
                continue
            size = self._size(reference)
            fault = self._delivery.find_fault(reference.source, size)
            if fault is not None:
                raise UnusableReference(f"{request.key}: {reference.source}: {fault}")
            self._deliverable.add(reference.digest)

    def input_image(self, request: ImageRequest) -> tuple[str, ...]:
        """Deliver a request's references; return their `input_image` values, in order.

        Raises:
            UnusableReference: A reference is gone, or changed since it was compiled.
            OxenError: One could not be uploaded.
        """
        return tuple(map(self._deliver, request.references))

    def read(self, source: str, digest: str) -> bytes:
        """Return the bytes of a reference, verified against its digest.

        Raises:
            UnusableReference: The file is gone, or changed after the run read the briefs.
            OxenError: A picture of the model is not in the store, and the service can't be asked.
            StoreError: A stored reference is gone from the store.
            UndecodableImage: The bytes are not an accepted image.
        """
        if source.startswith(CARD):
            return self._cards.read(source, digest)
        if digest in self._palettes:
            # numpy and fonts: digests, which are all a command may need, draw no card.
            from nbp_dagster.studio.references.sheet_card import draw_palette_card

            return draw_palette_card(self._palettes[digest])
        if source.startswith(REGION):
            # Pillow: digests, which are all a command may need, draw nothing.
            from nbp_dagster.studio.references.marked_region import draw_marked_region

            key, base, region = read_region(source)
            return draw_marked_region(self.read(f"{ORIGINAL}{key}", base), region)
        if source.startswith(_MADE):
            if not self._store.has(digest):
                self._fetch_made(source.partition(":")[2], digest)
            return self._store.get(digest)
        if source.startswith("https://"):
            data = self._store.get(self._kept.get(digest, digest))
            return make_sendable(data, what=f"reference {cut_query(source)}")
        # The file as it is spelled; a source that no brief names now has the path it says.
        known = self._briefs.files.get(source)
        path = Path(self._briefs.root) / source if known is None else known.path
        if not path.is_file():
            raise UnusableReference(f"reference {path} is gone; restore it and run again")
        data = path.read_bytes()
        if digest not in (hash_picture(data), *hash_formerly(data)):
            raise UnusableReference(
                f"reference {path} changed after the run began; run again to use the new one"
            )
        data = strip_metadata(data)
        decode_once(data, digest, what=f"reference {path}")
        return make_sendable(data, what=f"reference {path}")

    def _deliver(self, reference: Reference) -> str:
        return self._delivery.deliver(
            reference, lambda: self.read(reference.source, reference.digest)
        )

    def _size(self, reference: Reference) -> int:
        if reference.source.startswith(_MADE):
            kept = self._store.path(reference.digest)
            # Missing in the store: it is fetched when it is sent.
            return kept.stat().st_size if kept.is_file() else 0
        return len(self.read(reference.source, reference.digest))

    def _digest(self, source: str) -> str:
        if source.startswith("https://"):
            data = self._client.download(
                source, max_bytes=MAX_REFERENCE_BYTES, total_timeout=FETCH_SECONDS
            )
            digest, self._former_digests[source] = hash_picture(data), hash_formerly(data)
            data = strip_metadata(data)
            decode_once(data, digest, what=f"reference {cut_query(source)}")
            self._prepare_store()
            self._kept[digest] = self._store.put(data)
        else:
            file = self._briefs.files[source]
            self._former_digests[source] = file.former_sha256
            digest = file.sha256
            data = self.read(source, digest)
        fault = self._delivery.find_fault(source, len(data))
        if fault is not None:
            raise UnusableReference(f"reference {cut_query(source)}: {fault}")
        return digest

    def _find_problems(self, images: Iterable[SuppliedImage]) -> Iterator[BriefProblem]:
        for image in images:
            try:
                self.digests([image.source])
            except UndecodableImage as error:
                yield image.problem(self._briefs, f"not a usable picture: {error.seen}")
            except NbpError as error:
                yield image.problem(self._briefs, str(error))
