"""Extends a picture by a background made from its own edges, so that any frame shows it whole."""

from typing import Final

from PIL import Image, ImageFilter, ImageOps

FEATHER: Final = 0.12
"""Share of the picture that passes into the background grown from its edge."""
STRIP_FEATHER: Final = 0.25
"""The same of a strip on a ground out of focus, at each end."""

_RIM: Final = 0.04  # share of the picture, from its edge, whose colours the background takes
_EVEN_REACH: Final = 0.25  # shares of the picture after which an even background is even
_EVEN_SHADE: Final = 0.9  # how much of its light an even background keeps
_BACKGROUND_TONES: Final = (
    7  # tones along an edge that the background keeps: a horizon, but no outlines
)
# A ground out of focus: cells of the picture along it, and its blur in shares of the shorter side.
_GROUND_CELLS: Final = 5
_GROUND_BLUR: Final = 0.35

_PLAIN_CELLS: Final = 64  # along an edge
_PLAIN: Final = 14  # of 255, by which a cell of a plain edge may differ from its blurred tone,
_PLAIN_SHARE: Final = 0.9  # at so many of the cells


def extend_background(
    picture: Image.Image,
    place: tuple[int, int, int, int],
    size: tuple[int, int],
    *,
    feather: float = FEATHER,
) -> Image.Image:
    """Place a picture on a background of its own edge colours, blended at the seam.

    Args:
        picture: RGB; it has the full width or the full height of the frame.
        place: Left, top, right, bottom of the picture in the frame.
        size: Width and height of the frame in pixels.
        feather: Share of the picture that passes into the background at each end.

    To the sides sky stays sky and floor stays floor. Above and below that would draw a figure's
    colours out into a streak, so there they soon pass into one even tone.
    """
    if size[1] - picture.height > size[0] - picture.width:
        turned = (place[1], place[0], place[3], place[2])
        flipped = picture.transpose(Image.Transpose.TRANSPOSE)
        frame = _join_backgrounds(flipped, turned, size[::-1], even=True, share=feather)
        return frame.transpose(Image.Transpose.TRANSPOSE)
    return _join_backgrounds(picture, place, size, even=False, share=feather)


