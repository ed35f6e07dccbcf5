"""Resizes and crops one picture to a channel's exact pixels and writes the file in its byte limit.

Must not know prompts, stores or what the metadata says.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from PIL import Image

from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.models import FileType
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.imaging.background import (
    FEATHER,
    STRIP_FEATHER,
    blur_background,
    extend_background,
    has_plain_edges,
)
from nbp_dagster.studio.imaging.boxes import Box, scale_box
from nbp_dagster.studio.imaging.c2pa import Edits
from nbp_dagster.studio.imaging.crop import (
    Anchor,
    Crop,
    Subject,
    choose_crop,
    choose_figure_crop,
)
from nbp_dagster.studio.imaging.encode import (
    LEAST_QUALITY,
    Ways,
    encode_picture,
    encode_signed,
    srgb_profile,
)
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.imaging.saliency import find_saliency

# A reduced copy is resized from only while it has this many pixels per pixel of the result: some
# 50 dB from a resize of the original (48 to 61 on eight sizes), in a third of the time.
_REDUCING_GAP: Final = 1.0
_ROUNDING: Final = 1e-9  # of a share that is all of a picture
_LEAST_SIDE: Final = 64  # pixels; no copy is reduced below it
_PAPER: Final = (255, 255, 255)  # stands behind what is transparent


class RenditionTooLarge(NbpError):
    """No acceptable quality brings a rendition under its channel's maximum bytes."""


