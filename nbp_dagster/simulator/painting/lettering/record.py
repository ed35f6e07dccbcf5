"""What a painted file keeps of its lettering, so that an edit can set other words in its place.

A simulator is started anew for every run, and a later one is sent pictures of an earlier one: what
an edit needs to know travels in the picture's own file, in a private chunk of PNG or a segment of
JPEG. Where metadata was taken out of a file, its picture is one that the painter does not know.
"""

import io
import json
import zlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from PIL import Image, PngImagePlugin

from nbp_dagster.simulator.painting.lettering.panel import Inks
from nbp_dagster.simulator.painting.lettering.text import Align, draw_block, set_copy
from nbp_dagster.simulator.painting.places.stage import Box
from nbp_dagster.simulator.painting.prompt import Copy

INFO: Final = "lettering"
"""The key of a painted picture's `info` that holds its record."""

_CHUNK: Final = b"leTT"  # ancillary, private, lost where pixels are edited
_SEGMENT: Final = b"nbp-lettering\0"  # of APP9
_SEGMENT_BYTES: Final = 65_000
_ROUNDING: Final = 0.01  # pixels
# Whatever a file that is not ours makes of the parts of a record.
_ERRORS: Final = (
    zlib.error,
    KeyError,
    TypeError,
    ValueError,
    OSError,
    Image.DecompressionBombError,
)


@dataclass(frozen=True)
class LetteringRecord:
    """The lettering of one painted picture, in its pixels.

    Attributes:
        size: Width and height of the picture.
        copy: The words.
        column: The part of the picture they are set in.
        headline_size: Pixels of the headline as it was set, which no other wording exceeds.
        align: Where lines begin.
        inks: The colours.
        mark: Upper left corner of the SIMULATED pill.
        corner: Upper left corner of `ground`.
        ground: What the letters stand on, RGB.
    """

    size: tuple[int, int]
    copy: Copy
    column: Box
    headline_size: float
    align: Align
    inks: Inks
    mark: tuple[float, float]
    corner: tuple[int, int]
    ground: Image.Image

    @property
    def is_wordless(self) -> bool:
        """Whether the picture was painted without words, and has no place for any."""
        return self.column.width < 1

    def erase(self, image: Image.Image) -> None:
        """Take the words off a picture of this record's size."""
        image.paste(self.ground, self.corner)

    def draw(self, image: Image.Image, copy: Copy) -> None:
        """Set words where the record's own stood, in their size or a smaller one."""
        self._draw_in(image, copy, self.column)

    def draw_both(self, image: Image.Image, copy: Copy) -> None:
        """Set the record's own words in the upper half of their place, others in the lower."""
        left, top, right, bottom = asdict(self.column).values()
        middle = (top + bottom) / 2
        own = replace(self.copy, fonts=copy.fonts)
        self._draw_in(image, own, Box(left, top, right, middle))
        self._draw_in(image, copy, Box(left, middle, right, bottom))

    def _draw_in(self, image: Image.Image, copy: Copy, column: Box) -> None:
        block = set_copy(
            copy,
            width=column.width + _ROUNDING,
            height=column.height + _ROUNDING,
            headline_size=self.headline_size,
        )
        draw_block(
            image,
            block,
            left=column.left,
            top=column.top,
            width=column.width,
            align=self.align,
            colour=self.inks.text,
            pill=self.inks.pill,
            pill_text=self.inks.pill_text,
        )

    def scaled(self, width: int, height: int) -> "LetteringRecord":
        """Return the record of the same picture at another size, in pixels."""
        factor = width / self.size[0]
        reach = (self.ground.width * factor, self.ground.height * factor)
        size = (max(1, round(reach[0])), max(1, round(reach[1])))
        return replace(
            self,
            size=(width, height),
            column=self.column.scaled(factor),
            headline_size=self.headline_size * factor,
            mark=(self.mark[0] * factor, self.mark[1] * factor),
            corner=(round(self.corner[0] * factor), round(self.corner[1] * factor)),
            ground=self.ground.resize(size, Image.Resampling.LANCZOS),
        )

    def to_bytes(self, file_type: Literal["PNG", "JPEG"]) -> bytes:
        """Return the record as it is kept in a file of that type."""
        # Where fonts lie is the machine's own business, and nobody's who opens the picture.
        words = {name: text for name, text in asdict(self.copy).items() if name != "fonts"}
        facts = {
            "size": self.size,
            "copy": words,
            "column": asdict(self.column),
            "headline_size": self.headline_size,
            "align": self.align,
            "inks": asdict(self.inks),
            "mark": self.mark,
            "corner": self.corner,
        }
        stream = io.BytesIO()
        settings: dict[str, Any] = (
            {"compress_level": 1} if file_type == "PNG" else {"quality": 95, "subsampling": 0}
        )
        self.ground.save(stream, file_type, **settings)
        return zlib.compress(json.dumps(facts).encode(), 1) + stream.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "LetteringRecord":
        """Read what `to_bytes` returned.

        Raises:
            ValueError: It is something else.
        """
        try:
            # Bytes of the picture follow what was compressed.
            unpacked = zlib.decompressobj()
            facts = json.loads(unpacked.decompress(data, 1_000_000))
            with Image.open(io.BytesIO(unpacked.unused_data), formats=("PNG", "JPEG")) as ground:
                return cls._from_facts(facts, ground.convert("RGB"))
        except _ERRORS as error:
            raise ValueError(f"not a record of lettering: {error}") from error

    @classmethod
    def _from_facts(cls, facts: Any, ground: Image.Image) -> "LetteringRecord":
        width, height = facts["size"]
        left, top = facts["corner"]
        x, y = facts["mark"]
        record = cls(
            size=(width, height),
            copy=Copy(**facts["copy"]),
            column=Box(**facts["column"]),
            headline_size=float(facts["headline_size"]),
            align=facts["align"],
            inks=Inks(**{name: tuple(colour) for name, colour in facts["inks"].items()}),
            mark=(x, y),
            corner=(left, top),
            ground=ground,
        )
        record._require_inside()
        return record

    def _require_inside(self) -> None:
        """Raise ValueError for a place that lies outside the picture."""
        wide, high = self.size
        for value, most in (
            *((each, wide) for each in (self.column.left, self.column.right, self.mark[0])),
            *((each, high) for each in (self.column.top, self.column.bottom, self.mark[1])),
            (self.headline_size, max(wide, high)),
        ):
            # Not a number compares as false with everything.
            if not -1 <= value <= most + 1:
                raise ValueError(f"{value} pixels of a picture of {wide}x{high}")


