"""Fonts of a brand's copy by locale, and the glyphs they have; must not draw.

A font is a file beside the brand's file, or a file of an installed wheel: `wheel:NAME` where the
wheel has one font, `wheel:NAME/FILE` where it has several. One face of a collection is chosen by
its number: `fonts/Noto.ttc#2`.
"""

import hashlib
import importlib.metadata
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

from nbp_dagster.briefs.images import UNREADABLE, is_address, locate_file, resolve_source
from nbp_dagster.briefs.languages import lineage_of
from nbp_dagster.yaml_source.problems import list_accepted

MAX_FONT_BYTES: Final = 64 * 1024 * 1024
DEFAULT_FONT: Final = "wheel:fontpkg-inter/Inter[opsz,wght].ttf"

_WHEEL: Final = "wheel:"
_SUFFIXES: Final = (".ttf", ".otf", ".ttc", ".otc")
_ACCEPTED: Final = f"accepted: a font file ({', '.join(_SUFFIXES)})"

_VARIANTS: Final = frozenset(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))

_Axes = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class FontFile:
    """One face of a font file.

    Attributes:
        source: The name in the brief; a path is relative to the config folder.
        path: Where the file lies.
        index: Number of the face in a collection; 0 in any other file.
        sha256: Hex digest of the file's bytes.
        axes: Least, usual and greatest value of each axis of a variable font, such as `wght`.
    """

    source: str
    path: Path
    index: int
    sha256: str
    axes: _Axes = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The file's name, for messages."""
        return self.source.rpartition("/")[2].removeprefix(_WHEEL)

    @property
    def has_weights(self) -> bool:
        """Whether one file serves every weight."""
        return "wght" in self.axes


@dataclass(frozen=True)
class FontPair:
    """The fonts a locale's copy is set in.

    Attributes:
        regular: For running text.
        bold: For headlines and buttons; may be the same.
    """

    regular: FontFile
    bold: FontFile

    @property
    def name(self) -> str:
        """Both names, for messages."""
        return " and ".join(dict.fromkeys((self.regular.name, self.bold.name)))

    @property
    def identity(self) -> tuple[str, ...]:
        """What tells this pair's glyphs from another's."""
        return tuple(f"{font.sha256}#{font.index}" for font in (self.regular, self.bold))

    def find_missing(self, text: str) -> str:
        """Return the characters of a text that either font has no glyph for, each once, in order.

        Characters that are not drawn, such as joiners, are never missing; a letter with its accent
        is there where both parts are.
        """
        known = _read_common(self)
        letters = dict.fromkeys(unicodedata.normalize("NFC", text))
        return "".join(letter for letter in letters if not _can_draw(letter, known))


