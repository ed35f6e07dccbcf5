"""Composes banners, frames of extreme aspect ratio: a figure, the brand's colour, copy, logo.

A leaderboard shows a ninth of a square picture's height: no crop of it is worth showing, and words
that a model drew are cut or too small to read. Must not know briefs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from PIL import Image, ImageOps

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.briefs.fonts import FontPair
from nbp_dagster.briefs.languages import is_right_to_left
from nbp_dagster.studio.imaging.background import draw_ramp
from nbp_dagster.studio.typography.banner_logo import draw_logo, fit_within
from nbp_dagster.studio.typography.banner_parts import (
    Frame,
    Part,
    has_banner_room,
    place_figure,
    place_logo,
    share_out,
)
from nbp_dagster.studio.typography.blocks import MAY_BE_LEFT_OUT, Block, Box, Copy, Group
from nbp_dagster.studio.typography.contrast import (
    Scheme,
    choose_scheme,
    measure_contrast,
)
from nbp_dagster.studio.typography.text_block import (
    TypesetPicture,
    choose_face,
    choose_words,
    draw_group,
    no_room,
)

_FIGURE_ALONE: Final = 0.5  # of a banner, for the figure where there is no copy
FADE: Final = 0.16
"""Of the figure's part, what passes into the background."""


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
        is_filled: Whether the figure fills its part of the frame.
    """

    size: tuple[int, int]
    figure: Box
    logo: Box | None = None
    groups: tuple[Group, ...] = ()
    left_out: tuple[str, ...] = field(default=())
    fade: float = FADE
    is_filled: bool = True

    def show_whole(self, source: tuple[int, int]) -> "Plan":
        """Return the plan with a whole picture of a width and height in its figure's part."""
        left, top, right, bottom = self.figure
        wide, high = fit_within(source, (right - left, bottom - top))
        x, y = (left + right - wide) // 2, (top + bottom - high) // 2
        is_filled = (wide, high) == (right - left, bottom - top)
        place = (x, y, x + wide, y + high)
        return replace(self, figure=place, fade=0.0, is_filled=is_filled)

    @property
    def is_wide(self) -> bool:
        """Whether copy and figure stand beside each other; below each other otherwise."""
        return self.size[0] > self.size[1]

    @property
    def fades_at_end(self) -> bool:
        """Whether the figure's right or lower end fades: it then stands at the left or top."""
        return self.figure[0 if self.is_wide else 1] == 0

    @property
    def length(self) -> int:
        """Pixels of the figure's part along the direction in which copy follows it."""
        left, top, right, bottom = self.figure
        return right - left if self.is_wide else bottom - top

    @property
    def join(self) -> Box:
        """Pixels at each edge of the figure's part over which it passes into the background."""
        depth = round(self.length * self.fade)
        if self.is_wide:
            return (0, 0, depth, 0) if self.fades_at_end else (depth, 0, 0, 0)
        return (0, 0, 0, depth) if self.fades_at_end else (0, depth, 0, 0)


def plan_banner(
    texts: Mapping[str, str],
    *,
    size: tuple[int, int],
    safe_area: SafeArea,
    language: str,
    fonts: FontPair | None = None,
    logo: tuple[int, int] | None = None,
    length: int | None = None,
    peers: tuple[Copy, ...] = (),
) -> Plan:
    """Find a place for a figure, copy and a logo on a banner.

    Where room is short, the headline shrinks to half its usual size and the figure to its least
    part; then `sub` goes, then the logo. Locales share figure, logo and sizes where all of them
    have room for all of it, and else the sizes.

    Args:
        texts: Copy by field; blank ones count as not given.
        size: Width and height of the frame in pixels.
        safe_area: Strips at the edges that stay free of copy and logo.
        language: Locale of the copy.
        fonts: What to set it in; Inter by default.
        logo: The logo's width and height, in any unit; None where there is none.
        length: Pixels of the figure's part at most, along the direction in which copy follows it.
        peers: The copy of the picture's other locales.

    Raises:
        TextDoesNotFit: A field other than `sub` has no room at 10 px, or a letter has no glyph.
    """
    words, frame = choose_words(texts), Frame(size, safe_area, logo, length)
    if not words:
        figure = place_figure(frame, round(max(size) * _FIGURE_ALONE))
        return Plan(size, figure, _center_logo(frame, figure))
    copy = Copy(tuple(words.items()), language, fonts)
    choose_face(words, language, fonts)
    found = share_out((copy, *peers), frame)
    if found is None:
        raise no_room({k: v for k, v in words.items() if k != MAY_BE_LEFT_OUT}, size, language)
    part, layout = found
    x, y = part.region[:2]
    groups = tuple(replace(each, blocks=_move(each.blocks, x, y)) for each in layout.groups)
    left_out = tuple(name for name in words if name not in layout.boxes)
    plan = Plan(size, part.figure, part.logo, groups, left_out)
    return _mirror(plan, part.region) if is_right_to_left(language) else plan


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
    choose_face(choose_words(texts), language, fonts)
    copy = Copy(tuple(words.items()), language, fonts)
    if not has_banner_room(copy, Frame(size, safe_area)):
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


def _center_logo(frame: Frame, figure: Box) -> Box | None:
    """The logo's box in the middle of what a figure leaves, where there is no copy."""
    found = place_logo(frame)
    if found is None:
        return None
    wide, high = found[2] - found[0], found[3] - found[1]
    left, top, right, bottom = Part(frame, figure, None).region
    x, y = (left + right - wide) // 2, (top + bottom - high) // 2
    return (x, y, x + wide, y + high)


def _move(blocks: tuple[Block, ...], x: int, y: int) -> tuple[Block, ...]:
    return tuple(block.moved(block.box[0] + x, block.box[1] + y) for block in blocks)


def _mirror(plan: Plan, region: Box) -> Plan:
    """The same with its sides exchanged; the lines themselves stay as they are read."""
    wide = plan.size[0]

    def flip(box: Box) -> Box:
        return (wide - box[2], box[1], wide - box[0], box[3])

    # Within their own part the fields stand as a script from right to left wants them already.
    shift = flip(region)[0] - region[0]
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
    left, top, right, bottom = plan.join
    mask = Image.new("L", (wide, high), 255)
    if left:
        mask.paste(draw_ramp(left, high), (0, 0))
    if right:
        mask.paste(ImageOps.mirror(draw_ramp(right, high)), (wide - right, 0))
    if top:
        mask.paste(draw_ramp(top, wide).transpose(Image.Transpose.TRANSPOSE), (0, 0))
    if bottom:
        upwards = draw_ramp(bottom, wide).transpose(Image.Transpose.TRANSPOSE)
        mask.paste(ImageOps.flip(upwards), (0, high - bottom))
    return mask
