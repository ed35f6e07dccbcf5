"""Finds duplicates and near-duplicates among a campaign's originals; no verdicts."""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np

from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.manifest.value_types import DuplicateFacts
from nbp_dagster.studio.provenance.descriptors import DESCRIPTOR_BYTES, find_earlier

LEAST_LIKENESS: Final = 0.95
"""Near-duplicate threshold: from this likeness on two pictures are one (docs/checks.md)."""


@dataclass(frozen=True)
class _Original:
    prompt_key: str
    shot: str
    ratio: str
    variant: int
    fingerprint: str
    sha256: str
    descriptor: bytes
    # The prompt whose picture it is an edit of; its own for a picture that is drawn.
    start: str

    def may_look_like(self, other: "_Original") -> bool:
        """Whether both show one moment: a variant of a shot in two languages, or one's edits."""
        if self.start == other.start:
            return True
        return (self.shot, self.variant) == (other.shot, other.variant)

    def may_equal(self, other: "_Original") -> bool:
        """Whether one purchase serves both: their words are the same in two languages."""
        return self.shot == other.shot and self.fingerprint == other.fingerprint


def find_duplicates(
    records: Iterable[PromptRecord], starts: Mapping[str, str] = MappingProxyType({})
) -> tuple[DuplicateFacts, ...]:
    """Return each original that an earlier prompt has already, with the first such prompt.

    The same bytes are the same picture, whatever they were made for. Pictures that only look alike
    are compared within one aspect ratio: other ratios of a shot are meant to show the same moment.
    An edit is meant to look like what it starts from.

    Args:
        records: Those of one campaign.
        starts: Of each prompt that is an edit, the key of the prompt whose picture it starts from.
    """
    originals = [_original(record, starts) for record in records if record.pictures]
    places = {each.prompt_key: place for place, each in enumerate(originals)}
    found: dict[str, DuplicateFacts] = {}
    for each in (*_find_equal(originals), *_find_alike(originals)):
        known = found.get(each.prompt_key)
        if known is None or places[each.twin_of] < places[known.twin_of]:
            found[each.prompt_key] = each
    return tuple(sorted(found.values(), key=lambda each: places[each.prompt_key]))


def _original(record: PromptRecord, starts: Mapping[str, str]) -> _Original:
    first = record.pictures[0]
    return _Original(
        prompt_key=record.prompt_key,
        shot=first.shot,
        ratio=first.ratio,
        variant=first.variant,
        fingerprint=record.fingerprint,
        sha256=first.original_sha256,
        descriptor=base64.b64decode(record.sketch),
        start=starts.get(record.prompt_key, record.prompt_key),
    )


def _find_equal(originals: Sequence[_Original]) -> Iterator[DuplicateFacts]:
    by_bytes: dict[str, list[_Original]] = {}
    for each in originals:
        others = by_bytes.setdefault(each.sha256, [])
        first = next((other for other in others if not each.may_equal(other)), None)
        if first is not None:
            yield DuplicateFacts(each.prompt_key, first.prompt_key, 1.0, same_file=True)
        others.append(each)


def _find_alike(originals: Sequence[_Original]) -> Iterator[DuplicateFacts]:
    by_ratio: dict[str, list[_Original]] = {}
    for each in originals:
        if len(each.descriptor) == DESCRIPTOR_BYTES:
            by_ratio.setdefault(each.ratio, []).append(each)
    for lot in by_ratio.values():
        cells = np.frombuffer(b"".join(each.descriptor for each in lot), np.uint8)
        for place, earlier, likeness in find_earlier(
            cells.reshape(len(lot), DESCRIPTOR_BYTES),
            LEAST_LIKENESS,
            partial(_may_be_duplicates, lot),
        ):
            score = round(likeness, 3)
            yield DuplicateFacts(
                lot[place].prompt_key, lot[earlier].prompt_key, score, same_file=False
            )


def _may_be_duplicates(lot: Sequence[_Original], place: int, earlier: int) -> bool:
    return not lot[place].may_look_like(lot[earlier])
