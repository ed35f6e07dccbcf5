"""From one original to every channel's picture: fitted, lettered, marked, checked and kept."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from PIL import Image

from nbp_dagster.brand.briefs import Briefs
from nbp_dagster.brand.models import Brand, Campaign, Channel, Shot
from nbp_dagster.brand.plan import Prompt, locales_of
from nbp_dagster.brand.requests import ImageRequest
from nbp_dagster.brand.wording import wording_of
from nbp_dagster.studio.checks import CheckInput, CheckResult, run_checks
from nbp_dagster.studio.decode import decode_image
from nbp_dagster.studio.files import StoreError
from nbp_dagster.studio.fit import Pyramid, build_pyramid, render_channel
from nbp_dagster.studio.manifest import CheckFacts, Picture, ReferenceFacts, picture_file
from nbp_dagster.studio.marking import build_xmp
from nbp_dagster.studio.outcomes import Generated, Made
from nbp_dagster.studio.previews import inline_preview, thumbnail
from nbp_dagster.studio.records import PromptRecord, RecordFolder
from nbp_dagster.studio.stamp import stamp_simulated
from nbp_dagster.studio.store import ImageStore
from nbp_dagster.studio.typeset import typeset

# Raised when the same original and channel would come out differently: renditions are made again.
RENDER_VERSION = "1"


@dataclass(frozen=True)
class Scene:
    """Everything the briefs say about one prompt."""

    prompt: Prompt
    brand: Brand
    campaign: Campaign
    shot: Shot
    channels: tuple[Channel, ...]


def scene_of(briefs: Briefs, prompt: Prompt) -> Scene:
    """Look up a prompt's brand, campaign, shot and channels in validated briefs."""
    campaign = briefs.campaigns[prompt.campaign]
    return Scene(
        prompt=prompt,
        brand=briefs.brands[campaign.brand],
        campaign=campaign,
        shot=campaign.shot(prompt.shot),
        channels=tuple(briefs.channels[channel] for channel in prompt.channels),
    )


class Renderer:
    """Makes a prompt's renditions, once: an unchanged prompt is answered from its record."""

    def __init__(self, *, store: ImageStore, records: RecordFolder) -> None:
        self._store = store
        self._records = records

    def render(
        self, scene: Scene, request: ImageRequest, made: Made, image: Image.Image | None = None
    ) -> PromptRecord:
        """Return the prompt's renditions, making those that are missing or out of date.

        Args:
            scene: What the briefs say.
            request: What the original was made by.
            made: The original.
            image: Its pixels, where they are at hand; read from the store otherwise.

        Raises:
            UndecodableImage: The original in the store is not what it was.
            RenditionTooLarge: A channel's maximum bytes can't be met.
            TextDoesNotFit: Composited copy can't be set legibly on a channel.
            StoreError: The store can't be read or written.
        """
        recipe = recipe_of(scene, made)
        record = self._records.read(scene.prompt.key)
        if record is not None and record.recipe == recipe and self._has_all(record):
            return record
        if image is None:
            image = decode_image(self._store.get(made.image.sha256), what=scene.prompt.key).image
        pyramid = build_pyramid(image)
        drawn = tuple(self._pictures(scene, request, made, pyramid))
        record = PromptRecord(
            prompt_key=scene.prompt.key,
            fingerprint=made.receipt.fingerprint,
            recipe=recipe,
            pictures=tuple(picture for picture, _ in drawn),
            preview=inline_preview(pyramid.levels[-1]),
            thumbs={picture.sha256: thumb for picture, thumb in drawn},
        )
        self._records.write(record)
        return record

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
    ) -> Iterator[tuple[Picture, str]]:
        """Yield each rendition's row and the digest of its thumbnail."""
        for channel in scene.channels:
            work = _Work(scene, request, made, channel)
            for lettering in _letterings(scene):
                yield self._picture(work, original, lettering)

    def _picture(
        self, work: "_Work", original: Pyramid, lettering: "_Lettering"
    ) -> tuple[Picture, str]:
        channel, scene = work.channel, work.scene
        letterer = _Letterer(work, lettering) if lettering.texts else None
        rendition = render_channel(
            original,
            channel,
            xmp=work.xmp(composited=letterer is not None),
            letter=letterer,
        )
        checks = run_checks(
            CheckInput(
                channel=channel,
                data=rendition.data,
                prompt_key=scene.prompt.key,
                left_out=() if letterer is None else letterer.left_out,
            )
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
            checks=tuple(map(_check_facts, checks)),
            **work.lineage(),
        )
        # Drawn while the pixels are at hand: a set would have to decode every file again.
        return picture, self._store.put(thumbnail(rendition.image))


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

    @property
    def is_simulated(self) -> bool:
        return self.request.provider == "simulator"

    def xmp(self, *, composited: bool) -> bytes:
        return build_xmp(
            simulated=self.is_simulated,
            model=self.request.model,
            generation_id=self.made.receipt.generation_id,
            campaign=self.scene.prompt.campaign,
            prompt_key=self.scene.prompt.key,
            fingerprint=self.made.receipt.fingerprint,
            composited=composited,
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
    """Sets the copy of one picture; afterwards knows what found no room."""

    def __init__(self, work: _Work, lettering: _Lettering) -> None:
        self._work = work
        self._lettering = lettering
        self.left_out: tuple[str, ...] = ()

    def __call__(self, fitted: Image.Image) -> Image.Image:
        done = typeset(
            fitted,
            texts=self._lettering.texts,
            palette=self._work.scene.brand.palette,
            safe_area=self._work.channel.safe_area,
            language=self._lettering.locale,
        )
        self.left_out = done.left_out
        if self._work.is_simulated:
            return stamp_simulated(done.image, done.boxes)
        return done.image


def _check_facts(result: CheckResult) -> CheckFacts:
    return CheckFacts(
        name=result.name,
        verdict=result.verdict,
        sentence=result.sentence,
        severity=result.severity,
        threshold=result.threshold,
        figures=dict(result.figures),
    )


def _letterings(scene: Scene) -> Iterator[_Lettering]:
    """One wordless picture, unless we set the type: then one for each locale."""
    if scene.shot.text != "composited":
        yield _Lettering(scene.prompt.locale, {})
        return
    for locale in locales_of(scene.prompt, scene.campaign):
        words = wording_of(scene.brand, scene.shot, locale)
        yield _Lettering(locale, {str(name): text for name, text in words.items()})


def recipe_of(scene: Scene, made: Made) -> str:
    """Return the hash of what a prompt's renditions depend on, the original's digest included."""
    facts = {
        "version": RENDER_VERSION,
        "original": made.image.sha256,
        "receipt": {**vars(made.receipt), "price_usd": str(made.receipt.price_usd)},
        "channels": [_channel_facts(channel) for channel in scene.channels],
        "palette": dict(scene.brand.palette),
        "lettering": [vars(lettering) for lettering in _letterings(scene)],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@cache
def _channel_facts(channel: Channel) -> Mapping[str, Any]:
    return channel.model_dump(mode="json")
