"""Typesets a shot's copy on its fitted picture: legible, in the safe area, in the brand's colours.

Must not know briefs or channels. docs/checks.md lists what is left out where space is short.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from PIL import Image, ImageDraw

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.languages import SHAPED_LANGUAGES, language_of
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.typography.blocks import LEAST_SIZE, Block, Box, Group
from nbp_dagster.studio.typography.contrast import (
    LEGIBLE,
    Scheme,
    choose_scheme,
    measure_contrast,
    measure_worst_contrast,
)
from nbp_dagster.studio.typography.copy_places import Taken, choose_place
from nbp_dagster.studio.typography.text_layout import has_room, lay_out
from nbp_dagster.studio.typography.tone import draw_tone_shape
from nbp_dagster.studio.typography.typeface import Typeface, can_shape

# In reading order. Only `sub` may be left out: the headline and the call to action are the ad,
# and a disclaimer is there because it is required by law.
FIELDS: Final = ("headline", "sub", "call_to_action", "disclaimer")
MAY_BE_LEFT_OUT: Final = "sub"

_FULL: Final = 255  # toning that leaves only the plain brand colour
_TONE_STEP: Final = 25
_OVERSAMPLING: Final = 4  # Pillow draws shapes without soft edges; we draw them larger first


class TextDoesNotFit(NbpError):
    """Copy that can't be set legibly on a picture, or not in our typeface."""


@dataclass(frozen=True)
class TypesetPicture:
    """A picture with its copy.

    Attributes:
        image: RGB, of the size it had.
        boxes: Left, top, right, bottom in pixels of each field that was set.
        contrasts: WCAG ratio of each field that was set, at its least legible pixel.
        left_out: Fields there was no room for.
        sizes: Pixels of the em of each field that was set.
    """

    image: Image.Image
    boxes: Mapping[str, Box]
    contrasts: Mapping[str, float]
    left_out: tuple[str, ...]
    sizes: Mapping[str, int]


def typeset(
    image: Image.Image,
    *,
    texts: Mapping[str, str],
    palette: Mapping[str, str],
    safe_area: SafeArea,
    language: str,
    fonts: FontPair | None = None,
    taken: Taken | None = None,
) -> TypesetPicture:
    """Set a headline, a sub line, a call to action and a disclaimer, whichever are given.

    The picture is toned towards the brand's colour under the text, only as far as a contrast of
    4.5:1 needs at every pixel.

    Args:
        image: The fitted picture at its channel's size.
        texts: Copy by field; blank ones count as not given.
        palette: The brand's colours as `#RRGGBB`; at least one.
        safe_area: Strips at the edges, in pixels, that stay free of text.
        language: Locale of the copy, such as `de` or `de_AT`; decides direction and line breaks.
        fonts: What to set it in; Inter by default.
        taken: What the copy must not cover, where that is known.

    Raises:
        TextDoesNotFit: A field other than `sub` has no room at 10 px, or a letter has no glyph.
    """
    words = choose_words(texts)
    picture = image.convert("RGB").copy()
    if not words:
        return TypesetPicture(picture, boxes={}, contrasts={}, left_out=(), sizes={})
    groups = plan_type(
        words, size=picture.size, safe_area=safe_area, language=language, fonts=fonts
    )
    scheme = choose_scheme(palette)
    if taken is not None:
        shown = {block.field for group in groups for block in group.blocks}
        groups = choose_place(
            choose_face(words, language, fonts),
            {name: text for name, text in words.items() if name in shown},
            groups,
            size=picture.size,
            safe_area=safe_area,
            taken=taken,
            is_legible=lambda each: _is_legible(picture, each, scheme),
        )
    boxes: dict[str, Box] = {}
    contrasts: dict[str, float] = {}
    for group in groups:
        picture, measured = _tone(picture, group, scheme)
        contrasts.update(measured)
        boxes.update({block.field: block.box for block in group.blocks})
    for group in groups:
        draw_group(picture, group, scheme)
    return TypesetPicture(
        picture,
        boxes=boxes,
        contrasts=contrasts,
        left_out=tuple(field for field in words if field not in boxes),
        sizes={block.field: block.font.size for group in groups for block in group.blocks},
    )


def plan_type(
    texts: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    language: str,
    fonts: FontPair | None = None,
) -> tuple[Group, ...]:
    """Find where copy would be set on a picture of a size, before there is one.

    Arguments as for `typeset`; `size` is the picture's, in pixels.

    Raises:
        TextDoesNotFit: As for `typeset`; or Pillow can't set the language's script here.
    """
    words = choose_words(texts)
    if not words:
        return ()
    face = choose_face(words, language, fonts)
    return _choose_layout(face, words, size=size, safe_area=safe_area, language=language)


def check_type(
    texts: Mapping[str, str],
    *,
    sizes: Mapping[tuple[int, int], SafeArea],
    language: str,
    fonts: FontPair | None = None,
) -> None:
    """Make sure that copy can be set on pictures of several sizes, before there are any.

    Args:
        texts: Copy by field, as for `typeset`.
        sizes: Safe areas by the width and height, in pixels, of the picture.
        language: Locale of the copy.
        fonts: What to set it in; Inter by default.

    Raises:
        TextDoesNotFit: `typeset` would raise it for one of them.
    """
    words = choose_words(texts)
    needed = {field: text for field, text in words.items() if field != MAY_BE_LEFT_OUT}
    face = choose_face(words, language, fonts)
    for size, safe_area in sizes.items():
        if needed and not has_room(face, needed, size=size, safe_area=safe_area):
            _choose_layout(face, words, size=size, safe_area=safe_area, language=language)


