"""Sets a shot's copy on its fitted picture: legible, inside the safe area, in the brand's colours.

Knows nothing of briefs or channels. docs/checks.md says what is left out where space is short.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageDraw

from nbp_dagster.brand.models import SafeArea
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.contrast import (
    LEGIBLE,
    Scheme,
    choose_scheme,
    measure_contrast,
    measure_worst_contrast,
)
from nbp_dagster.studio.layout import LEAST_SIZE, Block, Box, Layout, lay_out
from nbp_dagster.studio.typeface import Typeface

# In reading order. Only `sub` may be left out: the headline and the call to action are the ad,
# and a disclaimer is there because somebody must print it.
FIELDS: Final = ("headline", "sub", "call_to_action", "disclaimer")
MAY_BE_LEFT_OUT: Final = "sub"

_TONE_STEPS: Final = 10  # from the bare picture to the plain brand colour
_OVERSAMPLING: Final = 4  # Pillow draws shapes without soft edges; we draw them larger first


class TextDoesNotFit(NbpError):
    """Copy that can't be set legibly on a picture, or not in our typeface."""


@dataclass(frozen=True)
class Typeset:
    """A lettered picture.

    Attributes:
        image: RGB, of the size it had.
        boxes: Left, top, right, bottom in pixels of each field that was set.
        contrasts: WCAG ratio of each field that was set, at its least legible pixel.
        left_out: Fields there was no room for.
    """

    image: Image.Image
    boxes: Mapping[str, Box]
    contrasts: Mapping[str, float]
    left_out: tuple[str, ...]


def typeset(
    image: Image.Image,
    *,
    texts: Mapping[str, str],
    palette: Mapping[str, str],
    safe_area: SafeArea,
    language: str,
) -> Typeset:
    """Set a headline, a sub line, a call to action and a disclaimer, whichever are given.

    The picture is toned towards the brand's colour under the text, only as far as a contrast of
    4.5:1 needs at every pixel.

    Args:
        image: The fitted picture at its channel's size.
        texts: Copy by field; blank ones count as not given.
        palette: The brand's colours as `#RRGGBB`; at least one.
        safe_area: Strips at the edges, in pixels, that stay free of text.
        language: Locale of the copy, such as `de` or `de_AT`.

    Raises:
        TextDoesNotFit: A field other than `sub` has no room at 9 px, or a letter has no glyph.
    """
    words = {field: texts[field].strip() for field in FIELDS if texts.get(field, "").strip()}
    picture = image.convert("RGB")
    if not words:
        return Typeset(picture, boxes={}, contrasts={}, left_out=())
    face = Typeface(language)
    _check_glyphs(face, words, language)
    layout = _choose_layout(face, words, size=picture.size, safe_area=safe_area, language=language)
    scheme = choose_scheme(palette)
    toned, contrasts = _tone(picture, layout, scheme)
    _draw(toned, layout, scheme, face)
    placed = {block.field: block.box for block in layout.blocks}
    return Typeset(
        image=toned,
        boxes=placed,
        contrasts=contrasts,
        left_out=tuple(field for field in words if field not in placed),
    )


def _check_glyphs(face: Typeface, words: Mapping[str, str], language: str) -> None:
    for field, text in words.items():
        missing = face.find_missing(text)
        if missing:
            raise TextDoesNotFit(
                f"{field} ({language}): the typeface Inter has no {missing!r}; "
                "use text: drawn for this shot or another wording"
            )


def _choose_layout(
    face: Typeface,
    words: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    language: str,
) -> Layout:
    layout = lay_out(face, words, size=size, safe_area=safe_area)
    if layout is not None:
        return layout
    needed = {field: text for field, text in words.items() if field != MAY_BE_LEFT_OUT}
    layout = lay_out(face, needed, size=size, safe_area=safe_area, crowded=True) if needed else None
    if layout is not None:
        return layout
    culprits = _find_culprits(face, needed or words, size=size, safe_area=safe_area)
    named = ", ".join(f"{field} {text!r}" for field, text in culprits.items())
    raise TextDoesNotFit(
        f"{named} ({language}): no room at {LEAST_SIZE} px or more on {size[0]}x{size[1]} pixels; "
        "shorten the copy or leave the channel out of the campaign"
    )


