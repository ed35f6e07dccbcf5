"""Edits a finished picture as the model does: other words in it, or what an instruction changes.

Pictures of this painter keep where their words stand and what is behind them; on any other picture
words are set on a plate over its lower part.
"""

import io
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image, ImageDraw, ImageOps

from nbp_dagster.simulator.painting.colour import INK, WHITE, Colour
from nbp_dagster.simulator.painting.edit_prompt import Change, EditReading, Shares
from nbp_dagster.simulator.painting.lettering.panel import Inks
from nbp_dagster.simulator.painting.lettering.record import INFO, LetteringRecord, read_record
from nbp_dagster.simulator.painting.lettering.text import draw_mark, draw_stray_text, mark_size
from nbp_dagster.simulator.painting.places.stage import Box
from nbp_dagster.simulator.painting.prompt import Copy

EDIT_FAULTS: Final = frozenset({"edit-changes-picture", "edit-keeps-old-words"})

_FORMATS: Final = ("PNG", "JPEG", "WEBP")
_MAX_PIXELS: Final = 50_000_000
# By how much width over height of two pictures of one shape may differ.
_SAME_SHAPE: Final = 0.01
_PLATE: Final = 0.3  # of the height
_MISSING: Final = (240, 240, 240)
_FLAKES: Final = 420
_TINTS: Final[dict[Change, tuple[Colour, float]]] = {
    "dusk": ((18, 22, 74), 0.5),
    "warmth": ((255, 164, 60), 0.32),
    "cold": ((90, 150, 235), 0.32),
    "snow": ((228, 236, 250), 0.3),
    "rain": ((70, 84, 104), 0.36),
    "leaves": ((214, 120, 40), 0.24),
}


@dataclass(frozen=True)
class EditJob:
    """What one edit is made from.

    Attributes:
        edit: What changes.
        copy: The words that stand in the picture afterwards.
        original: The file of the picture that is edited.
        faults: As in `painter.paint`.
        dice: Give chance a number for each part, the same for the same request.
    """

    edit: EditReading
    copy: Copy
    original: bytes
    faults: frozenset[str]
    dice: Callable[[str], random.Random]


def paint_edit(job: EditJob, width: int, height: int) -> Image.Image:
    """Edit a picture, RGB, exactly width x height pixels; equal arguments give equal pixels."""
    image, known = _open_original(job.original, width, height)
    if known is not None:
        known.erase(image)
    if job.edit.kind == "instruction":
        change = job.edit.choose_change(job.dice("change").randrange(1000))
        _change(image, change, job.edit.region, job.dice("spots"))
    if "edit-changes-picture" in job.faults:
        _redraw_elsewhere(image, known, job.dice("elsewhere"))
    place = known if known and not known.is_wordless else _plan_plate(image, known)
    if place is not known and not job.copy.empty:
        place.erase(image)
    _letter(image, place, job)
    if "stray-text" in job.faults:
        draw_stray_text(image, Box(0, 0, width, height))
    if known is None or job.edit.kind == "instruction":
        draw_mark(image, *place.mark)
    if place is known or not job.copy.empty:
        image.info[INFO] = replace(place, copy=job.copy)
    return image


