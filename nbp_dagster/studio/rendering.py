"""From one original to every channel's picture: fitted, lettered, marked, checked and kept."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image

from nbp_dagster.brand.models import Channel
from nbp_dagster.brand.plan import locales_of
from nbp_dagster.brand.requests import ImageRequest, Sheet
from nbp_dagster.brand.wording import wording_of
from nbp_dagster.studio.checks import CheckInput, run_checks
from nbp_dagster.studio.credentials import Credentials, Parent
from nbp_dagster.studio.decode import decode_image
from nbp_dagster.studio.files import StoreError
from nbp_dagster.studio.fit import Pyramid, build_pyramid, render_channel
from nbp_dagster.studio.inspecting import Inspector
from nbp_dagster.studio.legibility import TextBox
from nbp_dagster.studio.manifest import Picture, ReferenceFacts, picture_file
from nbp_dagster.studio.marking import Marks, build_xmp
from nbp_dagster.studio.measuring import facts_of
from nbp_dagster.studio.outcomes import Generated, Made
from nbp_dagster.studio.previews import inline_preview, thumbnail
from nbp_dagster.studio.records import PromptRecord, RecordFolder
from nbp_dagster.studio.registry import KnownPicture, Registry, known_original, known_rendition
from nbp_dagster.studio.scenes import Scene
from nbp_dagster.studio.stamp import stamp_simulated
from nbp_dagster.studio.store import ImageStore
from nbp_dagster.studio.typeset import check_type, typeset

# Raised when the same original and channel would come out differently: renditions are made again.
RENDER_VERSION = "2"


def check_lettering(scene: Scene) -> None:
    """Make sure that copy we set ourselves can be set on every channel, before anything is bought.

    Raises:
        TextDoesNotFit: There is no room for it, or no glyph.
    """
    sizes = {(item.width, item.height): item.safe_area for item in scene.channels}
    for lettering in _letterings(scene):
        if lettering.texts:
            fonts = scene.fonts.get(lettering.locale)
            check_type(lettering.texts, sizes=sizes, language=lettering.locale, fonts=fonts)


class Renderer:
    """Makes a prompt's renditions, once: an unchanged prompt is answered from its record.

    Args:
        store: Where originals are, and renditions go.
        records: What each prompt has now.
        registry: Learns every file, so that a copy of it is found again.
        credentials: Signs every rendition; None to sign none.
        inspector: Looks at every original; None to leave it at the renditions.
    """

    def __init__(
        self,
        *,
        store: ImageStore,
        records: RecordFolder,
        registry: Registry,
        credentials: Credentials | None = None,
        inspector: Inspector | None = None,
    ) -> None:
        self._store = store
        self._records = records
        self._registry = registry
        self._credentials = credentials
        self._inspector = inspector or Inspector()

    def render(
        self,
        scene: Scene,
        request: ImageRequest,
        made: Made,
        image: Image.Image | None = None,
        *,
        sheets: Mapping[str, Sheet] | None = None,
    ) -> PromptRecord:
        """Return the prompt's renditions, making those that are missing or out of date.

        Args:
            scene: What the briefs say.
            request: What the original was made by.
            made: The original.
            image: Its pixels, where they are at hand; read from the store otherwise.
            sheets: What the original is measured against, by `brand/character`; None not to
                measure it.

        Raises:
            UndecodableImage: The original in the store is not what it was.
            RenditionTooLarge: A channel's maximum bytes can't be met.
            TextDoesNotFit: Composited copy can't be set legibly on a channel.
            SigningError: Content credentials can't be signed.
            StoreError: The store can't be read or written.
            LedgerDatabaseError: The registry can't be written.
        """
        recipe = self.recipe(scene, made)
        record = self._records.read(scene.prompt.key)
        stamp = self._inspector.stamp(scene, sheets)
        is_rendered = record is not None and record.recipe == recipe and self._has_all(record)
        if record is not None and is_rendered and record.measured == stamp:
            return record
        if image is None:
            image = decode_image(self._store.get(made.image.sha256), what=scene.prompt.key).image
        pyramid = build_pyramid(image)
        if record is not None and is_rendered:
            record = self._inspector.inspect(scene, request, made, pyramid, sheets, record)
            self._records.write(record)
            return record
        drawn = tuple(self._pictures(scene, request, made, pyramid))
        # Before the record, which would keep them from being written down later.
        renditions = [item.known for item in drawn]
        self._registry.add([*renditions, known_original(renditions[0], made, pyramid.levels)])
        record = PromptRecord(
            prompt_key=scene.prompt.key,
            fingerprint=made.receipt.fingerprint,
            recipe=recipe,
            pictures=tuple(item.picture for item in drawn),
            preview=inline_preview(pyramid.levels[-1]),
            thumbs={item.picture.sha256: item.thumb for item in drawn},
            reading=None if record is None else record.reading,
        )
        record = self._inspector.inspect(scene, request, made, pyramid, sheets, record)
        self._records.write(record)
        return record

    def recipe(self, scene: Scene, made: Made) -> str:
        """Return the hash of what a prompt's renditions depend on; see `recipe_of`."""
        signer = None if self._credentials is None else self._credentials.identity
        return recipe_of(scene, made, signer=signer)

    def thumb(self, picture: Picture) -> bytes | None:
        """Return the thumbnail kept of a rendition; None where there is none that can be read."""
        record = self._records.read(picture.prompt_key)
        digest = None if record is None else record.thumbs.get(picture.sha256)
        try:
            return None if digest is None else self._store.get(digest)
        except StoreError:
            # A thumbnail can always be drawn from its picture.
            return None

    def _has_all(self, record: PromptRecord) -> bool:
        return all(self._store.has(item.sha256, size=item.bytes) for item in record.pictures)

    def _pictures(
        self, scene: Scene, request: ImageRequest, made: Made, original: Pyramid
    ) -> Iterator["_Drawn"]:
        parent = None
        if self._credentials is not None:
            marks = _Work(scene, request, made, scene.channels[0]).marks(composited=False)
            parent = self._credentials.adopt(self._store.get(made.image.sha256), marks)
        for channel in scene.channels:
            work = _Work(scene, request, made, channel, parent)
            for lettering in _letterings(scene):
                yield self._picture(work, original, lettering)

    def _picture(self, work: "_Work", original: Pyramid, lettering: "_Lettering") -> "_Drawn":
        channel, scene = work.channel, work.scene
        letterer = _Letterer(work, lettering) if lettering.texts else None
        marks = work.marks(composited=letterer is not None)
        rendition = render_channel(
            original,
            channel,
            xmp=build_xmp(marks),
            letter=letterer,
            sign=self._signer(work, marks),
        )
        checks = run_checks(
            CheckInput(
                channel=channel,
                data=rendition.data,
                prompt_key=scene.prompt.key,
                left_out=() if letterer is None else letterer.left_out,
                text_boxes=() if letterer is None else letterer.text_boxes,
                has_drawn_text=scene.shot.text == "drawn" and bool(scene.shot.texts),
                marks=marks,
                is_signed=self._credentials is not None,
            ),
            blocking=scene.brand.blocking_checks,
        )
        picture = Picture(
            file=picture_file(
                channel=channel.id,
                shot=scene.prompt.shot,
                locale=lettering.locale,
                ratio=scene.prompt.ratio,
                variant=scene.prompt.variant,
                file_type=rendition.file_type,
            ),
            channel=channel.id,
            locale=lettering.locale,
            width=rendition.width,
            height=rendition.height,
            bytes=len(rendition.data),
            sha256=self._store.put(rendition.data),
            file_type=rendition.file_type,
            checks=tuple(map(facts_of, checks)),
            **work.lineage(),
        )
        # Drawn while the pixels are at hand: a set would have to decode every file again.
        return _Drawn(
            picture,
            # A lost one is drawn from its picture.
            thumb=self._store.put(thumbnail(rendition.image), sync=False),
            known=known_rendition(picture, marks, rendition.image),
        )

    def _signer(self, work: "_Work", marks: Marks) -> Callable[[bytes], bytes] | None:
        credentials, parent = self._credentials, work.parent
        if credentials is None or parent is None:
            return None
        room = work.channel.max_bytes
        return lambda data: credentials.sign(data, marks, parent, max_bytes=room)