def _find_culprits(
    face: Typeface, words: Mapping[str, str], *, size: tuple[int, int], safe_area: SafeArea
) -> Mapping[str, str]:
    """Return the fields that have no room even alone; all of them when only together."""
    alone = {
        field: text
        for field, text in words.items()
        if lay_out(face, {field: text}, size=size, safe_area=safe_area, crowded=True) is None
    }
    return alone or words


def _tone(
    picture: Image.Image, layout: Layout, scheme: Scheme
) -> tuple[Image.Image, Mapping[str, float]]:
    """Blend the picture under the text into the ground, step by step, until all of it is legible."""
    shape = _draw_tone_shape(layout, picture.size)
    ground = Image.new("RGB", picture.size, scheme.ground)
    toned, contrasts = picture, _measure(picture, layout, scheme)
    for step in range(1, _TONE_STEPS + 1):
        if min(contrasts.values()) >= LEGIBLE:
            break
        mask = shape.point([round(value * step / _TONE_STEPS) for value in range(256)])
        toned = Image.composite(ground, picture, mask)
        contrasts = _measure(toned, layout, scheme)
    return toned.copy(), contrasts


def _measure(picture: Image.Image, layout: Layout, scheme: Scheme) -> dict[str, float]:
    return {
        block.field: measure_contrast(scheme.button, scheme.label)
        if block.is_button
        else measure_worst_contrast(picture, block.box, scheme.ink)
        for block in layout.blocks
    }


def _draw_tone_shape(layout: Layout, size: tuple[int, int]) -> Image.Image:
    """Return a mask, full under the text and out to the frame's edges, fading into the picture."""
    left, top, right, bottom = layout.toned
    across = _draw_profile(size[0], left, right, layout.fade)
    down = _draw_profile(size[1], top, bottom, layout.fade)
    wide = Image.frombytes("L", (size[0], 1), across).resize(size)
    high = Image.frombytes("L", (1, size[1]), down).resize(size)
    return ImageChops.multiply(wide, high)


def _draw_profile(length: int, start: int, end: int, fade: int) -> bytes:
    """Return one line of the mask: 255 from start to end, falling smoothly to 0 beyond."""
    values = bytearray()
    for position in range(length):
        outside = max(start - position, position - end + 1, 0)
        left = max(0.0, 1 - outside / max(1, fade))
        values.append(round(255 * left * left * (3 - 2 * left)))
    return bytes(values)


def _draw(picture: Image.Image, layout: Layout, scheme: Scheme, face: Typeface) -> None:
    pen = ImageDraw.Draw(picture)
    for block in layout.blocks:
        if block.is_button:
            _draw_button(picture, block, scheme.button)
        ink = scheme.label if block.is_button else scheme.ink
        for line, spot in zip(block.lines, block.spots, strict=True):
            pen.text(spot, line, font=block.font, fill=ink, anchor="ls", language=face.language)


def _draw_button(picture: Image.Image, block: Block, fill: tuple[int, int, int]) -> None:
    large = (block.width * _OVERSAMPLING, block.height * _OVERSAMPLING)
    mask = Image.new("L", large)
    edge = (0, 0, large[0] - 1, large[1] - 1)
    radius = min(large[1] / 2, block.font.size * _OVERSAMPLING * 1.3)
    ImageDraw.Draw(mask).rounded_rectangle(edge, radius=radius, fill=255)
    shape = mask.resize((block.width, block.height), Image.Resampling.BOX)
    picture.paste(fill, block.box, shape)
