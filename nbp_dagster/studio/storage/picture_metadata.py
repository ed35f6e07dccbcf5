"""Cuts what a picture file says about itself out of its bytes; must not decode a pixel.

A camera's place and time, an editor's name and a comment decide nothing about the picture: they do
not make it another one, and they are nobody's business. The pixels' bytes, the colour profile and
the way the picture is turned stay.
"""

import struct
import zlib
from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_NOTES = frozenset((b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf"))
# What else may be left out, and is not: it decides how the pixels look. Source: PNG, 11.3.
_PNG_DRAWN = frozenset(
    b"tRNS gAMA cHRM sRGB iCCP cICP mDCV cLLI sBIT bKGD pHYs hIST sPLT oFFs pCAL sCAL sTER acTL "
    b"fcTL fdAT".split()
)
_OPTIONAL = 0x20  # of a chunk's first letter: decoders may skip one that they do not know
_EXIF = b"Exif\0\0"
_TURNED = range(2, 9)  # EXIF orientations that are not upright
_ORIENTATION = 0x0112
_SHORT = 3  # a TIFF field type: 16 bits
_INTEGERS = {_SHORT: "H", 4: "I"}  # some programs write the orientation in 32 bits
_MOST_FIELDS = 1000
# JPEG markers. APP0 is JFIF, APP2 may be a colour profile, APP14 says how colours are coded.
_SOS, _EOI, _COMMENT = 0xDA, 0xD9, 0xFE
_APPLICATION = range(0xE0, 0xF0)
_WEBP_EXIF, _WEBP_XMP = 0x08, 0x04  # flags of VP8X
_WEBP_DRAWN = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"))


def strip_metadata(data: bytes) -> bytes:
    """Return a PNG, JPEG or WebP file without metadata.

    Of EXIF, the orientation stays where it turns the picture. What follows a JPEG's picture, such
    as a preview or a film, goes too, and so do content credentials and parts of programs' own. A
    file that is none of these, or whose parts do not fit together, comes back as it is: the decoder
    judges it.
    """
    return _strip(data, keeps_unknown=False)


def strip_known_metadata(data: bytes) -> bytes:
    """Return such a file as it was stripped before: with unknown parts of PNG and WebP.

    Pictures are paid that are identified so; see `picture_identity.hash_formerly`.
    """
    return _strip(data, keeps_unknown=True)


def _strip(data: bytes, *, keeps_unknown: bool) -> bytes:
    try:
        if data.startswith(_PNG):
            return _strip_png(data, keeps_unknown=keeps_unknown)
        if data.startswith(b"\xff\xd8\xff"):
            return _strip_jpeg(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _strip_webp(data, keeps_unknown=keeps_unknown)
    except (ValueError, IndexError, struct.error):
        return data
    return data


def _strip_png(data: bytes, *, keeps_unknown: bool) -> bytes:
    kept, turn = [_PNG], 1
    for kind, whole, body in _png_chunks(data):
        if kind == b"eXIf":
            turn = _read_orientation(body)
        elif kind not in _PNG_NOTES and (keeps_unknown or _is_drawn(kind)):
            kept.append(whole)
    if turn in _TURNED:
        body = b"eXIf" + _write_orientation(turn)
        # Behind the header, which is the first chunk.
        kept.insert(
            2, struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
        )
    return b"".join(kept)


def _is_drawn(kind: bytes) -> bool:
    return kind in _PNG_DRAWN or not kind[0] & _OPTIONAL


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield kind, whole chunk and body of each chunk up to the last."""
    at = len(_PNG)
    while True:
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            raise ValueError("cut off")
        kind = data[at + 4 : at + 8]
        yield kind, data[at:end], data[at + 8 : end - 4]
        if kind == b"IEND":
            return
        at = end


def _strip_jpeg(data: bytes) -> bytes:
    kept, at, turn = [data[:2]], 2, 1
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == _EOI:
            kept.append(data[at : at + 2])
            break
        (length,) = struct.unpack_from(">H", data, at + 2)
        end = at + 2 + length
        body = data[at + 4 : end]
        if len(body) != length - 2:
            raise ValueError("cut off")
        if marker == _SOS:
            end = _find_scan_end(data, end)
        if marker == 0xE1 and body.startswith(_EXIF) and turn == 1:
            turn = _read_orientation(body[len(_EXIF) :])
        if not _is_jpeg_note(marker, body):
            kept.append(data[at:end])
        at = end
    if turn in _TURNED:
        body = _EXIF + _write_orientation(turn)
        kept.insert(1, b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body)
    return b"".join(kept)


def _is_jpeg_note(marker: int, body: bytes) -> bool:
    if marker == 0xE2:
        return not body.startswith(b"ICC_PROFILE\0")
    return marker == _COMMENT or (marker in _APPLICATION and marker not in (0xE0, 0xEE))


def _find_scan_end(data: bytes, at: int) -> int:
    """Return where the marker behind a scan's coded pixels begins."""
    while True:
        at = data.index(b"\xff", at)
        following = data[at + 1]
        if following == 0 or 0xD0 <= following <= 0xD7:  # a coded 0xFF, or a restart
            at += 2
        elif following == 0xFF:
            at += 1
        else:
            return at


def _strip_webp(data: bytes, *, keeps_unknown: bool) -> bytes:
    end = 8 + struct.unpack_from("<I", data, 4)[0]
    chunks: list[tuple[bytes, bytes]] = []
    turn, at = 1, 12
    while at + 8 <= min(end, len(data)):
        kind, (length,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        body = data[at + 8 : at + 8 + length]
        if len(body) != length:
            raise ValueError("cut off")
        if kind == b"EXIF":
            turn = _read_orientation(body.removeprefix(_EXIF))
        elif kind != b"XMP " and (keeps_unknown or kind in _WEBP_DRAWN):
            chunks.append((kind, body))
        at += 8 + length + length % 2
    if turn in _TURNED:
        chunks.append((b"EXIF", _write_orientation(turn)))
    kinds = [kind for kind, _ in chunks]
    if kinds in ([b"VP8X", b"VP8 "], [b"VP8X", b"VP8L"]):
        # The head of the extended format is there for what was cut: programs add it with that.
        chunks = chunks[1:]
    rest = b"".join(_webp_chunk(kind, body, turned=turn in _TURNED) for kind, body in chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(rest)) + b"WEBP" + rest


def _webp_chunk(kind: bytes, body: bytes, *, turned: bool) -> bytes:
    if kind == b"VP8X":
        flags = body[0] & ~(_WEBP_EXIF | _WEBP_XMP) | (_WEBP_EXIF if turned else 0)
        body = bytes([flags]) + body[1:]
    return kind + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _read_orientation(exif: bytes) -> int:
    """Return the EXIF orientation of a TIFF block; 1, upright, where it has none."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for number in range(min(count, _MOST_FIELDS)):
            at = start + 2 + 12 * number
            tag, kind = struct.unpack_from(f"{order}HH", exif, at)
            if tag == _ORIENTATION and kind in _INTEGERS:
                return int(struct.unpack_from(f"{order}{_INTEGERS[kind]}", exif, at + 8)[0])
    except struct.error:
        return 1
    return 1


def _write_orientation(turn: int) -> bytes:
    return struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, _ORIENTATION, _SHORT, 1, turn, 0, 0)
