"""Chooses fonts by the letters a text has, and where it may be broken; draws nothing."""

import functools
from pathlib import Path
from typing import Final

import fontpkg_inter
from fontTools.ttLib import TTFont
from PIL import ImageFont

# Inter's file in the fontpkg-inter wheel; axes: optical size 14..32, weight 100..900.
_INTER: Final[Path] = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"
# For letters that Inter lacks, whichever of these the system has.
_SYSTEM: Final = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/YuGothB.ttc",
    "C:/Windows/Fonts/arialbd.ttf",
)
# What no line begins with, in Chinese and Japanese.
_NO_START: Final = frozenset(
    "、。，．！？：；・ー々」』）】〉》ゃゅょっゎぁぃぅぇぉャュョッァィゥェォ"
)


@functools.lru_cache(maxsize=512)
def choose_file(text: str) -> Path:
    """The first font file that has every letter of a text; Inter's where none has."""
    needed = {ord(char) for char in text if not char.isspace()}
    if needed <= _letters_of(_INTER):
        return _INTER
    files = (Path(name) for name in _SYSTEM)
    return next((file for file in files if needed <= _letters_of(file)), _INTER)


@functools.lru_cache(maxsize=64)
def load_font(file: Path, size: int, weight: int) -> ImageFont.FreeTypeFont:
    """A font at a size in pixels; the weight, 100 to 900, is Inter's alone to choose."""
    font = ImageFont.truetype(str(file), size)
    if file == _INTER:
        font.set_variation_by_axes([min(32, max(14, size)), weight])
    return font


def break_text(text: str) -> list[str]:
    """The pieces that a line may end after: words, and the characters of Chinese and Japanese."""
    pieces: list[str] = []
    for word in text.split():
        start = len(pieces)
        for char in word:
            is_inside = len(pieces) > start
            if is_inside and (char in _NO_START or not (_is_ideograph(char) or _ends(pieces[-1]))):
                pieces[-1] += char
            else:
                pieces.append(char)
    return pieces


def join_pieces(line: str, piece: str) -> str:
    """A line with one more piece: after a space, but in Chinese and Japanese."""
    return line + piece if _ends(line) and _is_ideograph(piece[0]) else f"{line} {piece}"


def _ends(text: str) -> bool:
    return _is_ideograph(text[-1]) or text[-1] in _NO_START


def _is_ideograph(char: str) -> bool:
    return "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff"


@functools.cache
def _letters_of(file: Path) -> frozenset[int]:
    if not file.is_file():
        return frozenset()
    with TTFont(file, fontNumber=0, lazy=True) as font:
        return frozenset(font.getBestCmap())