@dataclass(frozen=True)
class _Drawn:
    """A rendition's row, the digest of its thumbnail, and what the registry learns of it."""

    picture: Picture
    thumb: str
    known: KnownPicture


@dataclass(frozen=True)
class _Lettering:
    """Copy to set in one locale; no copy where the picture has its words already, or none."""

    locale: str
    texts: Mapping[str, str]


@dataclass(frozen=True)
class _Work:
    """One prompt for one channel."""

    scene: Scene
    request: ImageRequest
    made: Made
    channel: Channel
    parent: Parent | None = None

    @property
    def is_simulated(self) -> bool:
        return self.request.provider == "simulator"

    def marks(self, *, composited: bool) -> Marks:
        return Marks(
            simulated=self.is_simulated,
            composited=composited,
            model=self.request.model,
            generation_id=self.made.receipt.generation_id,
            brand=self.scene.brand.id,
            campaign=self.scene.prompt.campaign,
            prompt_key=self.scene.prompt.key,
            fingerprint=self.made.receipt.fingerprint,
            made_at=self.made.receipt.completed_at,
            prompt=self.request.prompt if self.scene.discloses_prompt else None,
        )

    def lineage(self) -> dict[str, Any]:
        """The part of a picture's row that all renditions of a prompt share."""
        prompt, request, receipt = self.scene.prompt, self.request, self.made.receipt
        return {
            "shot": prompt.shot,
            "ratio": prompt.ratio,
            "variant": prompt.variant,
            "prompt_key": prompt.key,
            "prompt": request.prompt,
            "references": tuple(
                ReferenceFacts(role=item.role, subject=item.subject, digest=item.digest)
                for item in request.references
            ),
            "model": request.model,
            "parameters": dict(request.parameters),
            "fingerprint": receipt.fingerprint,
            "generation_id": receipt.generation_id,
            "price_usd": receipt.price_usd,
            "reused": not isinstance(self.made, Generated),
            "billed": isinstance(self.made, Generated) and not self.is_simulated,
            "seconds_queued": receipt.seconds_queued,
            "seconds_working": receipt.seconds_working,
            "original_sha256": self.made.image.sha256,
            "simulated": self.is_simulated,
        }


