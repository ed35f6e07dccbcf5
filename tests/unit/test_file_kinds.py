"""Files that people have in place of a PNG: what they are, and how a picture is had of them."""

import base64
import io

import pytest
from PIL import Image

from nbp_dagster.file_kinds import advise_conversion, describe_kind


def saved(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 60)).save(out, kind, **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "advice"),
    [
        (saved("TIFF"), "a TIFF", None),
        (saved("TIFF", big_tiff=True), "a BigTIFF", None),
        (saved("BMP"), "a BMP", None),
        (saved("GIF"), "a GIF", None),
        (b"\0\0\0\x18ftypheic" + bytes(40), "a HEIC", None),
        (b"\0\0\0\x18ftypmif1" + bytes(40), "a HEIC", None),
        (b"\0\0\0\x18ftypisom" + bytes(40), "a video", "export one picture"),
        (b"RIFF\x24\0\0\0AVI LIST", "a video", "export one picture"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x86", "a video", "export one picture"),
        (b"\0\0\0\x18ftypcrx " + bytes(40), "a camera's raw file", "export it as JPEG"),
        (b"IIU\0\x18\0\0\0", "a camera's raw file", "export it as JPEG"),
        (b"IIRO\x08\0\0\0", "a camera's raw file", "export it as JPEG"),
        (b"FUJIFILMCCD-RAW 0201FF", "a camera's raw file", "export it as JPEG"),
        (b"\0\0\0\x18ftypavif" + bytes(40), "an AVIF", None),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "an SVG", None),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "an HTML page", "download the picture itself"),
        (b"8BPS\0\x01", "a Photoshop file", "export it as PNG"),
        (b"%PDF-1.7", "a PDF", "export the page as PNG"),
        (b"gimp xcf v011\0", "a GIMP file", "export it as PNG"),
        (b"\0\xffKA\x08\0\0\0", "an Affinity file", "export it as PNG"),
        (b"\x06\x06\xed\xf5\xd8\x1d\x46\xe5\xbd\x31", "an InDesign file", "export it as PNG"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16), "an Office document", "in it as PNG"),
        (saved("ICO"), "an icon", "save it as PNG"),
        (saved("ICNS"), "an icon", "save it as PNG"),
        (saved("QOI"), "a QOI", "save it as PNG"),
        (saved("DDS"), "a DDS", "save it as PNG"),
        (saved("JPEG2000"), "a JPEG 2000", "save it as PNG"),
        (saved("JPEG2000", no_jp2=True), "a JPEG 2000", "save it as PNG"),
        (b"\x76\x2f\x31\x01\x02\0\0\0", "an OpenEXR", "save it as PNG"),
        (b"#?RADIANCE\n", "a Radiance picture", "save it as PNG"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive", "unpack it"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive", "unpack it"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "a note of macOS about a file", "without ._"),
        (b"bplist00\xd1\x01\x02", "a shortcut or settings of macOS", "the picture itself"),
        (b"[InternetShortcut]\r\nURL=", "a shortcut to a web page", "download the picture"),
        (base64.b64encode(saved("PNG")), "a picture written as text", "decode it"),
        (base64.b64encode(saved("JPEG")), "a picture written as text", "decode it"),
        (b"data:image/png;base64,iVBOR", "a picture written as text", "decode it"),
        (b"PK\x03\x04", "a ZIP archive", "unpack it"),
        (b"", "nothing (0 bytes)", None),
        (bytes(64), "an unknown kind of data", None),
    ],
)
def test_a_file_that_is_no_picture_is_named_with_what_to_do(
    data: bytes, kind: str, advice: str | None
) -> None:
    assert describe_kind(data) == kind
    told = advise_conversion(data)
    assert (told is None) if advice is None else (told is not None and advice in told)
