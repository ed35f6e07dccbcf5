"""Renders one original for every channel: crop, copy, metadata, checks, and the prompt's record."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from PIL import Image

from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.models import Brand
from nbp_dagster.prompts.expansion import ALL_LOCALES
from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.prompts.request import ImageRequest, Sheet
from nbp_dagster.studio.checks.disclosure_check import Disclosed
from nbp_dagster.studio.checks.measure_characters import facts_of
from nbp_dagster.studio.checks.ocr.expected_text import expected_text_of
from nbp_dagster.studio.checks.ocr.proofread import find_copy_boxes
from nbp_dagster.studio.checks.rendition_checks import RenditionInput, run_rendition_checks
from nbp_dagster.studio.checks.subject_shares import Framed, list_boxes
from nbp_dagster.studio.imaging.c2pa import Credentials, Edits, Parent
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.decode_limiter import run_parallel
from nbp_dagster.studio.imaging.encode import Ways
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.imaging.resize import Pyramid, build_pyramid, render_channel
from nbp_dagster.studio.imaging.thumbnails import inline_preview, thumbnail
from nbp_dagster.studio.imaging.xmp import Marks, build_xmp
from nbp_dagster.studio.ledger.orders import Made
from nbp_dagster.studio.manifest.manifest import Picture, ReferenceFacts, picture_file
from nbp_dagster.studio.manifest.records import PromptRecord, PromptRecords
from nbp_dagster.studio.manifest.value_types import DisclosureFacts, LabelFacts, WordBox
from nbp_dagster.studio.options import Looking
from nbp_dagster.studio.provenance.descriptors import describe_picture
from nbp_dagster.studio.provenance.picture_index import (
    KnownPicture,
    PictureIndex,
    known_original,
    known_rendition,
)
from nbp_dagster.studio.renditions.disclosure_layer import LabelledSetter
from nbp_dagster.studio.renditions.inspector import Inspector
from nbp_dagster.studio.renditions.original_places import settle_places
from nbp_dagster.studio.renditions.recipe import recipe_of, rights_of
from nbp_dagster.studio.storage.image_store import ImageStore
from nbp_dagster.studio.typography.banner_logo import trim_logo
from nbp_dagster.studio.typography.contrast import choose_scheme
from nbp_dagster.studio.typography.copy_fit import LocaleCopy, locale_copies
from nbp_dagster.studio.typography.copy_layer import CopySetter
from nbp_dagster.studio.typography.disclosure_label import PlacedLabel


@dataclass(frozen=True)
class Logo:
    """A brand's logo, by the digest of its bytes."""

    digest: str
    read: Callable[[], bytes]


FindLogo = Callable[[Brand], Logo | None]

_USUALLY: Final = Looking()


