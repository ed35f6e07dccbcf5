"""What a file is that is no accepted picture, by its first bytes, and how to make one of it."""

from collections.abc import Mapping
from typing import Final

HEAD_BYTES: Final = 512
"""First bytes that are enough to tell."""

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"II*\0", "a TIFF"),
    (b"MM\0*", "a TIFF"),
    (b"8BPS", "a Photoshop file"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\0\0\x01\0", "an icon"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"version https://git-lfs.github.com/", "a Git LFS pointer"),
)
# Brands of the ISO base media file format. Source: ISO/IEC 23008-12 (HEIF).
_HEIC: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

DRAWN_KINDS: Final = frozenset(("a TIFF", "a GIF", "a BMP", "an AVIF", "a HEIC", "an SVG"))
"""Kinds that a reference may have beside the accepted ones: they are drawn as PNG for models."""

_SAVE = "open it in an image editor and save it as PNG"
_ADVICE: Mapping[str, str] = {
    "a Photoshop file": "export it as PNG",
    "a PostScript file": "export it as PNG",
    "a PDF": "export the page as PNG",
    "an icon": _SAVE,
    "a JPEG XL": _SAVE,
    "a JPEG 2000": _SAVE,
    "a ZIP archive": "unpack it, and name the picture inside",
    "gzip data": "unpack it, and name the picture inside",
    "a Git LFS pointer": "the picture itself is not here yet; run `git lfs pull`",
    "an HTML page": "a page was saved in place of the picture; download the picture itself",
}


def describe_kind(data: bytes) -> str:
    """Return what some bytes are in a few words, such as "a TIFF"; the first 512 are enough."""
    if not data:
        return "nothing (0 bytes)"
    for start, name in _STARTS:
        if data.startswith(start):
            return name
    if data[4:8] == b"ftyp":
        return _describe_media(data[8:32])
    return _describe_text(data[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower())


def advise_conversion(data: bytes) -> str | None:
    """Return how an accepted picture is had in place of some bytes, where that is known."""
    return _ADVICE.get(describe_kind(data))


def _describe_media(brands: bytes) -> str:
    if b"avi" in brands:
        return "an AVIF"
    return "a HEIC" if brands.startswith(_HEIC) else "a video"


def _describe_text(head: bytes) -> str:
    if head.startswith((b"{", b"[")):
        return "a JSON document"
    if b"<svg" in head:
        return "an SVG"
    if head.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "an HTML page"
    if head.startswith(b"<"):
        return "an XML document"
    return "an unknown kind of data"