def list_font_sources(fonts: object) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the key path below `fonts` and the text of every font that is named, as written."""
    for at, holder in _holders(fonts):
        for weight in ("regular", "bold"):
            if isinstance(holder.get(weight), str):
                yield (*at, weight), holder[weight]


def choose_fonts(fonts: object, locale: str, files: Mapping[str, FontFile]) -> FontPair | None:
    """Return the fonts of a locale's copy: its own, its language's, the brand's, or Inter.

    Args:
        fonts: The brand's `fonts` as written, valid or not.
        locale: Such as `ar` or `de_AT`.
        files: Every font that could be read, by its resolved source.

    Returns:
        The fonts; None where the brief names one that could not be read.
    """
    by_place = dict(_holders(fonts))
    own = (by_place.get(("locales", key)) for key in reversed(lineage_of(locale)))
    holder = next(filter(None, own), None) or by_place.get((), {})
    regular = holder.get("regular")
    if regular is None:
        return default_fonts()
    bold = holder.get("bold") or regular
    found = [files.get(resolve_source(name)) for name in (regular, bold) if isinstance(name, str)]
    if len(found) != 2 or found[0] is None or found[1] is None:
        return None
    return FontPair(found[0], found[1])


@cache
def default_fonts() -> FontPair:
    """Return Inter, which has Latin, Greek and Cyrillic letters in every weight."""
    font = read_font(DEFAULT_FONT, Path())
    if isinstance(font, str):
        raise RuntimeError(f"the package fontpkg-inter is damaged: {font}; install it again")
    return FontPair(font, font)


def read_font(source: str, root: Path) -> FontFile | str:
    """Read a font's face; returns why it may not be used otherwise.

    Args:
        source: As the brief has it: a path beside the brand's file, or `wheel:...`.
        root: The config folder.
    """
    name, _, number = source.partition("#")
    if number and not re.fullmatch(r"\d{1,3}", number):
        return "accepted after the #: the number of a face in the collection, from 0"
    if is_address(name) and not name.startswith(_WHEEL):
        return "accepted: a path beside the brand file or wheel:NAME"
    if name.startswith(_WHEEL):
        found = _find_in_wheel(name.removeprefix(_WHEEL))
    else:
        found = locate_file(name, root)
    if isinstance(found, str):
        return found
    return _read_face(resolve_source(source), found, int(number or 0))


@lru_cache(maxsize=64)
def _read_common(pair: FontPair) -> frozenset[int]:
    return read_characters(pair.regular) & read_characters(pair.bold)


@lru_cache(maxsize=64)
def read_characters(font: FontFile) -> frozenset[int]:
    """Return the code points a font has glyphs for."""
    # fontTools is imported where a font is opened: briefs without fonts of their own open none.
    from fontTools.ttLib import TTFont

    with TTFont(font.path, fontNumber=font.index, lazy=True) as face:
        return frozenset(face.getBestCmap() or ())


def _can_draw(character: str, known: frozenset[int]) -> bool:
    if ord(character) in known:
        return True
    # Cf: joiners and marks of direction; Zs: spaces of other widths, which need no glyph.
    if unicodedata.category(character) in ("Cf", "Zs") or character in _VARIANTS:
        return True
    parts = unicodedata.normalize("NFD", character)
    return len(parts) > 1 and all(ord(part) in known for part in parts)


def _holders(fonts: object) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Yield the key path and the mapping of each place that names a pair of fonts."""
    if not isinstance(fonts, Mapping):
        return
    yield (), fonts
    locales = fonts.get("locales")
    for locale, holder in locales.items() if isinstance(locales, Mapping) else ():
        if isinstance(holder, Mapping):
            yield ("locales", locale), holder


def _find_in_wheel(name: str) -> Path | str:
    """Return the font file of an installed wheel, or why there is none or which there are."""
    package, _, wanted = name.partition("/")
    try:
        distribution = importlib.metadata.distribution(package)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return f"no such package is installed; run pip install {package}, or name a font file"
    found = {
        file.name: Path(str(distribution.locate_file(file)))
        for file in distribution.files or ()
        if file.name.lower().endswith(_SUFFIXES)
    }
    if wanted in found:
        return found[wanted]
    if not wanted and len(found) == 1:
        return next(iter(found.values()))
    if not found:
        return f"the package {package} has no font; {_ACCEPTED}"
    return list_accepted([f"{_WHEEL}{package}/{file}" for file in sorted(found)], wanted=name)


@lru_cache(maxsize=64)
def _read_stamped(path: Path, index: int, stamp: tuple[int, int]) -> tuple[str, _Axes] | str:
    """Read a face once as long as its file stays the same."""
    if not path.name.lower().endswith(_SUFFIXES):
        return f"not a font; {_ACCEPTED}"
    if stamp[1] > MAX_FONT_BYTES:
        return f"{stamp[1]} bytes; accepted: at most {MAX_FONT_BYTES}"
    try:
        content = path.read_bytes()
    except OSError:
        return UNREADABLE
    from fontTools.ttLib import TTFont, TTLibFileIsCollectionError

    try:
        with TTFont(path, fontNumber=index, lazy=True) as face:
            if not face.getBestCmap():
                return "a font without a table of letters; use another"
            axes = {
                axis.axisTag: (axis.minValue, axis.defaultValue, axis.maxValue)
                for axis in (face["fvar"].axes if "fvar" in face else ())
            }
    except TTLibFileIsCollectionError as error:
        return f"a collection; accepted: {path.name}#0 and on, one of its faces ({error})"
    except Exception as error:  # noqa: BLE001 - a damaged font fails in any way there is
        return f"not a font that can be read ({type(error).__name__}: {error}); {_ACCEPTED}"
    return hashlib.sha256(content).hexdigest(), axes


def _read_face(source: str, path: Path, index: int) -> FontFile | str:
    try:
        real = path.resolve(strict=True)
        status = real.stat()
    except OSError:
        return UNREADABLE
    if not real.is_file():
        return f"not a file; {_ACCEPTED}"
    read = _read_stamped(real, index, (status.st_mtime_ns, status.st_size))
    if isinstance(read, str):
        return read
    return FontFile(source=source, path=path, index=index, sha256=read[0], axes=read[1])
