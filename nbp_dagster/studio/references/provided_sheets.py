"""Character sheets supplied by the brief: one image as it is, several drawn as one sheet card."""

import threading
from collections.abc import Callable, Iterable, Mapping

from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.images import resolve_source
from nbp_dagster.briefs.models import CharacterRole
from nbp_dagster.errors import NbpError
from nbp_dagster.oxen.error_text import cut_query
from nbp_dagster.prompts.reference_selection import Role
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.prompts.sheet_views import View, hash_card, order_views
from nbp_dagster.studio.imaging.decode import decode_image

CARD = "card:"
"""Prefix of the source of a sheet card; `<brand>/<character>` follows."""

Digests = Callable[[Iterable[str]], Mapping[str, str]]
"""Returns the digest of each source, as `ReferenceFiles.digests` does."""


class ChangedCard(NbpError):
    """The images of a sheet card changed since its digest was computed."""


def use_supplied_sheet(briefs: Briefs, sheet_key: str, digests: Digests) -> Sheet:
    """Return the sheet of a character whose brief supplies references.

    One identity image is the sheet as it is. Several become one card, which counts as one reference
    of a request; its digest is that of its views (see `prompts.sheet_views.hash_card`). Faces are
    references of their own.

    Args:
        briefs: The briefs.
        sheet_key: `<brand>/<character>`.
        digests: Returns the digest of each source.
    """
    views = views_of(briefs, sheet_key, digests)
    alone = views[0] if len(views) == 1 else None
    faces = _sources(briefs, sheet_key, "face")
    known = digests(faces)
    beside: tuple[Role, ...] = tuple("face" for _ in faces)
    return Sheet(
        key=sheet_key,
        digests=(
            hash_card(views) if alone is None else alone.digest,
            *(known[source] for source in faces),
        ),
        sources=(f"{CARD}{sheet_key}" if alone is None else alone.source, *faces),
        origin="adopted",
        roles=("identity", *beside),
    )


def views_of(briefs: Briefs, sheet_key: str, digests: Digests) -> tuple[View, ...]:
    """Return the identity images the brief supplies for a character, in the order of its card."""
    sources = _sources(briefs, sheet_key, "identity")
    known = digests(sources)
    return order_views(sources, [known[source] for source in sources])


def _sources(briefs: Briefs, sheet_key: str, role: CharacterRole) -> tuple[str, ...]:
    brand_id, _, character_id = sheet_key.partition("/")
    supplied = briefs.brands[brand_id].characters[character_id].references
    found = (resolve_source(item.image) for item in supplied if item.role == role)
    return tuple(dict.fromkeys(found))


class SheetCards:
    """Draws sheet cards, each once a run; safe from several threads.

    Args:
        briefs: The briefs, which list the images of each card.
        digests: Returns the digest of each source.
        former_digests: Return those that each had before, in older cards, the newest first.
        read: Returns the bytes of a source, verified against its digest.
    """

    def __init__(
        self,
        briefs: Briefs,
        *,
        digests: Digests,
        former_digests: Iterable[Digests],
        read: Callable[[str, str], bytes],
    ) -> None:
        self._briefs = briefs
        self._all_digests = (digests, *former_digests)
        self._read = read
        self._cards: dict[str, bytes] = {}
        self._lock = threading.Lock()

    def read(self, source: str, digest: str) -> bytes:
        """Return a card as PNG or JPEG.

        Args:
            source: `card:<brand>/<character>`.
            digest: The digest of its views.

        Raises:
            ChangedCard: One of its images changed since the request was compiled.
            NbpError: An image can't be read, or is not accepted.
        """
        with self._lock:
            if digest not in self._cards:
                self._cards[digest] = self._draw(source.removeprefix(CARD), digest)
            return self._cards[digest]

    def _draw(self, sheet_key: str, digest: str) -> bytes:
        forms = (views_of(self._briefs, sheet_key, digests) for digests in self._all_digests)
        views = next((views for views in forms if hash_card(views) == digest), None)
        if views is None:
            raise ChangedCard(
                f"the references of {sheet_key} changed after the run began; run again to use the "
                "new ones"
            )
        # numpy and fonts: a command that only names sheets draws no card.
        from nbp_dagster.studio.references.sheet_card import Panel, draw_card, encode_card

        panels = [Panel(view.kind, self._image(view)) for view in views]
        return encode_card(draw_card(panels))

    def _image(self, view: View) -> Image.Image:
        what = f"reference {cut_query(view.source)}"
        return decode_image(self._read(view.source, view.digest), what=what).image
