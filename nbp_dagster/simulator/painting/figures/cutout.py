"""Turns reference images into figures cut from their plain ground, cards or swatches."""

import functools
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from nbp_dagster.simulator.painting.colour import Colour, pick_swatches

logger = logging.getLogger(__name__)

_FORMATS = ("PNG", "JPEG", "WEBP")
_MAX_PIXELS = 50_000_000
_MAX_SIDE = 2600
# The ground is searched on a copy this small: pure Python visits each of its pixels.
_PROBE_SIDE = 200
# Sums over three channels: wide enough for JPEG noise, too narrow for white cloth in shade.
_GROUND_TOLERANCE = 24

CutoutKind = Literal["figures", "card", "broken"]


@dataclass(frozen=True)
class Cutout:
    """A reference image made ready.

    Attributes:
        kind: "figures" if a plain ground was cut away, "card" if not, "broken" if unreadable.
        views: RGBA figures (one, or several poses from a sheet), or the one RGB card.
        swatches: its main colours.
        striped: whether it looks like a card of colour stripes.
    """

    kind: CutoutKind
    views: tuple[Image.Image, ...]
    swatches: tuple[Colour, ...] = ()
    striped: bool = False


@dataclass(frozen=True)
class _Island:
    """A connected part of the foreground, in probe pixels."""

    area: int
    left: int
    top: int
    right: int
    bottom: int
    mask: bytes

    @property
    def height(self) -> int:
        return self.bottom - self.top


@functools.lru_cache(maxsize=16)
def prepare_reference(data: bytes) -> Cutout:
    """Decode a PNG, JPEG or WebP and cut its figure out; never raises on bad bytes."""
    image = decode_reference(data)
    if image is None:
        return Cutout("broken", ())
    swatches = pick_swatches(image)
    probe = _shrink(image)
    striped = _is_striped(probe)
    ground = _find_ground(probe)
    if ground is None and not _has_alpha(image):
        return Cutout("card", (image.convert("RGB"),), swatches, striped)
    mask = _mask_foreground(probe, ground)
    islands = _pick_islands(_find_islands(mask, probe.size), probe.size)
    if not islands:
        return Cutout("card", (image.convert("RGB"),), swatches, striped)
    views = tuple(_cut(image, probe.size, island, ground) for island in islands[:3])
    return Cutout("figures", views, swatches, striped)


def decode_reference(data: bytes) -> Image.Image | None:
    """The reference as RGBA, reduced if it is very large; None if it cannot be decoded."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            if image.width * image.height > _MAX_PIXELS:
                return None
            image.draft("RGB", (_MAX_SIDE, _MAX_SIDE))
            loaded = image.convert("RGBA")
    # Pillow raises these for broken and for hostile files alike; see its decoders.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        logger.debug("a reference could not be decoded: %s", type(error).__name__)
        return None
    factor = -(-max(loaded.size) // _MAX_SIDE)
    return loaded.reduce(factor) if factor > 1 else loaded


def _shrink(image: Image.Image) -> Image.Image:
    scale = _PROBE_SIDE / max(image.size)
    size = (max(8, round(image.width * scale)), max(8, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX)


def _has_alpha(image: Image.Image) -> bool:
    low, _ = image.getchannel("A").getextrema()
    return isinstance(low, (int, float)) and low < 16


def _is_striped(probe: Image.Image) -> bool:
    """Whether every row is nearly the same and the picture wide: stripes of colour."""
    if probe.width < probe.height * 1.8:
        return False
    flat = probe.convert("RGB")
    row = flat.resize((flat.width, 1), Image.Resampling.BOX).resize(flat.size)
    histogram = ImageChops.difference(flat, row).convert("L").histogram()
    mean = sum(level * count for level, count in enumerate(histogram)) / (flat.width * flat.height)
    return mean < 9


def _find_ground(probe: Image.Image) -> Colour | None:
    """The colour along the border if most of the border has it."""
    flat = probe.convert("RGB")
    width, height = flat.size
    strips = (
        (0, 0, width, 1),
        (0, height - 1, width, height),
        (0, 0, 1, height),
        (width - 1, 0, width, height),
    )
    raw = b"".join(flat.crop(strip).tobytes() for strip in strips)
    pixels = list(zip(raw[0::3], raw[1::3], raw[2::3], strict=True))
    middle = len(pixels) // 2
    red, green, blue = (sorted(values)[middle] for values in zip(*pixels, strict=True))
    ground = (red, green, blue)
    near = sum(1 for pixel in pixels if _differs(pixel, ground) <= _GROUND_TOLERANCE)
    return ground if near >= 0.72 * len(pixels) else None


def _differs(first: Colour, second: Colour) -> int:
    return abs(first[0] - second[0]) + abs(first[1] - second[1]) + abs(first[2] - second[2])


def _mask_foreground(probe: Image.Image, ground: Colour | None) -> bytearray:
    """1 where the figure is: what the ground's flood from the border does not reach."""
    width, height = probe.size
    if ground is None or _has_alpha(probe):
        return bytearray(1 if value > 100 else 0 for value in probe.getchannel("A").tobytes())
    raw = probe.convert("RGB").tobytes()
    distance = [
        _differs(pixel, ground) for pixel in zip(raw[0::3], raw[1::3], raw[2::3], strict=True)
    ]
    mask = bytearray(b"\x01" * (width * height))
    rim = [
        x + y * width
        for y in range(height)
        for x in ((0, width - 1) if 0 < y < height - 1 else range(width))
    ]
    stack = [spot for spot in rim if distance[spot] <= _GROUND_TOLERANCE]
    while stack:
        spot = stack.pop()
        if not mask[spot]:
            continue
        mask[spot] = 0
        stack.extend(
            near for near in _neighbours(spot, width, height)
            if mask[near] and distance[near] <= _GROUND_TOLERANCE
        )  # fmt: skip
    return mask