class Renderer:
    """Makes a prompt's renditions once: an unchanged prompt is answered from its record.

    Args:
        store: Holds renditions and thumbnails.
        read_original: Gives the bytes of a paid original; see `purchasing.originals`.
        records: The present record of each prompt.
        picture_index: Records every file, so that `nbp whois` identifies copies of it.
        credentials: Signs every rendition; None to sign none.
        inspector: Checks every original; None to check the renditions alone.
        find_logo: Gives a brand's logo, for banners; None for none.
        looking: When heads and subject of an original are found, and what of them is recorded.
    """

    def __init__(
        self,
        *,
        store: ImageStore,
        read_original: Callable[[Made], bytes],
        records: PromptRecords,
        picture_index: PictureIndex,
        credentials: Credentials | None = None,
        inspector: Inspector | None = None,
        find_logo: FindLogo | None = None,
        looking: Looking = _USUALLY,
    ) -> None:
        self._store = store
        self._read_original = read_original
        self._records = records
        self._picture_index = picture_index
        self._credentials = credentials
        self._inspector = inspector or Inspector()
        self._find_logo = find_logo or (lambda brand: None)
        self._looking = looking
        self._logos: dict[str, Image.Image] = {}

    def render(
        self,
        context: RenderContext,
        request: ImageRequest,
        made: Made,
        image: Image.Image | None = None,
        *,
        sheets: Mapping[str, Sheet] | None = None,
    ) -> PromptRecord:
        """Return the prompt's renditions, making those that are missing or out of date.

        Args:
            context: What the briefs say of the prompt.
            request: The request the original was bought with.
            made: The original.
            image: Its pixels, where it is decoded already; read anew otherwise.
            sheets: What the original is measured against, by `brand/character`; None not to
                measure it.

        Raises:
            UndecodableImage: The original can't be decoded.
            OriginalMissing: It is neither in the store nor at the service.
            OxenError: It is not in the store, and the service can't be asked.
            RenditionTooLarge: A channel's maximum bytes can't be met.
            TextDoesNotFit: Composited copy can't be set legibly on a channel.
            SigningError: Content credentials can't be signed.
            StoreError: The store can't be read or written.
            LedgerDatabaseError: The picture index can't be written.
        """
        recipe = self.recipe(context, made)
        record = self._records.read(context.prompt.key)
        stamp = self._inspector.stamp(context, sheets)
        is_rendered = (
            record is not None
            and record.recipe == recipe
            and record.words == _words_on(context, request, made, record)
            and self._has_all(record)
        )
        if record is not None and is_rendered and record.measured == stamp:
            return record
        if image is None:
            image = decode_image(self._read_original(made), what=context.prompt.key).image
        pyramid = build_pyramid(image)
        # Inspected first: no crop may cut the words that are read on it.
        seen = record if record is not None and is_rendered else _blank(made, recipe, record)
        seen = self._inspector.inspect(context, request, made, pyramid, sheets, seen)
        places = settle_places(request, made, pyramid, record, when=self._looking.when)
        is_rendered = is_rendered and record is not None and record.places == places
        seen = replace(seen, measured=stamp, places=places)
        words = _words_on(context, request, made, seen)
        if is_rendered and words == seen.words:
            self._records.write(seen)
            return seen
        drawn = self._pictures(context, request, made, pyramid, words, places)
        # Before the record: an up-to-date record would keep them from being indexed later.
        renditions = [item.known for item in drawn]
        # Descriptors are made from cell averages, which the smallest level has as well.
        sketch = describe_picture(pyramid.levels[-1])
        source = known_original(renditions[0], made, size=pyramid.size, sketch=sketch)
        self._picture_index.add([*renditions, source])
        record = replace(
            seen,
            pictures=tuple(item.picture for item in drawn),
            preview=inline_preview(pyramid.levels[-1]),
            thumbs={item.picture.sha256: item.thumb for item in drawn},
            words=words,
            sketch=base64.b64encode(sketch).decode("ascii"),
        )
        record = self._inspector.judge_letters(context, request, made, pyramid, record)
        self._records.write(record)
        return record

    def prepare(self, context: RenderContext, sheets: Mapping[str, Sheet]) -> None:
        """Load what the first picture of a brand would otherwise wait for, a third of a second.

        Raises:
            NbpError: As `render`.
        """
        # Imports every file format of Pillow.
        Image.init()
        self._inspector.stamp(context, sheets)

    def recipe(self, context: RenderContext, made: Made) -> str:
        """Return the hash of everything a prompt's renditions depend on; see `recipe_of`."""
        signer = None if self._credentials is None else self._credentials.identity
        logo = self._logo_of(context)
        digest = None if logo is None else logo.digest
        return recipe_of(
            context, made, signer=signer, logo=digest, with_heads=self._looking.with_heads
        )

    def thumb(self, picture: Picture) -> bytes | None:
        """Return a rendition's thumbnail from the store; None where it can't be read."""
        record = self._records.read(picture.prompt_key)
        digest = None if record is None else record.thumbs.get(picture.sha256)
        # A thumbnail can always be drawn from its picture.
        return None if digest is None else self._store.peek(digest)

    def _has_all(self, record: PromptRecord) -> bool:
        return all(self._store.has(item.sha256, size=item.bytes) for item in record.pictures)

    def _pictures(
        self,
        context: RenderContext,
        request: ImageRequest,
        made: Made,
        original: Pyramid,
        words: tuple[WordBox, ...],
        places: Places | None,
    ) -> Sequence["_Drawn"]:
        parent = None
        if self._credentials is not None:
            marks = _Work(context, request, made, context.channels[0]).marks(composited=False)
            parent = self._credentials.prepare_parent(self._read_original(made), marks)
        wanted = [
            (_Work(context, request, made, channel, parent, words, places), copy)
            for channel in context.channels
            for copy in locale_copies(context, channel)
        ]
        return run_parallel(lambda each: self._picture(original, *each), wanted)

    def _picture(self, original: Pyramid, work: "_Work", copy: LocaleCopy) -> "_Drawn":
        channel, context = work.channel, work.context
        logo = self._read_logo(context) if is_banner(channel.width, channel.height) else None
        setter = CopySetter(context, channel, copy, work.is_simulated, logo)
        spec = context.label(copy.locale)
        layer = LabelledSetter(setter, spec, original.size, work.places, work.words)
        is_lettered = setter.is_needed or spec is not None
        marks = work.marks(composited=is_lettered, locale=copy.locale)
        rendition = render_channel(
            original,
            channel,
            xmp=build_xmp(marks),
            typeset=layer.typeset if setter.is_needed else None,
            beside=layer.compose,
            compose=layer.compose if setter.is_banner else None,
            watermark=layer.watermark if work.is_simulated else None,
            label=layer.finish if spec is not None and not setter.is_needed else None,
            words=work.words,
            places=work.places,
            ground=choose_scheme(context.brand.palette).background,
            list_ways=self._signers(work, marks),
        )
        framed = Framed(rendition.crop, original.size, work.places)
        text_boxes, size = layer.setter.text_boxes, (rendition.width, rendition.height)
        checks = run_rendition_checks(
            RenditionInput(
                channel=channel,
                data=rendition.data,
                prompt_key=context.prompt.key,
                left_out=layer.setter.left_out,
                text_boxes=text_boxes,
                has_drawn_text=work.request.drawn_locale is not None,
                marks=marks,
                is_signed=self._credentials is not None,
                framed=framed,
                disclosed=Disclosed(context.need, spec, layer.label),
            ),
            blocking=context.brand.blocking_checks,
        )
        picture = Picture(
            file=picture_file(
                channel=channel.id,
                shot=context.prompt.shot,
                locale=copy.locale,
                ratio=context.prompt.ratio,
                variant=context.prompt.variant,
                file_type=rendition.file_type,
            ),
            channel=channel.id,
            locale=copy.locale,
            width=rendition.width,
            height=rendition.height,
            bytes=len(rendition.data),
            sha256=self._store.put(rendition.data),
            file_type=rendition.file_type,
            framing=rendition.crop.facts,
            checks=tuple(map(facts_of, checks)),
            alt_texts=marks.alt_texts,
            disclosure=DisclosureFacts(**context.need.facts, label=_label_facts(layer.label)),
            boxes=list_boxes(framed, text_boxes, size, with_heads=self._looking.with_heads),
            **work.lineage(),
        )
        # Drawn from the decoded pixels: a set would have to decode every file again.
        return _Drawn(
            picture,
            # A lost one is drawn from its picture.
            thumb=self._store.put(thumbnail(rendition.image), sync=False),
            known=known_rendition(picture, marks, rendition.image),
        )

    def _logo_of(self, context: RenderContext) -> Logo | None:
        """Return the brand's logo, where a banner shows it."""
        if not any(is_banner(item.width, item.height) for item in context.channels):
            return None
        return self._find_logo(context.brand)

    def _read_logo(self, context: RenderContext) -> Image.Image | None:
        logo = self._logo_of(context)
        if logo is None:
            return None
        if logo.digest not in self._logos:
            what = f"logo of {context.brand.id}"
            mark = decode_image(logo.read(), what=what).image.convert("RGBA")
            self._logos[logo.digest] = trim_logo(mark)
        return self._logos[logo.digest]

    def _signers(self, work: "_Work", marks: Marks) -> Callable[[Edits], Ways] | None:
        if self._credentials is None or work.parent is None:
            return None
        return partial(
            self._credentials.list_ways, marks, work.parent, max_bytes=work.channel.max_bytes
        )


