"""Decides which reference images a brief may use, by path and first bytes; must not decode.

A reference is a path beside the brief that stays inside the config folder, or an https address
of a public host. Addresses are judged by their text alone; nothing is resolved or fetched.
"""

import difflib
import posixpath
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.addresses import (
    find_path_fault,
    has_ambiguous_characters,
    has_user,
    is_public_name,
    split_url,
)
from nbp_dagster.file_kinds import DRAWN_KINDS, HEAD_BYTES, advise_conversion, describe_kind
from nbp_dagster.studio.storage.picture_identity import hash_formerly, hash_picture

BRANDS_FOLDER = "brands"
CAMPAIGNS_FOLDER = "campaigns"
MAX_REFERENCE_BYTES = 64 * 1024 * 1024  # the decoder's own limit
ACCEPTED = "a PNG, JPEG, WebP, TIFF, GIF, BMP, AVIF, HEIC or SVG file"
UNREADABLE = "cannot be read; check the file, its links and its permissions"

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_SHOT_ID = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class FileDigest:
    """A local reference.

    Attributes:
        path: Where it lies.
        sha256: SHA-256, as hex, of what decides its pixels.
        bytes: Size of the file.
        former_sha256: How it was identified before, the newest first; pictures are paid whose
            fingerprints hold these. As PNG, JPEG or WebP without metadata, and as a whole file.
    """

    path: Path
    sha256: str
    bytes: int
    former_sha256: tuple[str, str, str]


def is_address(source: str) -> bool:
    """Return whether a reference is an address rather than a path."""
    return bool(_SCHEME.match(source))


def is_shot_id(source: str) -> bool:
    """Return whether what a shot edits is another shot's picture: a path has a dot or a slash."""
    return bool(_SHOT_ID.fullmatch(source))


def resolve_source(source: str, folder: str = BRANDS_FOLDER) -> str:
    """Return a brief's reference as the rest of the package names it.

    A path beside the brief becomes a path below the config folder, with forward slashes: a brand's
    `images/logo.png` is `brands/images/logo.png`. An address stays as it is.

    Args:
        source: As the brief has it.
        folder: The folder of the brief.
    """
    if is_address(source):
        return source
    return posixpath.normpath(posixpath.join(folder, source))


def find_address_fault(url: str) -> str | None:
    """Return why an address may not be used, or None."""
    if not url.isascii() or has_ambiguous_characters(url):
        return "has characters an address may not have; percent-encode them"
    found = split_url(url)
    if found is None:
        return "not a valid address; accepted: https://host/path"
    parts, _ = found
    if parts.scheme.lower() != "https":
        return "accepted: a path beside the brief or an https address"
    if has_user(parts):
        return "an address with a user or password is not accepted; remove them"
    if not is_public_name(parts.hostname or ""):
        return "not a public host; accepted: an https address on the internet"
    return None


def read_reference(source: str, root: Path, folder: str = BRANDS_FOLDER) -> FileDigest | str:
    """Read a local reference.

    Args:
        source: The path as the brief has it, relative to the brief's folder.
        root: The config folder.
        folder: The folder of the brief.

    Returns:
        The file's digest, or why it may not be used.
    """
    path = locate_file(source, root, folder)
    if isinstance(path, str):
        return path
    try:
        return _read_file(path.resolve(strict=True), path)
    except OSError:
        return UNREADABLE


def locate_file(source: str, root: Path, folder: str = BRANDS_FOLDER) -> Path | str:
    """Return where a file that a brief names lies, or why it may not be used.

    Args:
        source: The path as the brief has it, relative to the brief's folder.
        root: The config folder, which the file must not leave.
        folder: The folder of the brief.
    """
    if "\\" in source:
        return "accepted: a path with forward slashes"
    key = resolve_source(source, folder)
    if posixpath.isabs(source) or key == ".." or key.startswith("../"):
        return "leaves the config folder; accepted: a path inside it, relative to the brief"
    fault = find_path_fault(key)
    if fault is not None:
        return fault
    try:
        # A folder that may not be entered is an error of `exists`, before Python 3.12.
        path = _find_spelled(root, key)
        if not path.exists():
            return f"no such file {key}{_suggest_file(path)}"
        inside = path.resolve(strict=True).is_relative_to(root.resolve(strict=True))
    except (OSError, RuntimeError):  # RuntimeError: a link in a circle, before Python 3.13
        return UNREADABLE
    return path if inside else "a link that leaves the config folder; copy the file into it"


def _find_spelled(root: Path, key: str) -> Path:
    """Return the path of a key, its names as the file system spells them.

    macOS writes the letters of a name decomposed (NFD) where keyboards give them composed (NFC);
    other systems, which such a folder is copied to, take the two for different names.
    """
    path = root / key
    if path.exists() or key.isascii():
        return path
    path = root
    for name in key.split("/"):
        path /= name
        if not path.exists() and path.parent.is_dir():
            wanted = unicodedata.normalize("NFC", name)
            same = (
                entry
                for entry in sorted(path.parent.iterdir())
                if unicodedata.normalize("NFC", entry.name) == wanted
            )
            path = next(same, path)
    return path


def _read_file(real: Path, path: Path) -> FileDigest | str:
    if not real.is_file():
        return f"not a file; accepted: {ACCEPTED}"
    size = real.stat().st_size
    if size > MAX_REFERENCE_BYTES:
        return f"{size} bytes; accepted: at most {MAX_REFERENCE_BYTES}"
    content = real.read_bytes()
    if not _is_picture(content[:HEAD_BYTES]):
        return _tell_kind(content[:HEAD_BYTES])
    return FileDigest(path, hash_picture(content), len(content), hash_formerly(content))


def _tell_kind(head: bytes) -> str:
    advice = advise_conversion(head)
    told = f"{describe_kind(head)}; accepted: {ACCEPTED}"
    return f"{told}; {advice}" if advice else told


def _is_picture(head: bytes) -> bool:
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    usual = webp or head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"))
    return usual or describe_kind(head) in DRAWN_KINDS


def _suggest_file(path: Path) -> str:
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""
