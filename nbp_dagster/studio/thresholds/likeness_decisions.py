"""Which originals people's decisions say something of, about a character's likeness; pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from nbp_dagster.studio.provenance.picture_index import KnownPicture
from nbp_dagster.studio.review.decision_log import Decision

LIKENESS: Final = "cross_similarity"
"""The check whose fault a rejection names that is about a character's likeness."""

# Reasons to leave a decided picture out, in words.
_WITHOUT_CAST: Final = "their shot has no character, or is gone from its brief"
_UNKNOWN: Final = "their original is not known"
_SIMULATED: Final = "simulated: they say nothing of the model's pictures"
_OLD: Final = "made for an earlier brief or sheet"
_SEVERAL: Final = "rejected for a character where the shot has several: which one is not said"
_BOTH: Final = "decided both ways in different channels"


@dataclass(frozen=True)
class DecidedOriginal:
    """An original that people approved, or rejected as unlike a character's sheet.

    Attributes:
        sha256: Digest of its bytes, hex.
        cast: Ids of its shot's characters: all of them where it was approved, one else.
        is_like: Whether it was approved.
    """

    prompt_key: str
    sha256: str
    cast: tuple[str, ...]
    is_like: bool


@dataclass(frozen=True)
class LikenessDecisions:
    """The decided originals, and how many were left out, by the reason in words."""

    originals: tuple[DecidedOriginal, ...]
    left_out: Mapping[str, int]


def gather_decisions(
    decisions: Iterable[Decision],
    *,
    casts: Mapping[str, tuple[str, ...]],
    find_files: Callable[[str], Iterable[KnownPicture]],
    is_present: Callable[[KnownPicture], bool],
) -> LikenessDecisions:
    """Return the originals whose likeness people decided about.

    An original counts once, however many channels it was decided for. A rejection for anything but
    likeness says nothing of it.

    Args:
        decisions: The standing one about each file.
        casts: The characters of each prompt's shot, by prompt key.
        find_files: Returns every file ever made for a prompt.
        is_present: Whether a picture is of its prompt's present request: the sheets of another one
            may show another character.
    """
    left_out: Counter[str] = Counter()
    verdicts: dict[tuple[str, str], set[bool]] = {}
    files: dict[str, tuple[KnownPicture, ...]] = {}
    for row in decisions:
        if row.verdict != "approved" and not (row.verdict == "rejected" and row.fault == LIKENESS):
            continue
        key = row.place.prompt_key
        if not casts.get(key):
            left_out[_WITHOUT_CAST] += 1
            continue
        if key not in files:
            files[key] = tuple(find_files(key))
        original = _find_original(files[key], row.place.sha256)
        reason = _judge(original, is_present)
        if original is None or reason:
            left_out[reason] += 1
            continue
        verdicts.setdefault((key, original.sha256), set()).add(row.verdict == "approved")
    originals = []
    for (key, digest), said in verdicts.items():
        is_like = said == {True}
        if len(said) > 1:
            left_out[_BOTH] += 1
        elif not is_like and len(casts[key]) > 1:
            left_out[_SEVERAL] += 1
        else:
            originals.append(DecidedOriginal(key, digest, casts[key], is_like))
    return LikenessDecisions(tuple(originals), dict(left_out))


def _find_original(files: Iterable[KnownPicture], sha256: str) -> KnownPicture | None:
    """Return the original of a rendition."""
    rows = tuple(files)
    made = next((row for row in rows if row.sha256 == sha256), None)
    if made is None:
        return None
    return next(
        (row for row in rows if row.is_original and row.generation_id == made.generation_id), None
    )


def _judge(original: KnownPicture | None, is_present: Callable[[KnownPicture], bool]) -> str:
    """Return why an original is left out; empty where it counts."""
    if original is None:
        return _UNKNOWN
    if original.provider == "simulator":
        return _SIMULATED
    return "" if is_present(original) else _OLD