def choose_face(words: Mapping[str, str], language: str, fonts: FontPair | None) -> Typeface:
    """Return what words are set in.

    Raises:
        TextDoesNotFit: It has no glyph for a letter, or its script can't be set here.
    """
    if language_of(language) in SHAPED_LANGUAGES and not can_shape():
        raise TextDoesNotFit(
            f"{language}: Pillow can't join and order the letters of this script here, because the "
            "system's library FriBiDi is missing; install it (Debian: apt-get install libfribidi0)"
        )
    face = Typeface(language, fonts)
    for field, text in words.items():
        missing = face.find_missing(text)
        if missing:
            raise TextDoesNotFit(
                f"{field} ({language}): no glyph for {missing!r} in {face.name}; give the brand a "
                "font that has them, use another wording, or text: drawn and no banner (3:1 and up)"
            )
    return face


def choose_words(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that are given, in reading order."""
    return {field: texts[field].strip() for field in FIELDS if texts.get(field, "").strip()}


def _choose_layout(
    face: Typeface,
    words: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    language: str,
) -> tuple[Group, ...]:
    place = partial(lay_out, face, size=size, safe_area=safe_area)
    groups = place(words)
    if groups is not None:
        return groups
    needed = {field: text for field, text in words.items() if field != MAY_BE_LEFT_OUT}
    if not needed:
        return ()
    groups = place(needed) or place(needed, room="crowded")
    if groups is not None:
        return groups
    culprits = {
        field: text
        for field, text in needed.items()
        if place({field: text}, room="crowded") is None
    }
    raise no_room(culprits or needed, size, language)


def no_room(words: Mapping[str, str], size: tuple[int, int], language: str) -> TextDoesNotFit:
    """Return the error that names copy there is no room for on a frame of a size."""
    named = ", ".join(f"{field} {text!r}" for field, text in words.items())
    return TextDoesNotFit(
        f"{named} ({language}): no room at {LEAST_SIZE} px or more on {size[0]}x{size[1]} pixels; "
        "shorten the copy or leave the channel out of the campaign"
    )


def _is_legible(picture: Image.Image, groups: tuple[Group, ...], scheme: Scheme) -> bool:
    """Whether all type stands out from the picture as it is."""
    found = [_measure(picture, group, scheme, strength=0) for group in groups]
    return min(ratio for each in found for ratio in each.values()) >= LEGIBLE


def _tone(
    picture: Image.Image, group: Group, scheme: Scheme
) -> tuple[Image.Image, dict[str, float]]:
    """Blend the picture under a group into the background, as far as its legibility needs."""
    contrasts = _measure(picture, group, scheme, strength=0)
    strength = 0
    while min(contrasts.values()) < LEGIBLE and strength < _FULL:
        strength = min(_FULL, strength + _TONE_STEP)
        contrasts = _measure(picture, group, scheme, strength=strength)
    if strength == 0:
        return picture, contrasts
    shape = draw_tone_shape(group.toned, group.fade, picture.size)
    mask = shape.point([round(value * strength / _FULL) for value in range(_FULL + 1)])
    background = Image.new("RGB", picture.size, scheme.background)
    return Image.composite(background, picture, mask), contrasts


def _measure(
    picture: Image.Image, group: Group, scheme: Scheme, *, strength: int
) -> dict[str, float]:
    """Return each field's contrast as it will be once its part is toned, 0 to 255."""
    contrasts: dict[str, float] = {}
    for block in group.blocks:
        if block.is_button:
            contrasts[block.field] = measure_contrast(scheme.button, scheme.label)
            continue
        part = picture.crop(block.box)
        background = Image.new("RGB", part.size, scheme.background)
        toned = Image.composite(background, part, Image.new("L", part.size, strength))
        contrasts[block.field] = measure_worst_contrast(toned, scheme.ink)
    return contrasts


def draw_group(picture: Image.Image, group: Group, scheme: Scheme) -> None:
    """Draw a group's fields on an RGB picture, in place."""
    for block in group.blocks:
        if block.is_button:
            _draw_button(picture, block, scheme)
        ink = scheme.label if block.is_button else scheme.ink
        for line, spot in zip(block.lines, block.spots, strict=True):
            block.font.draw(picture, spot, line, ink)


def _draw_button(picture: Image.Image, block: Block, scheme: Scheme) -> None:
    large = (block.width * _OVERSAMPLING, block.height * _OVERSAMPLING)
    mask = Image.new("L", large)
    radius = min(large[1] / 2, block.font.size * _OVERSAMPLING * 1.3)
    edge = (0, 0, large[0] - 1, large[1] - 1)
    ImageDraw.Draw(mask).rounded_rectangle(edge, radius=radius, fill=255)
    shape = mask.resize((block.width, block.height), Image.Resampling.BOX)
    picture.paste(scheme.button, block.box, shape)
