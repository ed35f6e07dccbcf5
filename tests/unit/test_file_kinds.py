"""Files that people have in place of a PNG: what they are, and how a picture is had of them."""

import io

import pytest
from PIL import Image

from nbp_dagster.file_kinds import advise_conversion, describe_kind


def saved(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), (200, 30, 60)).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "advice"),
    [
        (saved("TIFF"), "a TIFF", None),
        (saved("BMP"), "a BMP", None),
        (saved("GIF"), "a GIF", None),
        (b"\0\0\0\x18ftypheic" + bytes(40), "a HEIC", None),
        (b"\0\0\0\x18ftypmif1" + bytes(40), "a HEIC", None),
        (b"\0\0\0\x18ftypisom" + bytes(40), "a video", None),
        (b"\0\0\0\x18ftypavif" + bytes(40), "an AVIF", None),
        (b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "an SVG", None),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "an HTML page", "download the picture itself"),
        (b"8BPS\0\x01", "a Photoshop file", "export it as PNG"),
        (b"%PDF-1.7", "a PDF", "export the page as PNG"),
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
