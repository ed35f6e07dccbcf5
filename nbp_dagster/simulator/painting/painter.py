"""Paints the pictures the simulator answers with: posters in flat shapes, the same for the same
request. Stands in for the image model; knows nothing of HTTP, jobs or prices."""

import hashlib
import io
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps

from nbp_dagster.simulator.painting.colour import (
    Colour,
    Palette,
    build_palette,
    find_hexes,
    shift_palette,
)
from nbp_dagster.simulator.painting.edit_prompt import read_edit
from nbp_dagster.simulator.painting.editing import EDIT_FAULTS, EditJob, paint_edit
from nbp_dagster.simulator.painting.figures.cast import Cast, gather_cast, traits_of
from nbp_dagster.simulator.painting.figures.cutout import decode_reference, prepare_reference
from nbp_dagster.simulator.painting.lettering.layout import Layout, plan_layout
from nbp_dagster.simulator.painting.lettering.panel import Inks, paint_calm, paint_panel, weaken
from nbp_dagster.simulator.painting.lettering.record import (
    INFO,
    LetteringRecord,
    jpeg_segments,
    png_chunk,
)
from nbp_dagster.simulator.painting.lettering.text import (
    Align,
    draw_block,
    draw_mark,
    draw_stray_text,
    misspell,
)
from nbp_dagster.simulator.painting.pen import Pen
from nbp_dagster.simulator.painting.places.scene import paint_scene
from nbp_dagster.simulator.painting.prompt import Reading, read_prompt
from nbp_dagster.simulator.painting.sheet import paint_sheet

FAULTS = frozenset(
    {
        "misspelt-headline",
        "missing-headline",
        "low-contrast",
        "stray-text",
        "off-palette",
        "other-character",
        "missing-character",
        "copy-paste",
        "missing-logo",
        *EDIT_FAULTS,
    }
)
# Longest side, in pixels, that is painted shape by shape; larger pictures are scaled up from it.
_ART_SIDE = 2048


@dataclass(frozen=True)
class _Job:
    """What one picture is made from."""

    reading: Reading
    references: Sequence[bytes]
    palette: Palette
    faults: frozenset[str]
    seed: int
    variant: int = 1

    def dice(self, part: str) -> random.Random:
        """Dice for one part, so that a change in one part leaves the others as they were."""
        return _throw(self.seed, part)


def paint(
    prompt: str,
    references: Sequence[bytes],
    *,
    width: int,
    height: int,
    variant: int = 1,
    faults: frozenset[str] = frozenset(),
    fonts: Path | None = None,
) -> Image.Image:
    """Paint one picture, RGB, exactly width x height pixels; equal arguments give equal pixels.

    Args:
        prompt: palette, scene, cast, copy and image labels are read from it.
        references: PNG, JPEG or WebP files in the order the prompt labels them; one that cannot
            be decoded is drawn as an empty print.
        width, height: pixels.
        variant: another number gives another composition of the same cast, and a sheet of a
            figure that differs in what the prompt leaves open.
        faults: names from `FAULTS`; each spoils the picture in the way it says.
        fonts: folder with fonts for letters that Inter lacks, before those that are installed.

    Raises:
        ValueError: a fault is not in `FAULTS`, or a side is below 1 pixel.
    """
    _check(width, height, faults)
    reading = _read(prompt, len(references), faults, fonts)
    edit = read_edit(prompt)
    if edit is not None and references:
        seed = _seed(prompt, references, variant)
        dice = partial(_throw, seed)
        return paint_edit(EditJob(edit, reading.copy, references[0], faults, dice), width, height)
    palette = _find_palette(prompt, reading, references)
    if "off-palette" in faults:
        palette = shift_palette(palette)
    seed = _seed(prompt, references, variant)
    job = _Job(reading, references, palette, faults, seed=seed, variant=variant)
    layout = plan_layout(reading, width, height, job.dice("layout"))
    cast = gather_cast(reading, references, palette, rng=job.dice("cast"), faults=faults)
    canvas, factor = _open_canvas(width, height)
    _paint_art(canvas, factor, job, layout=layout, cast=cast)
    inks = paint_panel(canvas, layout, palette=palette, factor=factor, rng=job.dice("panel"))
    image = _finish(canvas, width, height)
    if cast.logo is not None and "missing-logo" not in faults:
        _place_logo(image, cast.logo, layout, palette)
    if "stray-text" in faults:
        draw_stray_text(image, layout.view)
    draw_mark(image, *layout.mark)
    image.info[INFO] = _record(image, reading, layout, inks)
    _letter(image, reading, layout, inks=inks, faults=faults)
    return image


