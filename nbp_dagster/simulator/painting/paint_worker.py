"""Paints the picture of a job as a file, off the event loop; knows no HTTP and no jobs."""

import asyncio
import base64
import hashlib
import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal, Protocol

from PIL import Image, ImageDraw

from nbp_dagster.simulator.painting.edit_prompt import read_edit
from nbp_dagster.simulator.painting.picture_folder import PictureFolder
from nbp_dagster.simulator.painting.sizes import nearest_ratio, pixel_size

# How much narrower and lower, in pixels, a picture of the wrong size is.
WRONG_SIZE_LOSS = 64

_PLACEHOLDER_SIZE = 512


class Painter(Protocol):
    """Draws an RGB picture of exactly width x height pixels, the same for the same input.

    What is asked of a painter from outside; the simulator's own also knows takes and flaws.
    """

    def __call__(
        self, prompt: str, references: Sequence[bytes], *, width: int, height: int
    ) -> Image.Image: ...


@dataclass(frozen=True)
class InlinePicture:
    """A reference sent as a `data:` URI; the file holds the whole URI."""

    path: Path


@dataclass(frozen=True)
class StoredPicture:
    """A reference kept in one of the simulator's own repositories."""

    path: Path


@dataclass(frozen=True)
class UnknownPicture:
    """A reference elsewhere, which is never fetched: a figure made from its URL stands in."""

    url: str


@dataclass(frozen=True, kw_only=True)
class PaintOrder:
    """All that decides one picture.

    Attributes:
        ratio: An aspect ratio, or `auto` for that of the first reference.
        variant: 0 for the first picture of a request, 1 for the next of the same request.
        wrong_size: Whether the picture comes out smaller than asked for.
        flaws: What the painter gets wrong, by the names the fault script has for it.
    """

    prompt: str
    references: tuple["Source", ...]
    ratio: str
    resolution: str
    variant: int
    wrong_size: bool = False
    flaws: tuple[str, ...] = ()


Source = InlinePicture | StoredPicture | UnknownPicture | PaintOrder


@dataclass(frozen=True)
class Brush:
    """What pictures are made with.

    Attributes:
        painter: Draws the pictures; the simulator's own when None.
        plain: Whether the simulator's own paints one picture a size and no other, as PNG.
        file_type: What painted pictures are written as.
        pictures: Sent in place of painted ones; None paints.
        fonts: Folder of fonts for letters that Inter lacks, before those that are installed.
    """

    painter: Painter | None = None
    plain: bool = False
    file_type: Literal["png", "jpeg"] = "png"
    pictures: PictureFolder | None = None
    fonts: Path | None = None


class PaintWorker:
    """Paints pictures in a few threads and keeps none.

    Args:
        threads: Pictures painted at the same time.
        brush: What they are made with.
    """

    def __init__(self, threads: int, brush: Brush) -> None:
        self._brush = brush
        self._threads = threads
        self._pool: ThreadPoolExecutor | None = None
        self._painted = 0

    @property
    def painted(self) -> int:
        """How many pictures were painted."""
        return self._painted

    async def paint(self, order: PaintOrder) -> bytes:
        """Return the file of an order."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="worker")
        self._painted += 1
        loop = asyncio.get_running_loop()
        paint = partial(paint_order, order, self._brush)
        return await loop.run_in_executor(self._pool, paint)

    def close(self) -> None:
        """End the threads; orders not yet begun are dropped."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None


OWN_BRUSH: Final = Brush()


def paint_order(order: PaintOrder, brush: Brush = OWN_BRUSH) -> bytes:
    """Return the file of an order; the same order always gives the same bytes."""
    # Imported here: a server that is asked for models and jobs only has nothing to paint.
    from nbp_dagster.simulator.painting.painter import encode_jpeg, encode_png, paint
    from nbp_dagster.simulator.painting.plain_pictures import stamp_plain

    references = [_read_source(source, brush) for source in order.references]
    # A picture of the folder is edited as any other that the painter did not paint.
    if brush.pictures is not None and not (references and read_edit(order.prompt)):
        ratio = _settle_ratio(order.ratio, references)
        return brush.pictures.read(order.prompt, ratio=ratio, variant=order.variant)
    painter, encode = brush.painter, encode_jpeg if brush.file_type == "jpeg" else encode_png
    width, height = pixel_size(_settle_ratio(order.ratio, references), order.resolution)
    if order.wrong_size:
        width, height = width - WRONG_SIZE_LOSS, height - WRONG_SIZE_LOSS
    if painter is None and brush.plain:
        return stamp_plain(width, height, _name(order, references))
    if painter is None:
        flaws = frozenset(flaw.replace("_", "-") for flaw in order.flaws)
        image = paint(
            order.prompt,
            references,
            width=width,
            height=height,
            variant=order.variant + 1,
            faults=flaws,
            fonts=brush.fonts,
        )
        return encode(image)
    # A painter from outside has no other way to tell one take from the next.
    prompt = f"{order.prompt}\n(take {order.variant + 1})" if order.variant else order.prompt
    return encode(painter(prompt, references, width=width, height=height))


def decode_data_uri(uri: str) -> bytes:
    """Return the bytes of a base64 `data:` URI.

    Raises:
        ValueError: The URI is not base64 or not well formed.
    """
    head, comma, payload = uri.partition(",")
    if not comma or not head.endswith(";base64"):
        raise ValueError("not a base64 data URI")
    return base64.b64decode(payload, validate=True)


def _name(order: PaintOrder, references: Sequence[bytes]) -> str:
    """Return a digest that identifies an order."""
    parts = [f"{order.variant}\n{order.prompt}".encode(), *references]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _read_source(source: Source, brush: Brush) -> bytes:
    if isinstance(source, InlinePicture):
        return decode_data_uri(source.path.read_text(encoding="utf-8"))
    if isinstance(source, StoredPicture):
        return source.path.read_bytes()
    if isinstance(source, UnknownPicture):
        return _draw_placeholder(source.url)
    return paint_order(source, brush)


def _settle_ratio(ratio: str, references: Sequence[bytes]) -> str:
    if ratio != "auto" or not references:
        return ratio
    with Image.open(io.BytesIO(references[0])) as image:
        return nearest_ratio(*image.size)


def _draw_placeholder(url: str) -> bytes:
    """Return a PNG of a plain figure whose colours come from the URL's hash."""
    digest = hashlib.sha256(url.encode()).digest()
    backdrop, body, head = (tuple(digest[start : start + 3]) for start in (0, 3, 6))
    side = _PLACEHOLDER_SIZE
    image = Image.new("RGB", (side, side), backdrop)
    draw = ImageDraw.Draw(image)
    draw.ellipse((side * 0.2, side * 0.5, side * 0.8, side * 1.3), fill=body)
    draw.ellipse((side * 0.34, side * 0.18, side * 0.66, side * 0.5), fill=head)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
