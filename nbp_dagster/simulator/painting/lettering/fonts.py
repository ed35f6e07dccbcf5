"""Finds a font that has the letters of a text: Inter, else one given or installed; sets no type."""

import functools
import importlib.util
import pkgutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import fontpkg_inter
from fontTools.ttLib import TTCollection, TTFont, TTLibError

INTER: Final[Path] = fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"

_SUFFIXES: Final = frozenset({".ttf", ".otf", ".ttc"})
# Where Linux, macOS and Windows keep fonts.
_INSTALLED: Final = (
    "/usr/local/share/fonts",
    "/usr/share/fonts",
    "/Library/Fonts",
    "/System/Library/Fonts",
    "C:/Windows/Fonts",
)
# Words of a file's name; the letters of such a font are drawn where no plainer one has them.
_FANCY: Final = (
    "mono",
    "condensed",
    "italic",
    "oblique",
    "light",
    "thin",
    "black",
    "math",
    "serif",
)
# Fonts that are looked into; each takes some milliseconds, once a process.
_MOST_FONTS: Final = 1000


@functools.lru_cache(maxsize=256)
def find_font_file(text: str, folder: Path | None = None) -> Path:
    """Return the font that a text is drawn in: Inter, where it has every letter.

    Else the first that has every letter, of the folder's fonts, of those in installed `fontpkg`
    wheels, and of the machine's own; else the one that lacks fewest, Inter before the others. The
    same text gives the same font on one machine.

    Args:
        text: One part of the copy.
        folder: Looked through before what is installed, at any depth; None has none.
    """
    needed = frozenset(map(ord, filter(_is_drawn, text)))
    best, fewest = INTER, len(needed - _letters(INTER))
    for path in _candidates(folder) if fewest else ():
        lacking = len(needed - _letters(path))
        if lacking < fewest:
            best, fewest = path, lacking
        if not fewest:
            break
    return best


def runs_right_to_left(text: str) -> bool:
    """Return whether the first letter with a direction is one of a script like Arabic."""
    for letter in text:
        direction = unicodedata.bidirectional(letter)
        if direction in ("L", "R", "AL"):
            return direction != "L"
    return False


def _is_drawn(letter: str) -> bool:
    """Whether a font must have it: neither space nor a mark without a width."""
    return not letter.isspace() and unicodedata.category(letter) not in ("Cc", "Cf")


def _candidates(folder: Path | None) -> tuple[Path, ...]:
    given = () if folder is None else _list_fonts((folder,))
    return (*given, *_installed_fonts())[:_MOST_FONTS]


@functools.cache
def _installed_fonts() -> tuple[Path, ...]:
    own = (Path.home() / ".local" / "share" / "fonts", Path.home() / "Library" / "Fonts")
    places = (*map(Path, _INSTALLED), *own)
    return (*_list_fonts(tuple(_list_wheels())), *_list_fonts(places))


def _list_wheels() -> Iterator[Path]:
    """Folders of the font wheels that are installed, found without importing them."""
    for module in pkgutil.iter_modules():
        if module.name.startswith("fontpkg_"):
            spec = importlib.util.find_spec(module.name)
            yield from map(Path, (spec and spec.submodule_search_locations) or ())


def _list_fonts(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Font files of the folders, plain ones first."""
    found = (
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.rglob("*")
        if path.suffix.lower() in _SUFFIXES and path.is_file()
    )
    return tuple(sorted(found, key=lambda path: (_fanciness(path), str(path))))


def _fanciness(path: Path) -> int:
    name = path.stem.lower()
    return sum(word in name for word in _FANCY) + ("bold" in name)


@functools.lru_cache(maxsize=_MOST_FONTS)
def _letters(path: Path) -> frozenset[int]:
    """The letters of a font, of the first in a collection; none where its file can't be read."""
    try:
        if path.suffix.lower() == ".ttc":
            with TTCollection(str(path), lazy=True) as collection:
                return frozenset(collection.fonts[0].getBestCmap() or ())
        with TTFont(str(path), lazy=True) as font:
            return frozenset(font.getBestCmap() or ())
    # What is no font, or a damaged one, is passed over: it is somebody's folder.
    except (TTLibError, OSError, ValueError, KeyError, AssertionError):
        return frozenset()