@dataclass(frozen=True)
class Pyramid:
    """An image pyramid: a picture and copies of half, a quarter ... its size, for many channels.

    Attributes:
        levels: Opaque RGB pictures, the original's size first.
    """

    levels: tuple[Image.Image, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the original in pixels."""
        return self.levels[0].size

    def reduced(self, *, shorter: int = 0, longer: int = 0) -> Image.Image:
        """Return the smallest level whose sides have so many pixels; else the original."""
        fitting = (
            level
            for level in reversed(self.levels)
            if min(level.size) >= shorter and max(level.size) >= longer
        )
        return next(fitting, self.levels[0])

    @cached_property
    def saliency(self) -> Any:
        """How much each part stands out; see `saliency.find_saliency`. Measured once."""
        return find_saliency(self.levels[-1])


@dataclass(frozen=True)
class Rendition:
    """One picture as a file for its channel.

    Attributes:
        channel: Id of the channel.
        data: The file.
        width: Pixels.
        height: Pixels.
        file_type: "jpeg", "png" or "webp".
        sha256: Digest of `data`, hex.
        crop: Which part of the picture is shown, for the record.
        settings: How the file was written, such as "quality 92, 4:4:4".
        image: What was written: RGB, before any loss.
    """

    channel: str
    data: bytes
    width: int
    height: int
    file_type: FileType
    sha256: str
    crop: Crop
    settings: str
    image: Image.Image


def build_pyramid(image: Image.Image) -> Pyramid:
    """Prepare a picture of any mode for fitting; what is transparent becomes white."""
    levels = [_make_opaque(image)]
    while min(levels[-1].size) >= 2 * _LEAST_SIDE:
        levels.append(levels[-1].reduce(2))
    return Pyramid(tuple(levels))


def fit_image(
    image: Image.Image | Pyramid, *, width: int, height: int, anchor: Anchor = "centre"
) -> Image.Image:
    """Return the picture at exactly `width`x`height` pixels, RGB, without metadata.

    The frame is filled where that keeps most of the picture; else the picture is shown whole on a
    background grown from its own edges (see `crop.LEAST_KEPT`).
    """
    pyramid = _as_pyramid(image)
    subject = describe_subject(pyramid, ())
    fitted, _ = _fit(pyramid, width=width, height=height, anchor=anchor, subject=subject)
    return fitted


def describe_subject(
    original: Pyramid, words: tuple[Box, ...], places: Places | None = None
) -> Subject:
    """Return what of a picture must be seen."""
    if places is None:
        return Subject(original.saliency, words)
    return Subject(original.saliency, words, places.heads, places.subject)


def crop_figure(
    original: Pyramid,
    place: tuple[int, int, int, int],
    subject: Subject,
    *,
    join: tuple[int, int, int, int],
    box: Box | None = None,
) -> tuple[Image.Image, Crop]:
    """Return a picture cropped to its figure, for a part of a frame.

    Args:
        original: The picture.
        place: Left, top, right, bottom in the frame.
        subject: What must be seen.
        join: Pixels at its edges in which nothing can be made out.
        box: What of the picture to show; `choose_figure_crop` chooses it when None.
    """
    size = (place[2] - place[0], place[3] - place[1])
    if box is None:
        crop = choose_figure_crop(original.size, place, subject, join=join)
    else:
        wide, high = box[2] - box[0], box[3] - box[1]
        kept = wide * high / (original.size[0] * original.size[1])
        crop = Crop("beside", box, kept, place, size[0] / wide, is_moved=True)
    return _resize(original, crop.box, size), crop


def render_channel(
    image: Image.Image | Pyramid,
    channel: Channel,
    *,
    icc: bytes | None = None,
    xmp: bytes | None = None,
    typeset: Callable[[Image.Image, Crop], Image.Image | None] | None = None,
    beside: Callable[[Pyramid], tuple[Image.Image, Crop]] | None = None,
    compose: Callable[[Pyramid], tuple[Image.Image, Crop]] | None = None,
    watermark: Callable[[Image.Image, Crop], Image.Image] | None = None,
    label: Callable[[Image.Image, Crop], Image.Image] | None = None,
    words: tuple[Box, ...] = (),
    places: Places | None = None,
    ground: tuple[int, int, int] | None = None,
    list_ways: Callable[[Edits], Ways] | None = None,
) -> Rendition:
    """Fit a picture to a channel and write the file.

    Args:
        image: The decoded original, or its pyramid when several channels are made of it.
        channel: Pixels, file type and maximum bytes.
        icc: Colour profile to embed; sRGB, which `decode_image` converts to, unless given.
        xmp: Packet to embed, from `build_xmp`.
        typeset: Sets type on the fitted picture before it is written. A picture shown whole
            then stands at the right or bottom and leaves the rest to it. None where no place on
            the picture is free, and `beside` can do better.
        beside: Makes the whole frame of the original, with its type beside the picture.
        compose: Makes the whole frame of the original, in place of fitting and typesetting.
        watermark: Draws the watermark on a crop off the middle: it may lose the first.
        label: Sets a label on a frame that nothing else is set on.
        words: Boxes that no crop may cut: left, top, right, bottom in shares of the picture.
        places: Its heads and subject, where they are known.
        ground: What stands beside a picture that is shown whole and has no plain edge to grow a
            background from; grown all the same when None.
        list_ways: Returns how to add credentials to the file, for what was done to the picture;
            they count towards the channel's maximum bytes.

    Raises:
        RenditionTooLarge: Even the least quality has more than the channel's maximum bytes.
    """
    pyramid = _as_pyramid(image)
    is_drawn_on = compose is not None
    if compose is not None:
        fitted, crop = compose(pyramid)
    else:
        fitted, crop = _fit(
            pyramid,
            width=channel.width,
            height=channel.height,
            anchor="centre" if typeset is None else "end",
            subject=describe_subject(pyramid, words, places),
            ground=ground,
        )
        if typeset is not None:
            lettered = typeset(fitted, crop)
            if lettered is not None:
                fitted = lettered
            elif beside is not None:
                fitted, crop = beside(pyramid)
        elif watermark is not None and crop.is_moved:
            fitted = watermark(fitted, crop)
            is_drawn_on = True
        if label is not None:
            fitted = label(fitted, crop)
    encoded = encode_signed(
        lambda room: encode_picture(
            fitted,
            file_type=channel.file_type,
            max_bytes=room,
            icc=icc or srgb_profile(),
            xmp=xmp,
            dpi=channel.dpi,
        ),
        max_bytes=channel.max_bytes,
        ways=() if list_ways is None else list_ways(_edits_of(crop, is_drawn_on=is_drawn_on)),
    )
    if encoded is None:
        raise RenditionTooLarge(
            f"channel {channel.id}: {channel.width}x{channel.height} {channel.file_type} does not "
            f"fit into {channel.max_bytes:,} bytes at the least quality we write "
            f"({LEAST_QUALITY} of 100, or 64 colours); raise the channel's max_bytes"
        )
    return Rendition(
        channel=channel.id,
        data=encoded.data,
        width=fitted.width,
        height=fitted.height,
        file_type=channel.file_type,
        sha256=hashlib.sha256(encoded.data).hexdigest(),
        crop=crop,
        settings=encoded.settings,
        image=fitted,
    )


def _edits_of(crop: Crop, *, is_drawn_on: bool) -> Edits:
    return Edits(
        is_cropped=crop.kept < 1 - _ROUNDING, is_composed=is_drawn_on or crop.method != "cover"
    )


def _as_pyramid(image: Image.Image | Pyramid) -> Pyramid:
    return image if isinstance(image, Pyramid) else build_pyramid(image)


def _make_opaque(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.info:
        return image
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        opaque = Image.new("RGB", image.size, _PAPER)
        opaque.paste(clear, mask=clear.getchannel("A"))
    else:
        opaque = image.convert("RGB")
    opaque.info = {}
    return opaque


def _fit(
    pyramid: Pyramid,
    *,
    width: int,
    height: int,
    anchor: Anchor,
    subject: Subject,
    ground: tuple[int, int, int] | None = None,
) -> tuple[Image.Image, Crop]:
    crop = choose_crop(pyramid.size, width=width, height=height, anchor=anchor, subject=subject)
    left, top, right, bottom = crop.place
    shown = _resize(pyramid, crop.box, (right - left, bottom - top))
    if crop.method == "cover":
        return shown, crop
    is_plain = ground is None or has_plain_edges(shown, crop.place, (width, height))
    is_strip = anchor == "centre" and is_banner(width, height)
    if ground is not None and not is_plain and not is_strip:
        frame = Image.new("RGB", (width, height), ground)
        frame.paste(shown, crop.place[:2])
        return frame, crop
    # Words and heads near an edge must not fade into the background.
    near, far = _measure_free(crop, subject, pyramid.size, sideways=right - left < width)
    if not is_plain:
        feathers = (min(STRIP_FEATHER, near), min(STRIP_FEATHER, far))
        return blur_background(shown, crop.place, (width, height), feathers=feathers), crop
    feather = min(FEATHER, near, far)
    return extend_background(shown, crop.place, (width, height), feather=feather), crop


def _measure_free(
    crop: Crop, subject: Subject, source: tuple[int, int], *, sideways: bool
) -> tuple[float, float]:
    """Return the shares of what is shown before the first word or head, and after the last."""
    first, last = (0, 2) if sideways else (1, 3)
    start, end = crop.box[first], crop.box[last]
    kept = [scale_box(box, source) for box in (*subject.words, *subject.heads)]
    near = min((box[first] - start for box in kept), default=end - start)
    far = min((end - box[last] for box in kept), default=end - start)
    return max(0.0, near / (end - start)), max(0.0, far / (end - start))


def _resize(pyramid: Pyramid, box: Box, size: tuple[int, int]) -> Image.Image:
    """Resize a part of the original, from the smallest copy that loses nothing to be seen."""
    wide, high = box[2] - box[0], box[3] - box[1]
    # A copy's last row and column may stand for less than the others do; all the rest is exact.
    factor, copy = next(
        (2**step, level)
        for step, level in reversed(tuple(enumerate(pyramid.levels)))
        if step == 0 or min(wide / size[0], high / size[1]) >= _REDUCING_GAP * 2**step
    )
    part = (
        box[0] / factor,
        box[1] / factor,
        min(box[2] / factor, float(copy.width)),
        min(box[3] / factor, float(copy.height)),
    )
    # What is enlarged gains nothing from Lanczos's wider reach, which takes half as long again.
    is_enlarged = wide < size[0] and high < size[1]
    way = Image.Resampling.BICUBIC if is_enlarged else Image.Resampling.LANCZOS
    return copy.resize(size, way, box=part)
