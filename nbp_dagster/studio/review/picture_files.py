"""The bytes a review shows of a picture: the file, its thumbnail, original, earlier version."""

from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecords
from nbp_dagster.studio.provenance.picture_index import KnownPicture, PictureIndex
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.image_store import ImageStore


@dataclass(frozen=True)
class PictureFiles:
    """Reads the store, the records and the index of pictures; writes nothing.

    Attributes:
        sets: The folder of sets.
    """

    sets: Path
    store: ImageStore
    records: PromptRecords
    index: PictureIndex

    def rendition(self, campaign: str, picture: Picture) -> bytes | None:
        """Return the bytes of a picture's file as they were decided about; None where not here."""
        stored = self.stored(picture.sha256)
        if stored is not None:
            return stored
        try:
            return (self.sets / campaign / picture.file).read_bytes()
        except OSError:
            return None

    def thumb(self, campaign: str, picture: Picture) -> bytes | None:
        """Return a small JPEG of a picture, at most 640 pixels wide; None where it is not here."""
        record = self.records.read(picture.prompt_key)
        digest = None if record is None else record.thumbs.get(picture.sha256)
        kept = None if digest is None else self.store.peek(digest)
        if kept is not None:
            return kept
        data = self.rendition(campaign, picture)
        return None if data is None else self._draw(data)

    def stored(self, digest: str) -> bytes | None:
        """Return bytes of the store by their sha256 (hex); None where they are not here."""
        try:
            return self.store.get(digest)
        except StoreError:
            return None

    def stored_thumb(self, digest: str) -> bytes | None:
        """Return a small JPEG of a picture in the store; None where it is not here."""
        data = self.stored(digest)
        return None if data is None else self._draw(data)

    def earlier(self, picture: Picture) -> KnownPicture | None:
        """Return the version of a picture before its present bytes; None where there was none."""
        known = [
            row
            for row in self.index.find_by_prompt(picture.prompt_key)
            if (row.channel, row.locale) == (picture.channel, picture.locale)
        ]
        # In the order they were first made; bytes that came back have an earlier place.
        digests = [row.sha256 for row in known]
        present = digests.index(picture.sha256) if picture.sha256 in digests else len(known)
        kept = [n for n, row in enumerate(known) if n != present and self.store.has(row.sha256)]
        before = [n for n in kept if n < present] or kept
        return known[before[-1]] if before else None

    @staticmethod
    def _draw(data: bytes) -> bytes:
        return thumbnail(decode_image(data, what="a picture of the set").image)
