"""Names the view each supplied image of a character shows, and digests the card they make together.

Must not know pixels: it works on file names and digests.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal
from urllib.parse import urlsplit

ViewKind = Literal["full figure", "three-quarter", "view", "face"]

# Raised when equal images would make another card: every character with a card is then bought anew.
CARD_LAYOUT = "1"

_ORDER: tuple[ViewKind, ...] = ("full figure", "three-quarter", "view", "face")
# Words of a file's name, in the order of the search: a `face_front` is a face.
_NAMED: Mapping[ViewKind, re.Pattern[str]] = {
    "face": re.compile(r"face|head|headshot|portrait|close_?up"),
    "three-quarter": re.compile(r"three_?quarters?|3_?4|34"),
    "full figure": re.compile(r"full|full_?body|figure|body|front|standing"),
}


@dataclass(frozen=True)
class View:
    """One supplied image of a character.

    Attributes:
        kind: What its file's name says it shows; "view" where the name has no such word.
        source: Path below the config folder, or https address.
        digest: SHA-256 of its bytes, as hex.
    """

    kind: ViewKind
    source: str
    digest: str


def name_view(source: str) -> ViewKind:
    """Return what the name of an image says it shows.

    Only the name counts: a crop of a figure never becomes a face by its pixels.

    Example:
        >>> name_view("brands/images/pip_face.png")
        'face'
    """
    path = urlsplit(source).path if "://" in source else source
    stem = posixpath.splitext(posixpath.basename(path))[0].lower()
    words = [word for word in re.split(r"[^a-z0-9]+", stem) if word]
    # A word by itself and with its neighbour: `three-quarter` is two words of a name.
    tokens = [*words, *("_".join(pair) for pair in pairwise(words))]
    for kind, pattern in _NAMED.items():
        if any(pattern.fullmatch(token) for token in tokens):
            return kind
    return "view"


def order_views(sources: Sequence[str], digests: Sequence[str]) -> tuple[View, ...]:
    """Return the views of a character as they stand on its card: figures first, faces last.

    Within a kind the order of the brief stays; an image named twice is one view.

    Args:
        sources: Where the images come from.
        digests: SHA-256 of each, as hex; as many as sources.
    """
    pairs = dict.fromkeys(zip(sources, digests, strict=True))
    views = [View(name_view(source), source, digest) for source, digest in pairs]
    return tuple(sorted(views, key=lambda view: _ORDER.index(view.kind)))


def hash_card(views: Sequence[View]) -> str:
    """Return what identifies the card of some views, as hex.

    That is the digests of the images, what each shows, their order and the layout's version, not
    the bytes of the card: those differ with the version of the library that draws and packs it.
    """
    content = {"layout": CARD_LAYOUT, "views": [[view.kind, view.digest] for view in views]}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