def _throw(seed: int, part: str) -> random.Random:
    return random.Random(f"{part}/{seed}")


def encode_png(image: Image.Image) -> bytes:
    """PNG bytes at the fastest compression that still shrinks."""
    stream = io.BytesIO()
    image.save(stream, "PNG", compress_level=1, pnginfo=png_chunk(image))
    return stream.getvalue()


def encode_jpeg(image: Image.Image) -> bytes:
    """JPEG bytes at the quality of the model's own files, about 95."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=95, extra=jpeg_segments(image))
    return stream.getvalue()


def _check(width: int, height: int, faults: frozenset[str]) -> None:
    unknown = faults - FAULTS
    if unknown:
        raise ValueError(f"unknown faults {sorted(unknown)}; accepted: {sorted(FAULTS)}")
    if width < 1 or height < 1:
        raise ValueError(f"cannot paint {width} x {height} pixels; both sides must be positive")


def _read(prompt: str, images: int, faults: frozenset[str], fonts: Path | None) -> Reading:
    reading = read_prompt(prompt, images)
    copy = replace(reading.copy, fonts=fonts)
    if "misspelt-headline" in faults and copy.headline:
        copy = replace(copy, headline=misspell(copy.headline))
    return replace(reading, copy=copy)


def _paint_art(
    canvas: Image.Image, factor: float, job: _Job, *, layout: Layout, cast: Cast
) -> None:
    """Paint all but copy, logo and mark: a sheet, a copied reference, or a scene with its cast."""
    reading = job.reading
    if reading.sheet:
        description = "\n".join(reading.people) or reading.scene
        paint_sheet(canvas, traits_of(description, job.palette, take=job.variant))
    elif "copy-paste" in job.faults and job.references:
        _paste_reference(canvas, job.references[0])
    else:
        paint_scene(
            canvas, reading, layout, cast=cast, palette=job.palette, factor=factor,
            rng=job.dice("scene"),
        )  # fmt: skip
        paint_calm(canvas, reading.quiet)


def _seed(prompt: str, references: Sequence[bytes], variant: int) -> int:
    """A seed that no process-dependent hash takes part in; the size is left out, so that one
    prompt is composed alike at 1K and 4K."""
    digest = hashlib.sha256(f"{variant}\n{prompt}".encode())
    for data in references:
        digest.update(hashlib.sha256(data).digest())
    return int.from_bytes(digest.digest()[:16], "big")


def _find_palette(prompt: str, reading: Reading, references: Sequence[bytes]) -> Palette:
    """The prompt's hex colours, else a palette reference's, else one that follows the prompt."""
    colours: tuple[Colour, ...] = find_hexes(prompt)
    if not colours:
        for label, data in zip(reading.labels, references, strict=True):
            if label.role == "palette":
                colours = prepare_reference(data).swatches
    return build_palette(colours, random.Random(_seed(reading.scene, (), 0)))


def _open_canvas(width: int, height: int) -> tuple[Image.Image, float]:
    """An empty canvas with room to smooth edges, and its pixels per output pixel."""
    longest = max(width, height)
    if longest <= 512:
        factor = 4.0
    elif longest <= 1400:
        factor = 2.0
    else:
        factor = min(1.5, _ART_SIDE * 1.5 / longest)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return Image.new("RGB", size), factor


def _finish(canvas: Image.Image, width: int, height: int) -> Image.Image:
    """Reduce the canvas to smooth its edges, then scale to the exact size."""
    longest = max(width, height)
    if longest > _ART_SIDE:
        scale = _ART_SIDE / longest
        art = canvas.resize(
            (max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.HAMMING
        )
        return art.resize((width, height), Image.Resampling.BICUBIC)
    if canvas.size == (width * 2, height * 2) or canvas.size == (width * 4, height * 4):
        return canvas.reduce(canvas.width // width)
    return canvas.resize((width, height), Image.Resampling.HAMMING)


def _letter(
    image: Image.Image, reading: Reading, layout: Layout, *, inks: Inks, faults: frozenset[str]
) -> None:
    if reading.copy.empty:
        return
    column = layout.column
    if "low-contrast" in faults:
        spot = image.getpixel((round(column.left), round(column.top)))
        if isinstance(spot, tuple):
            inks = weaken(inks, (int(spot[0]), int(spot[1]), int(spot[2])))
    draw_block(
        image, layout.block, left=column.left, top=column.top, width=column.width,
        align=_align_of(layout), colour=inks.text, pill=inks.pill,
        pill_text=inks.pill_text, skip_headline="missing-headline" in faults,
    )  # fmt: skip


def _record(image: Image.Image, reading: Reading, layout: Layout, inks: Inks) -> LetteringRecord:
    """What an edit needs to set other words on a picture that has none yet."""
    column = layout.column
    # Letters and buttons reach a little beyond their lines.
    pad = max((line.size for line in layout.block.lines), default=0.0)
    area = (
        max(0, round(column.left - pad)),
        max(0, round(column.top - pad)),
        min(image.width, max(1, round(column.right + pad))),
        min(image.height, max(1, round(column.bottom + pad))),
    )
    return LetteringRecord(
        size=image.size,
        copy=reading.copy,
        column=column,
        headline_size=layout.block.base,
        align=_align_of(layout),
        inks=inks,
        mark=layout.mark,
        corner=area[:2],
        ground=image.crop(area),
    )


def _align_of(layout: Layout) -> Align:
    return "left" if layout.mode == "side" else "centre"


def _place_logo(image: Image.Image, logo: Image.Image, layout: Layout, palette: Palette) -> None:
    """Put the logo into its corner on a small plate, whatever lies below."""
    box = layout.logo
    if box.width < 8 or box.height < 8:
        return
    scale = min(box.width * 0.84 / logo.width, box.height * 0.8 / logo.height)
    size = (max(1, round(logo.width * scale)), max(1, round(logo.height * scale)))
    small = logo.resize(size, Image.Resampling.LANCZOS)
    pad = round(min(box.width, box.height) * 0.1)
    plate = (size[0] + 2 * pad, size[1] + 2 * pad)
    left = round(box.right - plate[0] if layout.mode == "bare" else box.left)
    top = round(box.bottom - plate[1] if layout.mode in {"crown", "bare"} else box.top)
    pen = Pen(image, 1.0)
    pen.box(left, top, left + plate[0], top + plate[1], palette.light, radius=pad * 1.4)
    image.paste(small.convert("RGB"), (left + pad, top + pad), small.getchannel("A"))


def _paste_reference(canvas: Image.Image, data: bytes) -> None:
    """Fill the canvas with the reference itself, as a model does that only copies."""
    picture = decode_reference(data)
    if picture is None:
        return
    flat = Image.new("RGBA", picture.size, (240, 240, 240, 255))
    flat.alpha_composite(picture)
    canvas.paste(ImageOps.fit(flat.convert("RGB"), canvas.size, Image.Resampling.BICUBIC), (0, 0))
