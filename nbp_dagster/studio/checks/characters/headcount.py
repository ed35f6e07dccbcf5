"""Counts a picture's faces against those who are meant to be there; judges nobody's looks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.checks.characters.face_path import OTHER, SURE, FacePath, PictureFaces

_PROMINENT: Final = 0.5
"""Of the largest face's side: smaller ones are passers-by, whom a scene may have."""


@dataclass(frozen=True)
class Headcount:
    """Who is in a picture, as far as faces tell.

    Attributes:
        faces: How many prominent faces there are.
        strangers: How many more than are meant to be there, when one is like nobody's of the shot.
        twice: Ids of characters whom two faces or more are.
        missing: Ids of characters whom no face is, where there are fewer faces than characters.
        why_not: Why faces can't tell, in words; empty where they can.
    """

    faces: int
    strangers: int = 0
    twice: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    why_not: str = ""


def count_heads(path: FacePath, faces: PictureFaces, cast: Sequence[str]) -> Headcount:
    """Count a picture's faces.

    A character without a face on its sheet may be any face or none: it takes one that is nobody
    else's, and is never missing.

    Args:
        path: The faces of the characters' references.
        faces: The picture's.
        cast: Ids of the characters of the shot, in its order.
    """
    sure = [number for number, face in enumerate(faces.large) if face.score >= SURE]
    largest = max((faces.large[number].side for number in sure), default=0.0)
    shown = [number for number in sure if faces.large[number].side >= _PROMINENT * largest]
    known = {name: path.measure(name, faces) for name in cast if path.count(name)}
    if not shown:
        return Headcount(0, why_not="the faces are too small" if faces.small else "no face found")
    if not cast:
        return Headcount(len(shown), why_not="the shot has no character")
    nearest = {
        number: min(known, key=lambda name: known[name][number])
        for number in range(len(faces.large))
        if known
    }
    alike = Counter(name for number, name in nearest.items() if known[name][number] <= path.same)
    strange = [
        number
        for number in shown
        if not faces.large[number].is_hidden
        and all(distances[number] >= OTHER for distances in known.values())
    ]
    found = len(faces.large) + faces.small
    return Headcount(
        len(shown),
        strangers=max(0, min(len(strange), len(shown) - len(cast))),
        twice=tuple(name for name in cast if alike[name] > 1),
        missing=tuple(
            name
            for name, distances in known.items()
            if found < len(known) and min(distances, default=OTHER) >= OTHER
        ),
    )