def png_chunk(image: Image.Image) -> PngImagePlugin.PngInfo | None:
    """Return what a PNG of a painted picture has besides its pixels; None for nothing."""
    record = image.info.get(INFO)
    if not isinstance(record, LetteringRecord):
        return None
    info = PngImagePlugin.PngInfo()
    info.add(_CHUNK, record.to_bytes("PNG"))
    return info


def jpeg_segments(image: Image.Image) -> bytes:
    """Return the segments that a JPEG of a painted picture has besides its pixels."""
    record = image.info.get(INFO)
    if not isinstance(record, LetteringRecord):
        return b""
    data = record.to_bytes("JPEG")
    parts = (data[at : at + _SEGMENT_BYTES] for at in range(0, len(data), _SEGMENT_BYTES))
    return b"".join(
        b"\xff\xe9" + (len(_SEGMENT) + len(part) + 2).to_bytes(2, "big") + _SEGMENT + part
        for part in parts
    )


def read_record(image: Image.Image) -> LetteringRecord | None:
    """Return what an opened and loaded file keeps of its lettering; None for nothing."""
    chunks = [data for name, data, *_ in getattr(image, "private_chunks", ()) if name == _CHUNK]
    for name, data in getattr(image, "applist", ()):
        if name == "APP9" and data.startswith(_SEGMENT):
            chunks.append(data.removeprefix(_SEGMENT))
    try:
        record = LetteringRecord.from_bytes(b"".join(chunks)) if chunks else None
    except ValueError:
        return None
    return record if record is not None and record.size == image.size else None
