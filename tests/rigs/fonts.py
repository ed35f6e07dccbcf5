"""Fonts for scripts that Inter lacks, where this machine has them; tests without them say so."""

from pathlib import Path

import pytest

from nbp_dagster.briefs.fonts import FontFile, FontPair, read_font

ARABIC = "wheel:fontpkg-noto-sans-arabic"
_DEBIAN = Path("/usr/share/fonts/truetype")
# What `make fonts` installs; each has the letters and the marks of its script.
HEBREW = _DEBIAN / "dejavu" / "DejaVuSans.ttf"
CHINESE = _DEBIAN / "droid" / "DroidSansFallbackFull.ttf"


def arabic_fonts() -> FontPair:
    """Return Noto Sans Arabic, of the wheel among the development dependencies."""
    return _pair(read_font(ARABIC, Path()))


def debian_fonts(path: Path) -> FontPair:
    """Return one of the fonts above; skips the test where it is not installed."""
    if not path.exists():
        pytest.skip(f"no {path.name} here: run make fonts")
    # A config folder in which the font's own folder stands where the brands' would.
    return _pair(read_font(f"../{path.parent.name}/{path.name}", path.parent.parent))


def _pair(font: FontFile | str) -> FontPair:
    assert isinstance(font, FontFile), font
    return FontPair(font, font)
