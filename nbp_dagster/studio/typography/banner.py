"""Composes banners, frames of extreme aspect ratio: a figure, the brand's colour, copy, logo.

A leaderboard shows a ninth of a square picture's height: no crop of it is worth showing, and words
that a model drew are cut or too small to read. Must not know briefs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from PIL import Image, ImageOps

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.studio.imaging.background import draw_ramp
from nbp_dagster.studio.typography.banner_logo import draw_logo, fit_within
from nbp_dagster.studio.typography.blocks import Block, Box, Group
from nbp_dagster.studio.typography.contrast import (
    Scheme,
    choose_scheme,
    measure_contrast,
)
from nbp_dagster.studio.typography.text_block import (
    MAY_BE_LEFT_OUT,
    TypesetPicture,
    choose_face,
    choose_words,
    draw_group,
    no_room,
)
from nbp_dagster.studio.typography.text_layout import (
    Room,
    Shape,
    first_size,
    has_room,
    lay_out,
    shape_of,
)
from nbp_dagster.studio.typography.typeface import Typeface

# The figure's part of a wide frame: a share of its width, within so many of its height; then what
# is tried where the copy has no room beside it. The same of a tall frame, sides exchanged.
_FIGURE_SHARE: Final = 0.38
_FIGURE_WIDTHS: Final = ((1.0, 1.8), (0.85, 1.0))
_MOST_OF_FRAME: Final = 0.6  # of a frame, for a part that shows a picture whole
_FIGURE_ALONE: Final = 0.5  # where there is no copy
# Most of a logo, in shares of its frame's width and height.
_LOGO_SHARES: Final[Mapping[Shape, tuple[float, float]]] = {
    "strip": (0.2, 0.7),
    "column": (0.16, 0.5),
    "head_and_foot": (0.62, 0.16),
}
_GAP: Final = 0.14  # between logo and copy, as a share of the shorter side
_MARGIN: Final = 0.055  # least distance to the frame's edge, as a share of the shorter side
FADE: Final = 0.16
"""Of the figure's part, what passes into the background."""

# A headline of this share of what its room would allow is worth leaving something else out for.
_COMFORTABLE: Final = 0.6


@dataclass(frozen=True)
class Plan:
    """Where everything of a banner stands, in pixels.

    Attributes:
        size: Width and height of the frame.
        figure: The part that shows the picture, at the right or bottom.
        logo: The logo's box; None where there is none, or no room for it.
        groups: The copy.
        left_out: Fields there was no room for.
        fade: Share of the figure's part that passes into the background.
    """

    size: tuple[int, int]
    figure: Box
    logo: Box | None = None
    groups: tuple[Group, ...] = ()
    left_out: tuple[str, ...] = field(default=())
    fade: float = FADE

    @property
    def length(self) -> int:
        """Pixels of the figure's part along the frame's longer side."""
        left, top, right, bottom = self.figure
        return right - left if self.size[0] > self.size[1] else bottom - top

    @property
    def join(self) -> Box:
        """Pixels at each edge of the figure's part over which it passes into the background."""
        left, top, right, bottom = self.figure
        if self.size[0] > self.size[1]:
            depth = round((right - left) * self.fade)
            return (depth, 0, 0, 0) if left else (0, 0, depth, 0)
        return (0, round((bottom - top) * self.fade), 0, 0)


def plan_banner(
    texts: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    language: str,
    fonts: FontPair | None = None,
    logo: tuple[int, int] | None = None,
    length: int | None = None,
) -> Plan:
    """Find a place for a figure, copy and a logo on a banner.

    Where room is short, first `sub` goes, then the logo, then most of the figure.

    Args:
        texts: Copy by field; blank ones count as not given.
        size: Width and height of the frame in pixels.
        safe_area: Strips at the edges that stay free of copy and logo.
        language: Locale of the copy.
        fonts: What to set it in; Inter by default.
        logo: The logo's width and height, in any unit; None where there is none.
        length: Pixels of the figure's part along the longer side; the usual ones when None. It
            gets less where the copy needs the room.

    Raises:
        TextDoesNotFit: A field other than `sub` has no room at 10 px, or a letter has no glyph.
    """
    words = choose_words(texts)
    if not words:
        figure = _place_figure(size, _FIGURE_ALONE, (0.0, 99.0))
        return Plan(size, figure, _center_logo(size, figure, safe_area, logo))
    face = choose_face(words, language, fonts)
    attempts = list(_attempts(words, size, safe_area, logo, length))
    standards: tuple[tuple[Room, float], ...] = (
        ("whole", _COMFORTABLE),
        ("whole", 0.0),
        ("crowded", 0.0),
    )
    for room, comfort in standards:
        for attempt in attempts:
            plan = attempt.plan(face, safe_area, room=room, comfort=comfort)
            if plan is not None:
                left_out = tuple(name for name in words if name not in attempt.words)
                plan = replace(plan, left_out=left_out)
                return _mirror(plan) if face.is_rtl and size[0] > size[1] else plan
    raise no_room({k: v for k, v in words.items() if k != MAY_BE_LEFT_OUT}, size, language)