def _neighbours(spot: int, width: int, height: int) -> list[int]:
    x, y = spot % width, spot // width
    found = []
    if x > 0:
        found.append(spot - 1)
    if x < width - 1:
        found.append(spot + 1)
    if y > 0:
        found.append(spot - width)
    if y < height - 1:
        found.append(spot + width)
    return found


def _find_islands(mask: bytearray, size: tuple[int, int]) -> list[_Island]:
    width, height = size
    rest = bytearray(mask)
    islands = []
    for start in range(width * height):
        if not rest[start]:
            continue
        rest[start] = 0
        stack, spots = [start], []
        while stack:
            spot = stack.pop()
            spots.append(spot)
            for near in _neighbours(spot, width, height):
                if rest[near]:
                    rest[near] = 0
                    stack.append(near)
        islands.append(_make_island(spots, width, height))
    return sorted(islands, key=lambda island: island.area, reverse=True)


def _make_island(spots: Sequence[int], width: int, height: int) -> _Island:
    columns = [spot % width for spot in spots]
    canvas = bytearray(width * height)
    for spot in spots:
        canvas[spot] = 255
    return _Island(
        area=len(spots),
        left=min(columns),
        top=min(spots) // width,
        right=max(columns) + 1,
        bottom=max(spots) // width + 1,
        mask=bytes(canvas),
    )


def _pick_islands(islands: Sequence[_Island], size: tuple[int, int]) -> list[_Island]:
    """The whole figures of a sheet, or the one figure with the small parts that belong to it."""
    area = size[0] * size[1]
    if not islands or not 0.015 * area <= islands[0].area <= 0.93 * area:
        return []
    large = [island for island in islands if island.area >= 0.34 * islands[0].area]
    if len(large) > 1:
        tallest = max(island.height for island in large)
        # A close-up beside the figures is big but not tall.
        return [island for island in large if island.height >= 0.86 * tallest]
    main = islands[0]
    own = [main, *(part for part in islands[1:] if part.area > 3 and _is_inside(part, main))]
    return [_join(own, size)]


def _is_inside(part: _Island, main: _Island) -> bool:
    slack = 0.06 * max(main.height, main.right - main.left)
    return (
        part.left >= main.left - slack
        and part.right <= main.right + slack
        and part.top >= main.top - slack
        and part.bottom <= main.bottom + slack
    )


def _join(parts: Sequence[_Island], size: tuple[int, int]) -> _Island:
    mask = Image.frombytes("L", size, parts[0].mask)
    for part in parts[1:]:
        mask = ImageChops.lighter(mask, Image.frombytes("L", size, part.mask))
    return _Island(
        area=sum(part.area for part in parts),
        left=min(part.left for part in parts),
        top=min(part.top for part in parts),
        right=max(part.right for part in parts),
        bottom=max(part.bottom for part in parts),
        mask=mask.tobytes(),
    )


