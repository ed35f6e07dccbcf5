"""Font faces at a size and weight: glyph coverage, measures, drawing, and filling of lines."""

import math
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont, features

from nbp_dagster.briefs.fonts import FontFile, FontPair, default_fonts
from nbp_dagster.briefs.languages import is_right_to_left
from nbp_dagster.studio.typography.letters.line_breaks import (
    SOFT_HYPHEN,
    ZERO_WIDTH_SPACE,
    Piece,
    divide_piece,
    has_free_breaks,
    split_text,
)

_BOLD: Final = 600  # weight from which the bold file serves, where each weight has its own
# Small type is drawn this much larger and reduced: glyphs put on whole pixels stand unevenly.
_SMALL: Final = 36  # pixels
_OVERSAMPLING: Final = 4
_UNSEEN: Final = {ord(SOFT_HYPHEN): None, ord(ZERO_WIDTH_SPACE): None}


class SizedFont:
    """A typeface at one size and weight, for one language; not shared between threads.

    Attributes:
        size: Pixels of the em.
        is_rtl: Whether its lines run from right to left.
    """

    def __init__(
        self, size: int, weight: int, *, language: str | None, fonts: FontPair | None = None
    ) -> None:
        self.size = size
        self.is_rtl = language is not None and is_right_to_left(language)
        self._scale = _OVERSAMPLING if size < _SMALL else 1
        pair = fonts or default_fonts()
        file = pair.bold if weight >= _BOLD else pair.regular
        self._font = ImageFont.truetype(str(file.path), size * self._scale, index=file.index)
        if file.axes:
            self._font.set_variation_by_axes(_choose_axes(file, size=size, weight=weight))
        self._language = language
        # Only Raqm chooses local shapes and directions; Pillow's own layout takes no language.
        self._raqm: dict[str, Any] = {}
        if language is not None and features.check("raqm"):
            self._raqm = {"language": language.replace("_", "-")}
            if self.is_rtl:
                self._raqm["direction"] = "rtl"
        self._widths: dict[str, float] = {}
        self._inks: dict[str, tuple[float, float, float, float]] = {}

    def measure(self, text: str) -> float:
        """Return how far one line advances, in pixels."""
        if text not in self._widths:
            self._widths[text] = self._font.getlength(text, **self._raqm) / self._scale
        return self._widths[text]

    def find_ink(self, text: str) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom of what is drawn, from the baseline's left end."""
        if text not in self._inks:
            left, top, right, bottom = self._font.getbbox(text, anchor="ls", **self._raqm)
            scale = self._scale
            self._inks[text] = left / scale, top / scale, right / scale, bottom / scale
        return self._inks[text]

    def draw(
        self, image: Image.Image, spot: tuple[float, float], text: str, fill: tuple[int, int, int]
    ) -> None:
        """Draw one line on an RGB picture; `spot` is the left end of its baseline."""
        if self._scale == 1:
            pen = ImageDraw.Draw(image)
            pen.text(spot, text, font=self._font, fill=fill, anchor="ls", **self._raqm)
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
            origin, text, font=self._font, fill=255, anchor="ls", **self._raqm
        )
        shape = mask.resize(size, Image.Resampling.BOX)
        image.paste(fill, (*corner, corner[0] + size[0], corner[1] + size[1]), shape)

    def break_lines(
        self, text: str, *, width: float, most: int, divide: bool = False
    ) -> tuple[str, ...] | None:
        """Break a text into as few lines as it needs, of lengths as even as can be.

        Args:
            text: One line of copy.
            width: Pixels a line may have.
            most: Lines at most.
            divide: Divide words that are wider than that, in Chinese and Japanese at any character.

        Returns:
            The lines, or None where a piece is wider than `width` or `most` lines are too few.
        """
        language = self._language or "en"
        pieces: Sequence[Piece] = split_text(text, by="word", language=language)
        if divide:
            pieces = self._divide(pieces, width)
        lines = self._balance(pieces, width, most)
        if not has_free_breaks(text):
            return lines
        if lines is None and divide:
            lines = self._balance(split_text(text), width, most)
        if lines is None:
            return None
        # Phrases stay whole where that takes no more lines.
        whole = self._balance(split_text(text, by="phrase"), width, len(lines))
        return whole or lines

    def _balance(self, pieces: Sequence[Piece], width: float, most: int) -> tuple[str, ...] | None:
        lines = self._fill(pieces, width)
        if lines is None or len(lines) > most:
            return None
        narrow, wide = 0.0, width
        while wide - narrow > 1:
            middle = (narrow + wide) / 2
            attempt = self._fill(pieces, middle)
            if attempt is None or len(attempt) > len(lines):
                narrow = middle
            else:
                wide, lines = middle, attempt
        return tuple(lines)

    def _divide(self, pieces: Sequence[Piece], width: float) -> list[Piece]:
        return [
            part
            for piece in pieces
            for part in (
                divide_piece(piece, self._language or "en")
                if self.measure(piece.text) > width
                else (piece,)
            )
        ]

    def _fill(self, pieces: Sequence[Piece], width: float) -> list[str] | None:
        """Fill line after line; a line that could end in a hyphen must have room for it."""
        lines: list[str] = []
        for place, piece in enumerate(pieces):
            following = pieces[place + 1].joint if place + 1 < len(pieces) else " "
            text = piece.text.translate(_UNSEEN)
            hyphen = "-" if following == "-" else ""
            if self.measure(text + hyphen) > width:
                return None
            joint = " " if piece.joint == " " else ""
            if lines and self.measure(f"{lines[-1]}{joint}{text}{hyphen}") <= width:
                lines[-1] += joint + text
                continue
            if lines and piece.joint == "-":
                lines[-1] += "-"
            lines.append(text)
        return lines


class Typeface:
    """A pair of fonts with the letter shapes of one language; not shared between threads.

    Args:
        language: Locale of the copy, such as `de` or `de_AT`.
        fonts: What to set it in; Inter by default.

    Example:
        >>> Typeface("de").find_missing("Grüße, 世界")
        '世界'
    """

    def __init__(self, language: str, fonts: FontPair | None = None) -> None:
        self.language = language
        self.fonts = fonts or default_fonts()
        self._sized: dict[tuple[int, int], SizedFont] = {}

    @property
    def name(self) -> str:
        """The fonts' names, for messages."""
        return self.fonts.name

    @property
    def is_rtl(self) -> bool:
        """Whether its lines run from right to left."""
        return is_right_to_left(self.language)

    def font(self, size: int, weight: int) -> SizedFont:
        """Return the face at a size in pixels and a weight from 100 to 900."""
        if (size, weight) not in self._sized:
            self._sized[size, weight] = SizedFont(
                size, weight, language=self.language, fonts=self.fonts
            )
        return self._sized[size, weight]

    def find_missing(self, text: str) -> str:
        """Return the characters of a text the face has no glyph for, each once, in order."""
        return self.fonts.find_missing(text)


def can_shape() -> bool:
    """Whether Pillow joins and orders letters as scripts other than European ones need it.

    Its wheels need the system's library FriBiDi for that.
    """
    return bool(features.check("raqm"))


def _choose_axes(file: FontFile, *, size: int, weight: int) -> list[float]:
    """Return the place on each axis: the weight, the optical size, and else the usual."""
    wanted = {"wght": weight, "opsz": size}
    return [
        min(max(wanted.get(tag, usual), least), most)
        for tag, (least, usual, most) in file.axes.items()
    ]
