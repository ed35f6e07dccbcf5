"""The typeface lettering is set in: its glyphs, its measures, and how a text is broken into lines."""

from collections.abc import Sequence
from typing import Final

import fontpkg_inter
from PIL import ImageFont, features

_FILE: Final = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"
_OPTICAL_SIZES: Final = (14, 32)  # range of the file's `opsz` axis
_GLYPH_TEST_SIZE: Final = 24
_NO_CHARACTER: Final = chr(0x10FFFF)  # drawn as the sign for a missing glyph
# French sets these apart from their word by a space that must not end up at a line's start.
_SPACED_MARKS: Final = frozenset("!?:;»%€")


class Typeface:
    """Inter at any size and weight for one language; not shared between threads.

    Attributes:
        language: BCP 47 tag that chooses local letter shapes, or None where Pillow can't.
    """

    def __init__(self, language: str) -> None:
        tag = language.replace("_", "-")
        self.language = tag if features.check("raqm") else None
        self._fonts: dict[tuple[int, int], ImageFont.FreeTypeFont] = {}

    def font(self, size: int, weight: int) -> ImageFont.FreeTypeFont:
        """Return the face at a size in pixels and a weight from 100 to 900."""
        key = (size, weight)
        if key not in self._fonts:
            font = ImageFont.truetype(str(_FILE), size)
            least, most = _OPTICAL_SIZES
            font.set_variation_by_axes([min(max(size, least), most), weight])
            self._fonts[key] = font
        return self._fonts[key]

    def find_missing(self, text: str) -> str:
        """Return the characters of a text the face has no glyph for, each once, in order."""
        font = self.font(_GLYPH_TEST_SIZE, 400)
        absent = bytes(font.getmask(_NO_CHARACTER))
        found = dict.fromkeys(c for c in text if bytes(font.getmask(c)) == absent)
        return "".join(found)

    def measure(self, text: str, font: ImageFont.FreeTypeFont) -> float:
        """Return the width of one line in pixels."""
        return font.getlength(text, language=self.language)

    def break_lines(
        self, text: str, *, font: ImageFont.FreeTypeFont, width: float, most: int
    ) -> tuple[str, ...] | None:
        """Break a text into as few lines as it needs, of lengths as even as can be.

        Lines break at spaces only, never at a no-break space or before a spaced mark such as
        French sets.

        Returns:
            The lines, or None where a word is wider than `width` or `most` lines are too few.
        """
        words = _split_words(text)
        lines = self._fill(words, font=font, width=width)
        if lines is None or len(lines) > most:
            return None
        narrow, wide = 0.0, width
        while wide - narrow > 1:
            middle = (narrow + wide) / 2
            attempt = self._fill(words, font=font, width=middle)
            if attempt is None or len(attempt) > len(lines):
                narrow = middle
            else:
                wide, lines = middle, attempt
        return tuple(lines)

    def _fill(
        self, words: Sequence[str], *, font: ImageFont.FreeTypeFont, width: float
    ) -> list[str] | None:
        lines: list[str] = []
        for word in words:
            if self.measure(word, font) > width:
                return None
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.measure(longer, font) <= width:
                lines[-1] = longer
            else:
                lines.append(word)
        return lines


def _split_words(text: str) -> list[str]:
    words: list[str] = []
    for word in text.split(" "):
        if words and (set(word) <= _SPACED_MARKS or words[-1] == "«"):
            words[-1] = f"{words[-1]} {word}".rstrip(" ")
        elif word:
            words.append(word)
    return words