def check_banner(
    texts: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    language: str,
    fonts: FontPair | None = None,
) -> None:
    """Make sure that copy can be set on a banner, before there is a picture; see `plan_banner`.

    Raises:
        TextDoesNotFit: `plan_banner` would raise it.
    """
    words = {k: v for k, v in choose_words(texts).items() if k != MAY_BE_LEFT_OUT}
    if not words:
        choose_face(choose_words(texts), language, fonts)
        return
    face = choose_face(choose_words(texts), language, fonts)
    attempt = list(_attempts(words, size, safe_area, None))[-1]
    room, area = attempt.region(safe_area)
    if not has_room(face, words, size=room, safe_area=area, shape=attempt.shape):
        plan_banner(texts, size=size, safe_area=safe_area, language=language, fonts=fonts)


def draw_banner(
    plan: Plan, picture: Image.Image, *, palette: Mapping[str, str], logo: Image.Image | None
) -> TypesetPicture:
    """Draw a planned banner.

    Args:
        plan: Where everything stands.
        picture: What the figure's part shows; RGB, of exactly its size.
        palette: The brand's colours as `#RRGGBB`; at least one.
        logo: The logo, RGBA, of any size; needed where the plan has a place for it.
    """
    scheme = choose_scheme(palette)
    frame = Image.new("RGB", plan.size, scheme.background)
    frame.paste(picture, plan.figure[:2], _draw_join(plan))
    if plan.logo is not None and logo is not None:
        draw_logo(frame, logo, plan.logo, scheme, palette)
    for group in plan.groups:
        draw_group(frame, group, scheme)
    blocks = [block for group in plan.groups for block in group.blocks]
    return TypesetPicture(
        frame,
        boxes={block.field: block.box for block in blocks},
        contrasts={block.field: _contrast(block, scheme) for block in blocks},
        left_out=plan.left_out,
        sizes={block.field: block.font.size for block in blocks},
    )


@dataclass(frozen=True)
class _Attempt:
    """One way to share a banner out."""

    words: Mapping[str, str]
    size: tuple[int, int]
    figure: Box
    logo: Box | None

    @property
    def is_wide(self) -> bool:
        return self.size[0] > self.size[1]

    @property
    def shape(self) -> Shape:
        """Copy stands in a row on leaderboards, in a column on billboards and skyscrapers."""
        return shape_of(*self.size)

    def region(self, safe_area: SafeArea) -> tuple[tuple[int, int], SafeArea]:
        """The copy's part, from the upper left corner or the logo on; and what of it is safe."""
        gap = round(min(self.size) * _GAP)
        if self.is_wide:
            start = 0 if self.logo is None else self.logo[2] + gap
            left = safe_area.left if self.logo is None else 0
            size = (max(1, self.figure[0] - start), self.size[1])
            return size, safe_area.model_copy(update={"left": left, "right": gap})
        start = 0 if self.logo is None else self.logo[3]
        top = safe_area.top if self.logo is None else gap
        size = (self.size[0], max(1, self.figure[1] - start))
        return size, safe_area.model_copy(update={"top": top, "bottom": gap})

    def plan(
        self, face: Typeface, safe_area: SafeArea, *, room: Room, comfort: float
    ) -> Plan | None:
        size, area = self.region(safe_area)
        groups = lay_out(face, self.words, size=size, safe_area=area, room=room, shape=self.shape)
        if groups is None:
            return None
        largest = max(block.font.size for group in groups for block in group.blocks)
        if "headline" in self.words and largest < comfort * first_size(size, self.shape):
            return None
        x, y = (self.figure[0] - size[0], 0) if self.is_wide else (0, self.figure[1] - size[1])
        moved = tuple(replace(group, blocks=_move(group.blocks, x, y)) for group in groups)
        return Plan(self.size, self.figure, self.logo, moved)


