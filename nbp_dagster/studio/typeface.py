"""The typeface lettering is set in: its glyphs and measures, and how a text breaks into lines."""

import math
from collections.abc import Sequence
from typing import Final

import fontpkg_inter
from PIL import Image, ImageDraw, ImageFont, features

_FILE: Final = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"
_OPTICAL_SIZES: Final = (14, 32)  # range of the file's `opsz` axis
_GLYPH_TEST_SIZE: Final = 24
_NO_CHARACTER: Final = chr(0x10FFFF)  # drawn as the sign for a missing glyph
# Small type is drawn this much larger and reduced: glyphs put on whole pixels stand unevenly.
_SMALL: Final = 36  # pixels
_OVERSAMPLING: Final = 4
# French sets these apart from their word by a space that must not end up at a line's start.
_SPACED_MARKS: Final = frozenset("!?:;»%€")


class Cut:
    """The typeface at one size and weight, for one language; not shared between threads.

    Attributes:
        size: Pixels of the em.
    """

    def __init__(self, size: int, weight: int, *, language: str | None) -> None:
        self.size = size
        self._scale = _OVERSAMPLING if size < _SMALL else 1
        self._font = ImageFont.truetype(str(_FILE), size * self._scale)
        least, most = _OPTICAL_SIZES
        self._font.set_variation_by_axes([min(max(size, least), most), weight])
        self._language = language
        self._widths: dict[str, float] = {}

    def measure(self, text: str) -> float:
        """Return how far one line advances, in pixels."""
        if text not in self._widths:
            length = self._font.getlength(text, language=self._language)
            self._widths[text] = length / self._scale
        return self._widths[text]

    def find_ink(self, text: str) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of what is drawn, from the baseline's left end."""
        left, top, right, bottom = self._font.getbbox(text, anchor="ls", language=self._language)
        scale = self._scale
        return left / scale, top / scale, right / scale, bottom / scale

    def draw(
        self, image: Image.Image, spot: tuple[float, float], text: str, fill: tuple[int, int, int]
    ) -> None:
        """Draw one line on an RGB picture; `spot` is the left end of its baseline."""
        if self._scale == 1:
            pen = ImageDraw.Draw(image)
            pen.text(spot, text, font=self._font, fill=fill, anchor="ls", language=self._language)
            return
        left, top, right, bottom = self.find_ink(text)
        corner = (math.floor(spot[0] + left), math.floor(spot[1] + top))
        size = (
            math.ceil(spot[0] + right) - corner[0] + 1,
            math.ceil(spot[1] + bottom) - corner[1] + 1,
        )
        mask = Image.new("L", (size[0] * self._scale, size[1] * self._scale))
        origin = ((spot[0] - corner[0]) * self._scale, (spot[1] - corner[1]) * self._scale)
        ImageDraw.Draw(mask).text(
            origin, text, font=self._font, fill=255, anchor="ls", language=self._language
        )
        shape = mask.resize(size, Image.Resampling.BOX)
        image.paste(fill, (*corner, corner[0] + size[0], corner[1] + size[1]), shape)

    def break_lines(self, text: str, *, width: float, most: int) -> tuple[str, ...] | None:
        """Break a text into as few lines as it needs, of lengths as even as can be.

        Lines break at spaces only, never at a no-break space or before a spaced mark such as
        French sets.

        Returns:
            The lines, or None where a word is wider than `width` or `most` lines are too few.
        """
        words = _split_words(text)
        lines = self._fill(words, width)
        if lines is None or len(lines) > most:
            return None
        narrow, wide = 0.0, width
        while wide - narrow > 1:
            middle = (narrow + wide) / 2
            attempt = self._fill(words, middle)
            if attempt is None or len(attempt) > len(lines):
                narrow = middle
            else:
                wide, lines = middle, attempt
        return tuple(lines)

    def _fill(self, words: Sequence[str], width: float) -> list[str] | None:
        lines: list[str] = []
        for word in words:
            if self.measure(word) > width:
                return None
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.measure(longer) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines


class Typeface:
    """Inter, with the letter shapes of one language; not shared between threads.

    Example:
        >>> Typeface("de").find_missing("Grüße, 世界")
        '世界'
    """

    def __init__(self, language: str) -> None:
        # Only Raqm chooses local shapes; Pillow's own layout refuses to be told a language.
        self._language = language.replace("_", "-") if features.check("raqm") else None
        self._cuts: dict[tuple[int, int], Cut] = {}

    def cut(self, size: int, weight: int) -> Cut:
        """Return the face at a size in pixels and a weight from 100 to 900."""
        if (size, weight) not in self._cuts:
            self._cuts[size, weight] = Cut(size, weight, language=self._language)
        return self._cuts[size, weight]

    def find_missing(self, text: str) -> str:
        """Return the characters of a text the face has no glyph for, each once, in order."""
        font = ImageFont.truetype(str(_FILE), _GLYPH_TEST_SIZE)
        absent = bytes(font.getmask(_NO_CHARACTER))
        return "".join(dict.fromkeys(c for c in text if bytes(font.getmask(c)) == absent))


def _split_words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.split(" "):
        if words and word and (set(word) <= _SPACED_MARKS or words[-1] == "«"):
            words[-1] = f"{words[-1]} {word}"
        elif word:
            words.append(word)
    return words