def _open_original(
    data: bytes, width: int, height: int
) -> tuple[Image.Image, LetteringRecord | None]:
    """The picture at the size that is asked for, and its lettering where the file tells it."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
            if file.width * file.height > _MAX_PIXELS:
                raise ValueError("too many pixels")
            file.load()
            record, picture = read_record(file), ImageOps.exif_transpose(file)
            alpha = picture.convert("RGBA") if picture.has_transparency_data else None
            flat = Image.new("RGB", picture.size, _MISSING)
            flat.paste(picture.convert("RGB"), mask=alpha and alpha.getchannel("A"))
    # Pillow raises these for broken and for hostile files alike; see its decoders.
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError):
        return Image.new("RGB", (width, height), _MISSING), None
    if flat.size == (width, height):
        return flat, record
    is_same_shape = abs(flat.width / flat.height * height / width - 1) <= _SAME_SHAPE
    fitted = ImageOps.fit(flat, (width, height), Image.Resampling.LANCZOS)
    return fitted, record.scaled(width, height) if record and is_same_shape else None


def _letter(image: Image.Image, place: LetteringRecord, job: EditJob) -> None:
    if "edit-keeps-old-words" in job.faults and not place.copy.empty:
        place.draw_both(image, job.copy)
    elif not job.copy.empty:
        place.draw(image, job.copy)


def _change(image: Image.Image, change: Change, region: Shares | None, rng: random.Random) -> None:
    """Change a picture visibly, within a region where there is one."""
    area = _area_of(region or (0.0, 0.0, 1.0, 1.0), image)
    part = image.crop(area)
    if change in _TINTS:
        colour, strength = _TINTS[change]
        part = Image.blend(part, Image.new("RGB", part.size, colour), strength)
    draw = ImageDraw.Draw(part)
    size = min(part.size) / 100
    for _ in range(_FLAKES if change in ("snow", "rain", "leaves") else 0):
        x, y = rng.random() * part.width, rng.random() * part.height
        if change == "snow":
            radius = size * rng.uniform(0.3, 0.9)
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=WHITE)
        elif change == "rain":
            draw.line((x, y, x - size, y + size * 4), fill=(206, 220, 236), width=round(size / 4))
        else:
            wide, high = size * rng.uniform(0.6, 1.4), size * rng.uniform(0.4, 0.8)
            shade = rng.choice(((196, 86, 28), (228, 150, 40), (150, 52, 30)))
            draw.ellipse((x - wide, y - high, x + wide, y + high), fill=shade)
    if change == "balloon":
        _draw_balloon(part, 0.5, 0.3, 0.16 if region is None else 0.3)
    image.paste(part, area[:2])


def _redraw_elsewhere(
    image: Image.Image, record: LetteringRecord | None, rng: random.Random
) -> None:
    """Put something into the picture that nobody asked for, beside its words."""
    wide, high = image.size
    top = 0.0 if record is None else record.column.top / high
    # Words above have the scene below them.
    y = 0.3 if top > 0.4 else 0.68
    x = rng.uniform(0.3, 0.7)
    if record is not None and record.align == "left":
        x, y = (0.74 if record.column.left < wide * 0.4 else 0.26), 0.5
    _draw_balloon(image, x, y, 0.17)


def _draw_balloon(image: Image.Image, x: float, y: float, radius: float) -> None:
    """Draw a balloon about a spot in shares; its radius is a share of the shorter side."""
    size = radius * min(image.size)
    centre_x, centre_y = x * image.width, y * image.height
    draw = ImageDraw.Draw(image)
    string = (centre_x, centre_y + size, centre_x + size * 0.1, centre_y + size * 2)
    draw.line(string, fill=INK, width=max(1, round(size * 0.04)))
    reach = (centre_x - size * 0.85, centre_y - size, centre_x + size * 0.85, centre_y + size)
    draw.ellipse(reach, fill=(206, 32, 92))
    shine = (reach[0] + size * 0.3, reach[1] + size * 0.3, centre_x, centre_y - size * 0.2)
    draw.ellipse(shine, fill=(244, 150, 186))


def _plan_plate(image: Image.Image, known: LetteringRecord | None) -> LetteringRecord:
    """Where words go on a picture that has none, or whose lettering is not known."""
    wide, high = image.size
    margin = 0.07 * min(wide, high)
    top = round(high * (1 - _PLATE))
    mark = mark_size(wide, high)
    return LetteringRecord(
        size=image.size,
        copy=Copy(),
        column=Box(margin, top + margin * 0.6, wide - margin, high - margin),
        headline_size=min(wide * 0.1, high * _PLATE * 0.4),
        align="centre",
        inks=Inks(text=WHITE, pill=WHITE, pill_text=INK),
        mark=known.mark if known else (wide - margin * 0.6 - mark[0], margin * 0.6),
        corner=(0, top),
        ground=Image.new("RGB", (wide, high - top), INK),
    )


def _area_of(region: Shares, image: Image.Image) -> tuple[int, int, int, int]:
    left, top, right, bottom = region
    wide, high = image.size
    x, y = round(left * wide), round(top * high)
    return x, y, max(x + 1, round(right * wide)), max(y + 1, round(bottom * high))