class _Letterer:
    """Sets the copy of one picture; afterwards knows where it is and what found no room."""

    def __init__(self, work: _Work, lettering: _Lettering) -> None:
        self._work = work
        self._lettering = lettering
        self.left_out: tuple[str, ...] = ()
        self.text_boxes: tuple[TextBox, ...] = ()

    def __call__(self, fitted: Image.Image) -> Image.Image:
        done = typeset(
            fitted,
            texts=self._lettering.texts,
            palette=self._work.scene.brand.palette,
            safe_area=self._work.channel.safe_area,
            language=self._lettering.locale,
            fonts=self._work.scene.fonts.get(self._lettering.locale),
        )
        self.left_out = done.left_out
        self.text_boxes = tuple(
            TextBox(field, box, done.sizes[field]) for field, box in done.boxes.items()
        )
        if self._work.is_simulated:
            return stamp_simulated(done.image, done.boxes)
        return done.image


def _letterings(scene: Scene) -> Iterator[_Lettering]:
    """One wordless picture, unless we set the type: then one for each locale."""
    if scene.shot.text != "composited":
        yield _Lettering(scene.prompt.locale, {})
        return
    for locale in locales_of(scene.prompt, scene.campaign):
        words = wording_of(scene.brand, scene.shot, locale)
        yield _Lettering(locale, {str(name): text for name, text in words.items()})


def recipe_of(scene: Scene, made: Made, *, signer: str | None = None) -> str:
    """Return the hash of what a prompt's renditions depend on, the original's digest included.

    Args:
        scene: What the briefs say.
        made: The original.
        signer: Who signs them; None where nobody does.
    """
    facts: dict[str, Any] = {
        "version": RENDER_VERSION,
        "original": made.image.sha256,
        "receipt": {**vars(made.receipt), "price_usd": str(made.receipt.price_usd)},
        "channels": [_channel_facts(channel) for channel in scene.channels],
        "palette": dict(scene.brand.palette),
        "brand": scene.brand.id,
        "disclosed": scene.discloses_prompt,
        "signer": signer,
        "lettering": [vars(lettering) for lettering in _letterings(scene)],
        "fonts": {locale: fonts.identity for locale, fonts in scene.fonts.items()},
    }
    if scene.brand.blocking_checks:
        facts["blocking"] = sorted(scene.brand.blocking_checks)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@cache
def _channel_facts(channel: Channel) -> Mapping[str, Any]:
    return channel.model_dump(mode="json")