def _cut(
    image: Image.Image, probe: tuple[int, int], island: _Island, ground: Colour | None
) -> Image.Image:
    """The island at full size as RGBA, its rough probe mask refined by the distance in colour."""
    box = (max(0, island.left - 1), max(0, island.top - 1),
           min(probe[0], island.right + 1), min(probe[1], island.bottom + 1))  # fmt: skip
    scale_x, scale_y = image.width / probe[0], image.height / probe[1]
    crop = image.crop(
        (
            round(box[0] * scale_x),
            round(box[1] * scale_y),
            round(box[2] * scale_x),
            round(box[3] * scale_y),
        )
    )
    rough = Image.frombytes("L", probe, island.mask).crop(box)
    near = rough.filter(ImageFilter.MaxFilter(3)).resize(crop.size, Image.Resampling.BILINEAR)
    if ground is None or _has_alpha(image):
        alpha = ImageChops.multiply(crop.getchannel("A"), near.point([0] * 64 + [255] * 192))
    else:
        core = rough.filter(ImageFilter.MinFilter(3)).resize(crop.size, Image.Resampling.BILINEAR)
        red, green, blue = ImageChops.difference(
            crop.convert("RGB"), Image.new("RGB", crop.size, ground)
        ).split()
        fine = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        ramp = [min(255, max(0, (value - 5) * 22)) for value in range(256)]
        inner = core.point([0] * 160 + [255] * 96)
        outer = near.point([0] * 64 + [255] * 192)
        alpha = ImageChops.lighter(inner, ImageChops.multiply(fine.point(ramp), outer))
        if min(ground) < 244:
            # Gaps the flood cannot enter, as between arm and body. On a white ground they could
            # as well be white clothes, so there they stay.
            alpha = _open_gaps(alpha, fine)
    # One pixel less: the rim is mixed with the old ground and would glow on a dark one.
    crop.putalpha(alpha.filter(ImageFilter.MinFilter(3)))
    return crop


def _open_gaps(alpha: Image.Image, distance: Image.Image) -> Image.Image:
    """Clear enclosed patches of ground; thin lines stay, where two colours merely blend to it."""
    exact = distance.point([255] * 6 + [0] * 250)
    small = exact.reduce(2).point([0] * 200 + [255] * 56)
    patches = small.filter(ImageFilter.MinFilter(5)).filter(ImageFilter.MaxFilter(7))
    ramp = [min(255, max(0, (value - 5) * 28)) for value in range(256)]
    cleared = ImageChops.multiply(alpha, distance.point(ramp))
    return Image.composite(cleared, alpha, patches.resize(alpha.size, Image.Resampling.NEAREST))


def make_card(image: Image.Image | None, size: tuple[int, int], ground: Colour) -> Image.Image:
    """A framed print of an image that has no plain ground, or an empty one, RGBA of that size."""
    width, height = size
    rim = max(2, min(size) // 22)
    inner = (max(1, width - 2 * rim), max(1, height - 2 * rim))
    card = Image.new("RGB", size, (255, 253, 248))
    if image is not None:
        card.paste(image.resize(inner, Image.Resampling.BOX), (rim, rim))
    else:
        draw = ImageDraw.Draw(card)
        left, top, right, low = rim, rim, rim + inner[0], rim + inner[1]
        draw.rectangle((left, top, right, low), fill=ground)
        reach = min(inner) * 0.13
        spot = (left + inner[0] * 0.68, top + inner[1] * 0.3)
        draw.ellipse(
            (spot[0] - reach, spot[1] - reach, spot[0] + reach, spot[1] + reach),
            fill=(255, 253, 248),
        )
        draw.polygon(
            [
                (left, low),
                (left + inner[0] * 0.36, top + inner[1] * 0.48),
                (left + inner[0] * 0.6, top + inner[1] * 0.78),
                (left + inner[0] * 0.74, top + inner[1] * 0.62),
                (right, low),
            ],
            fill=(255, 253, 248),
        )
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, width - 1, height - 1), radius=rim * 1.6, fill=255
    )
    card.putalpha(mask)
    return card