@dataclass(frozen=True)
class _Drawn:
    """A rendition's row, the digest of its thumbnail, and its entry in the picture index."""

    picture: Picture
    thumb: str
    known: KnownPicture


@dataclass(frozen=True)
class _Work:
    """One prompt for one channel."""

    context: RenderContext
    request: ImageRequest
    made: Made
    channel: Channel
    parent: Parent | None = None
    words: tuple[WordBox, ...] = ()
    places: Places | None = None

    @property
    def is_simulated(self) -> bool:
        return self.request.provider == "simulator"

    def marks(self, *, composited: bool, locale: str = ALL_LOCALES) -> Marks:
        return Marks(
            simulated=self.is_simulated,
            composited=composited,
            model=self.request.model,
            generation_id=self.made.receipt.generation_id,
            brand=self.context.brand.id,
            campaign=self.context.prompt.campaign,
            prompt_key=self.context.prompt.key,
            fingerprint=self.made.receipt.fingerprint,
            made_at=self.made.receipt.completed_at,
            prompt=self.request.prompt if self.context.discloses_prompt else None,
            alt_texts=self.context.alt_texts(locale),
            rights=rights_of(self.context.brand),
            edits_supplied=self.context.need.is_modified,
        )

    def lineage(self) -> dict[str, Any]:
        """Return the part of a picture's row that all renditions of a prompt share."""
        prompt, request, receipt = self.context.prompt, self.request, self.made.receipt
        # Not whether this run bought it: renditions are made again later, and elsewhere.
        is_own = receipt.bought_for == prompt.key
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
            "parent": receipt.parent,
            "generation_id": receipt.generation_id,
            "price_usd": receipt.price_usd,
            "reused": not is_own,
            "billed": is_own and not self.is_simulated,
            "seconds_taken": receipt.seconds_taken,
            "seconds_queued": receipt.seconds_queued,
            "seconds_working": receipt.seconds_working,
            "original_sha256": self.made.image.sha256,
            "simulated": self.is_simulated,
        }


def _label_facts(label: PlacedLabel | None) -> LabelFacts | None:
    if label is None:
        return None
    return LabelFacts(
        words=label.words,
        language=label.language,
        icon=label.icon,
        size_px=label.size,
        box=label.box,
    )


def _blank(made: Made, recipe: str, earlier: PromptRecord | None) -> PromptRecord:
    """Return a record without renditions, with the text that was read before."""
    return PromptRecord(
        prompt_key=made.key,
        fingerprint=made.receipt.fingerprint,
        recipe=recipe,
        pictures=(),
        preview="",
        reading=None if earlier is None else earlier.reading,
        places=None if earlier is None else earlier.places,
    )


def _words_on(
    context: RenderContext, request: ImageRequest, made: Made, record: PromptRecord
) -> tuple[WordBox, ...]:
    """Return the boxes of the expected copy, by the record's reading of this original."""
    reading = record.reading
    if reading is None or reading.original != made.image.sha256:
        return ()
    wanted = expected_text_of(
        context.brand, context.campaign, context.shot, context.prompt, request.drawn_locale
    )
    return find_copy_boxes(reading, wanted.required)