def _attempts(
    words: Mapping[str, str],
    size: tuple[int, int],
    safe_area: SafeArea,
    logo: tuple[int, int] | None,
    length: int | None = None,
) -> Iterator[_Attempt]:
    """Yield what to try, the fullest first."""
    needed = {name: text for name, text in words.items() if name != MAY_BE_LEFT_OUT}
    spot = _place_logo(size, safe_area, logo)
    for limits in _FIGURE_WIDTHS:
        figure = _place_figure(size, _FIGURE_SHARE, limits, length)
        shares = [(words, spot), (needed, spot), (needed, None)]
        for given, place in shares if limits == _FIGURE_WIDTHS[0] else shares[1:]:
            if given and (place is not None or spot is None or given is needed):
                yield _Attempt(given, size, figure, place)


def _place_figure(
    size: tuple[int, int], share: float, limits: tuple[float, float], length: int | None = None
) -> Box:
    long, short = max(size), min(size)
    part = round(min(max(long * share, short * limits[0]), short * limits[1]))
    if length is not None:
        is_usual = limits == _FIGURE_WIDTHS[0]
        part = min(length, round(long * _MOST_OF_FRAME)) if is_usual else min(part, length)
    if size[0] > size[1]:
        return (size[0] - part, 0, size[0], size[1])
    return (0, size[1] - part, size[0], size[1])


def _place_logo(
    size: tuple[int, int], safe_area: SafeArea, logo: tuple[int, int] | None
) -> Box | None:
    """The logo's box at the head of the copy."""
    if logo is None:
        return None
    wide, high = size
    margin = max(2, round(min(size) * _MARGIN))
    left, top = max(safe_area.left, margin), max(safe_area.top, margin)
    across, down = _LOGO_SHARES[shape_of(wide, high)]
    room = (
        min(wide * across, wide - left - max(safe_area.right, margin)),
        min(high * down, high - 2 * max(top, safe_area.bottom)),
    )
    box = fit_within(logo, room)
    if wide > high:
        top = (high - box[1]) // 2
    return (left, top, left + box[0], top + box[1])


def _center_logo(
    size: tuple[int, int], figure: Box, safe_area: SafeArea, logo: tuple[int, int] | None
) -> Box | None:
    if logo is None:
        return None
    spot = _place_logo(size, safe_area, logo)
    assert spot is not None
    wide, high = spot[2] - spot[0], spot[3] - spot[1]
    room = (figure[0], size[1]) if size[0] > size[1] else (size[0], figure[1])
    left, top = (room[0] - wide) // 2, (room[1] - high) // 2
    return (left, top, left + wide, top + high)


def _move(blocks: tuple[Block, ...], x: int, y: int) -> tuple[Block, ...]:
    return tuple(block.moved(block.box[0] + x, block.box[1] + y) for block in blocks)


def _mirror(plan: Plan) -> Plan:
    """The same with its sides exchanged; the lines themselves stay as they are read."""
    wide = plan.size[0]

    def flip(box: Box) -> Box:
        return (wide - box[2], box[1], wide - box[0], box[3])

    # Within their own part the fields stand as a script from right to left wants them already.
    start = wide - plan.figure[2] + (plan.figure[2] - plan.figure[0])
    shift = start if plan.logo is None else start - plan.logo[2]
    groups = tuple(replace(group, blocks=_move(group.blocks, shift, 0)) for group in plan.groups)
    logo = None if plan.logo is None else flip(plan.logo)
    return replace(plan, figure=flip(plan.figure), logo=logo, groups=groups)


def _contrast(block: Block, scheme: Scheme) -> float:
    if block.is_button:
        return measure_contrast(scheme.button, scheme.label)
    return measure_contrast(scheme.background, scheme.ink)


def _draw_join(plan: Plan) -> Image.Image:
    """A mask of the figure's part, full but at the side that fades into the background."""
    wide, high = plan.figure[2] - plan.figure[0], plan.figure[3] - plan.figure[1]
    left, top, right, _ = plan.join
    mask = Image.new("L", (wide, high), 255)
    if left:
        mask.paste(draw_ramp(left, high), (0, 0))
    if right:
        mask.paste(ImageOps.mirror(draw_ramp(right, high)), (wide - right, 0))
    if top:
        mask.paste(draw_ramp(top, wide).transpose(Image.Transpose.TRANSPOSE), (0, 0))
    return mask