def blur_background(
    picture: Image.Image,
    place: tuple[int, int, int, int],
    size: tuple[int, int],
    *,
    feathers: tuple[float, float],
) -> Image.Image:
    """Place a strip of a picture on a ground of its own colours, out of focus and a little darker.

    Nothing can be made out on the ground but light and colour, so that a photograph's trees are no
    smears beside it.

    Args:
        picture: RGB; it has the full width or the full height of the frame.
        place: Left, top, right, bottom of the picture in the frame.
        size: Width and height of the frame in pixels.
        feathers: Shares of the picture that pass into the ground at its left or upper end, and at
            the other.
    """
    is_wide = size[0] - picture.width > size[1] - picture.height
    cells = (_GROUND_CELLS, 3) if is_wide else (3, _GROUND_CELLS)
    ground = picture.resize(cells, Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
    ground = ground.filter(ImageFilter.GaussianBlur(min(size) * _GROUND_BLUR))
    ground = ground.point([round(value * _EVEN_SHADE) for value in range(256)] * 3)
    wide, high = picture.size if is_wide else picture.size[::-1]
    mask = Image.new("L", (wide, high), 255)
    first, last = (max(1, round(wide * share)) for share in feathers)
    mask.paste(draw_ramp(first, high), (0, 0))
    mask.paste(ImageOps.mirror(draw_ramp(last, high)), (wide - last, 0))
    if not is_wide:
        mask = mask.transpose(Image.Transpose.TRANSPOSE)
    ground.paste(picture, place[:2], mask)
    return ground


def has_plain_edges(
    picture: Image.Image, place: tuple[int, int, int, int], size: tuple[int, int]
) -> bool:
    """Return whether a background grown from a picture's edges would look like one.

    Only edges that it would be grown from count: a studio's ground is plain, a photograph's trees
    are drawn out into smears.

    Args:
        picture: RGB.
        place: Left, top, right, bottom of the picture in the frame.
        size: Width and height of the frame in pixels.
    """
    wide, high = picture.size
    across, down = max(1, round(wide * _RIM)), max(1, round(high * _RIM))
    edges = []
    if place[0] > 0:
        edges.append((0, 0, across, high))
    if place[2] < size[0]:
        edges.append((wide - across, 0, wide, high))
    if place[1] > 0:
        edges.append((0, 0, wide, down))
    if place[3] < size[1]:
        edges.append((0, high - down, wide, high))
    return all(_is_plain(picture.crop(edge)) for edge in edges)


def _is_plain(edge: Image.Image) -> bool:
    """Whether a rim is what its few blurred tones say."""
    longer = max(edge.size)
    size = (1, _PLAIN_CELLS) if edge.height == longer else (_PLAIN_CELLS, 1)
    cells = edge.resize(size, Image.Resampling.BOX)
    tones = (1, _BACKGROUND_TONES) if edge.height == longer else (_BACKGROUND_TONES, 1)
    blurred = cells.resize(tones, Image.Resampling.BOX).resize(size, Image.Resampling.BICUBIC)
    off = sorted(
        max(abs(a - b) for a, b in zip(one, other, strict=True))
        for one, other in zip(_read_pixels(cells), _read_pixels(blurred), strict=True)
    )
    return off[round(len(off) * _PLAIN_SHARE) - 1] <= _PLAIN


def _join_backgrounds(
    picture: Image.Image,
    place: tuple[int, int, int, int],
    size: tuple[int, int],
    *,
    even: bool,
    share: float,
) -> Image.Image:
    """Lay a background at the left and right of a picture that has the frame's full height."""
    left, _, right, _ = place
    wide, high = picture.size
    feather = max(1, round(wide * share))
    rim = max(1, round(wide * _RIM))
    reach = max(1, round(wide * _EVEN_REACH)) if even else None
    frame = Image.new("RGB", size)
    mask = Image.new("L", picture.size, 255)
    ramp = draw_ramp(feather, high)
    if right < size[0]:
        edge = picture.crop((wide - rim, 0, wide, high))
        background = _grow_background(edge, size[0] - right + feather, reach=reach)
        frame.paste(background, (right - feather, 0))
        mask.paste(ImageOps.mirror(ramp), (wide - feather, 0))
    if left > 0:
        edge = picture.crop((0, 0, rim, high))
        background = _grow_background(edge, left + feather, reach=reach)
        frame.paste(ImageOps.mirror(background), (0, 0))
        mask.paste(ramp, (0, 0))
    frame.paste(picture, place[:2], mask)
    return frame


def _grow_background(edge: Image.Image, width: int, *, reach: int | None) -> Image.Image:
    """Draw the colours of a picture's rim out to the right, row for row but blurred.

    Where `reach` is given they have passed into one even tone after that many pixels.
    """
    high = edge.height
    tones = edge.resize((1, min(_BACKGROUND_TONES, high)), Image.Resampling.BOX)
    background = tones.resize((width, high), Image.Resampling.BICUBIC)
    if reach is None:
        return background
    # The middle one by lightness, not the mean: a figure at the rim must not stain the background.
    by_light = sorted(_read_pixels(tones), key=lambda tone: sum(tone))
    red, green, blue = (round(v * _EVEN_SHADE) for v in by_light[len(by_light) // 2])
    even = Image.new("RGB", background.size, (red, green, blue))
    mask = Image.new("L", background.size, 255)
    mask.paste(draw_ramp(reach, high), (0, 0))
    return Image.composite(even, background, mask)


def _read_pixels(image: Image.Image) -> list[tuple[int, int, int]]:
    values = image.tobytes()
    return list(zip(values[0::3], values[1::3], values[2::3], strict=True))


def draw_ramp(width: int, height: int) -> Image.Image:
    """Return a mask that rises from 0 at the left to 255 at the right without a visible kink."""
    curve = [round(255 * (v / 255) ** 2 * (3 - 2 * v / 255)) for v in range(256)]
    ramp = Image.linear_gradient("L").transpose(Image.Transpose.TRANSPOSE).point(curve)
    return ramp.resize((width, height), Image.Resampling.BILINEAR)
