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
    (b"II+\0", "a BigTIFF"),
    (b"MM\0+", "a BigTIFF"),
    # Cameras: Panasonic, Olympus, Fujifilm, Sigma, Minolta. Others write a TIFF.
    (b"IIU\0", "a camera's raw file"),
    (b"IIRO", "a camera's raw file"),
    (b"IIRS", "a camera's raw file"),
    (b"MMOR", "a camera's raw file"),
    (b"FUJIFILMCCD-RAW", "a camera's raw file"),
    (b"FOVb", "a camera's raw file"),
    (b"\0MRM", "a camera's raw file"),
    (b"8BPS", "a Photoshop file"),
    (b"%!PS", "a PostScript file"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file"),
    (b"%PDF", "a PDF"),
    (b"gimp xcf", "a GIMP file"),
    (b"\0\xffKA", "an Affinity file"),
    (b"\x06\x06\xed\xf5\xd8\x1d\x46\xe5", "an InDesign file"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    # What macOS keeps of a file on disks of other systems. Source: RFC 1740, AppleDouble.
    (b"\0\x05\x16\x07", "a note of macOS about a file"),
    (b"bplist00", "a shortcut or settings of macOS"),
    (b"[InternetShortcut]", "a shortcut to a web page"),
    (b"\0\0\x01\0", "an icon"),
    (b"icns", "an icon"),
    (b"qoif", "a QOI"),
    (b"DDS ", "a DDS"),
    (b"\x76\x2f\x31\x01", "an OpenEXR"),
    (b"#?RADIANCE", "a Radiance picture"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"data:image/", "a picture written as text"),
    (b"iVBORw0KGgo", "a picture written as text"),
    (b"/9j/", "a picture written as text"),
    (b"version https://git-lfs.github.com/", "a Git LFS pointer"),
)
# Brands of the ISO base media file format. Source: ISO/IEC 23008-12 (HEIF).
_HEIC: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")

DRAWN_KINDS: Final = frozenset(
    ("a TIFF", "a BigTIFF", "a GIF", "a BMP", "an AVIF", "a HEIC", "an SVG")
)
"""Kinds that a reference may have beside the accepted ones: they are drawn as PNG for models."""

_SAVE = "open it in an image editor and save it as PNG"
_EXPORT = "export it as PNG"
_UNPACK = "unpack it, and name the picture inside"
_ADVICE: Mapping[str, str] = {
    "a camera's raw file": "export it as JPEG",
    "a Photoshop file": _EXPORT,
    "a PostScript file": _EXPORT,
    "a GIMP file": _EXPORT,
    "an Affinity file": _EXPORT,
    "an InDesign file": _EXPORT,
    "an Office document": "save the picture in it as PNG, and name that",
    "a PDF": "export the page as PNG",
    "an icon": _SAVE,
    "a JPEG XL": _SAVE,
    "a JPEG 2000": _SAVE,
    "a QOI": _SAVE,
    "a DDS": _SAVE,
    "an OpenEXR": _SAVE,
    "a Radiance picture": _SAVE,
    "a video": "export one picture of it as PNG",
    "a ZIP archive": _UNPACK,
    "gzip data": _UNPACK,
    "a RAR archive": _UNPACK,
    "a 7z archive": _UNPACK,
    "a note of macOS about a file": "name the file without ._ at its start",
    "a shortcut or settings of macOS": "name the picture itself",
    "a shortcut to a web page": "download the picture itself",
    "a picture written as text": "decode it (base64) and save the picture itself",
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
    if data.startswith(b"RIFF") and data[8:12] == b"AVI ":
        return "a video"
    return _describe_text(data[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower())


def advise_conversion(data: bytes) -> str | None:
    """Return how an accepted picture is had in place of some bytes, where that is known."""
    return _ADVICE.get(describe_kind(data))


def _describe_media(brands: bytes) -> str:
    if b"avi" in brands:
        return "an AVIF"
    if brands.startswith(b"crx "):  # Canon's CR3
        return "a camera's raw file"
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
