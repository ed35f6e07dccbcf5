"""Typesets a shot's copy on its fitted picture: legible, in the safe area, in the brand's colours.

Must not know briefs or channels. docs/checks.md lists what is left out where space is short.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from PIL import Image, ImageDraw

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.languages import is_shaped
from nbp_dagster.errors import NbpError
from nbp_dagster.studio.typography.blocks import MAY_BE_LEFT_OUT, Block, Box, Copy, Group, Layout
from nbp_dagster.studio.typography.contrast import (
    LEGIBLE,
    Scheme,
    draw_tone_shape,
    list_schemes,
    measure_contrast,
    measure_luminance,
    measure_worst_contrast,
)
from nbp_dagster.studio.typography.copy_places import Taken, choose_place
from nbp_dagster.studio.typography.letters.type_scale import LEAST_SIZE, Sizes
from nbp_dagster.studio.typography.letters.typeface import Typeface, can_shape
from nbp_dagster.studio.typography.text_layout import has_room, lay_out

FIELDS: Final = ("headline", "sub", "call_to_action", "disclaimer")  # in reading order

_LOOKED_AT: Final = 256  # pixels of the shorter side of the copy that places are ranked on
_FULL: Final = 255  # toning that leaves only the plain brand colour
_TONE_STEP: Final = 25
# Dark strokes of a pixel or two are lightened by what is around them, light ones are not darkened:
# at 10 px words of a worst contrast of 4.5 are measured at 3.5 once they are drawn.
_THIN: Final = 1.4
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
        is_clear: Whether type covers neither head, subject nor lettering.
        is_free: Whether it also has a fair size, and is legible without changing the picture much.
    """

    image: Image.Image
    boxes: Mapping[str, Box]
    contrasts: Mapping[str, float]
    left_out: tuple[str, ...]
    sizes: Mapping[str, int]
    is_clear: bool = True
    is_free: bool = True


def typeset(
    image: Image.Image,
    *,
    texts: Mapping[str, str],
    palette: Mapping[str, str],
    safe_area: SafeArea,
    language: str,
    fonts: FontPair | None = None,
    taken: Taken | None = None,
    peers: tuple[Copy, ...] = (),
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
        peers: The copy of the picture's other locales: all stand in one place and size.

    Raises:
        TextDoesNotFit: A field other than `sub` has no room at 10 px, or a letter has no glyph.
    """
    words = choose_words(texts)
    picture = image.convert("RGB").copy()
    if not words:
        return TypesetPicture(picture, boxes={}, contrasts={}, left_out=(), sizes={})
    face = choose_face(words, language, fonts)
    copy = Copy(tuple(words.items()), language, fonts)
    looks = _look(picture, list_schemes(palette))
    choice = choose_place(
        (copy, *peers),
        size=picture.size,
        safe_area=safe_area,
        taken=taken or Taken(),
        lay_usual=_lay_usual,
        measure_toning=lambda boxes: min(measure(boxes) for measure in looks.values()),
    )
    layout = choice.layout or _choose_layout(face, copy, size=picture.size, safe_area=safe_area)
    groups, scheme = layout.groups, min(looks, key=lambda each: looks[each](choice.boxes))
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
        is_clear=choice.is_clear,
        is_free=choice.is_free,
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
    copy = Copy(tuple(words.items()), language, fonts)
    return _choose_layout(face, copy, size=size, safe_area=safe_area).groups


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
    copy = Copy(tuple(choose_words(texts).items()), language, fonts)
    needed = copy.without(MAY_BE_LEFT_OUT).texts
    face = choose_face(copy.texts, language, fonts)
    for size, safe_area in sizes.items():
        if needed and not has_room(face, needed, size=size, safe_area=safe_area):
            _choose_layout(face, copy, size=size, safe_area=safe_area)


def choose_face(words: Mapping[str, str], language: str, fonts: FontPair | None) -> Typeface:
    """Return what words are set in.

    Raises:
        TextDoesNotFit: It has no glyph for a letter, or its script can't be set here.
    """
    if is_shaped(language) and not can_shape():
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
    copy: Copy,
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    most: Sizes | None = None,
) -> Layout:
    place = partial(lay_out, face, size=size, safe_area=safe_area, most=most)
    found = place(copy.texts)
    if found is not None:
        return found
    needed = copy.without(MAY_BE_LEFT_OUT).texts
    if not needed:
        return Layout((), Sizes(LEAST_SIZE))
    found = place(needed) or place(needed, room="crowded")
    if found is not None:
        return found
    culprits = {
        field: text
        for field, text in needed.items()
        if place({field: text}, room="crowded") is None
    }
    raise no_room(culprits or needed, size, copy.language)


def _lay_usual(
    face: Typeface, copy: Copy, size: tuple[int, int], safe_area: SafeArea, most: Sizes | None
) -> Layout | None:
    try:
        found = _choose_layout(face, copy, size=size, safe_area=safe_area, most=most)
    except TextDoesNotFit:
        return None
    return found if found.groups else None


def no_room(words: Mapping[str, str], size: tuple[int, int], language: str) -> TextDoesNotFit:
    """Return the error that names copy there is no room for on a frame of a size."""
    named = ", ".join(f"{field} {text!r}" for field, text in words.items())
    return TextDoesNotFit(
        f"{named} ({language}): no room at {LEAST_SIZE} px or more on {size[0]}x{size[1]} pixels; "
        "shorten the copy or leave the channel out of the campaign"
    )


def _look(
    picture: Image.Image, schemes: Sequence[Scheme]
) -> dict[Scheme, Callable[[Sequence[Box]], float]]:
    """Return what tells how much type in boxes of a picture would change it, by its colours.

    A reduced copy is looked at: this ranks places, and the toning itself heeds every pixel.
    """
    # Imported here: whether copy fits is checked without pixels, and sooner without numpy.
    from nbp_dagster.studio.typography.toning import Toning

    factor = max(1, min(picture.size) // _LOOKED_AT)
    small = picture.reduce(factor)

    def measure(toning: Toning, boxes: Sequence[Box]) -> float:
        return toning.measure(
            [(a // factor, b // factor, c // factor, d // factor) for a, b, c, d in boxes]
        )

    return {scheme: partial(measure, Toning(small, scheme)) for scheme in schemes}


def _tone(
    picture: Image.Image, group: Group, scheme: Scheme
) -> tuple[Image.Image, dict[str, float]]:
    """Blend the picture under a group into the background, as far as its legibility needs."""
    contrasts = _measure(picture, group, scheme, strength=0)
    on_picture = [block.field for block in group.blocks if not block.is_button]
    strength = 0
    is_thin = measure_luminance(scheme.ink) < measure_luminance(scheme.background)
    enough = LEGIBLE * (_THIN if is_thin else 1)
    while strength < _FULL and any(contrasts[field] < enough for field in on_picture):
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
