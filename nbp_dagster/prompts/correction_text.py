"""The prompt wording of a regeneration, from the checks that failed; must not know the ledger.

It uses names of the brief alone: scores differ between machines and versions, and the fingerprint
would with them. Lettering is named, not quoted again: what is quoted twice is drawn twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nbp_dagster.briefs.models import Brand, Shot
from nbp_dagster.briefs.vocabulary import CorrectableCheck
from nbp_dagster.prompts.edits import ORIGINAL, Region
from nbp_dagster.prompts.reference_selection import Reference, Role, mark_region
from nbp_dagster.prompts.reference_text import join, list_images
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.prompts.templates import EDIT_PROMPT_VERSION

_FIELDS: Final[Mapping[str, str]] = {
    "headline": "the headline",
    "sub": "the sub-headline",
    "call_to_action": "the call to action",
    "disclaimer": "the disclaimer",
}
_INTRO: Final = "Draw this picture with these points before all others: "
# A second attempt must be a different request than the first, also when the same checks failed.
_INSISTENCE: Final = " Every one of them is met in full, whatever else has to give way."


@dataclass(frozen=True)
class Shortfall:
    """A check that a picture failed.

    Attributes:
        check: Its name.
        subjects: Ids of the characters, or names of the fields of copy, that fell short; colours
            as "more accent" or "less accent".
    """

    check: CorrectableCheck
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Facts:
    """The facts a clause is built from."""

    brand: Brand
    shot: Shot
    request: ImageRequest
    subjects: tuple[str, ...]

    def names(self, ids: Iterable[str]) -> list[str]:
        known = self.brand.characters
        return [known[name].name for name in ids if name in known]

    def images(self, ids: Iterable[str]) -> str:
        roles: tuple[Role, ...] = ("identity", "face")
        found = (list_images(self.request.references, roles=roles, subject=each) for each in ids)
        return join(item for item in found if item)


def correct_request(
    request: ImageRequest, brand: Brand, shot: Shot, failed: Sequence[Shortfall], *, number: int
) -> ImageRequest:
    """Return the request that replaces a picture that failed; its fingerprint is its own.

    The references are those of the first request: it is drawn from the sheet, never from the
    picture that failed.

    Args:
        request: The request of the first picture.
        brand: The brand.
        shot: The shot.
        failed: The checks that it, and its replacements so far, failed.
        number: From 1, the number of the regeneration.
    """
    found: dict[CorrectableCheck, dict[str, None]] = {}
    for item in failed:
        found.setdefault(item.check, {}).update(dict.fromkeys(item.subjects))
    # In the order of the table, whatever the order they were found in.
    sentences = dict.fromkeys(
        sentence
        for check, clause in _CLAUSES.items()
        if check in found
        for sentence in clause(_Facts(brand, shot, request, tuple(sorted(found[check]))))
    )
    text = f"{_INTRO}{' '.join(sentences)}{_INSISTENCE if number > 1 else ''}"
    return replace(request, prompt=f"{request.prompt}\n\n{text}")


def note_request(request: ImageRequest, note: str) -> ImageRequest:
    """Return the request of another picture that a person asks for in words of their own.

    Args:
        request: The request of the picture that they looked at.
        note: One line, without control characters.
    """
    return replace(request, prompt=f"{request.prompt}\n\n{_INTRO}{note}")


def edit_request(
    request: ImageRequest, prompt: str, *, base: str, region: Region | None = None
) -> ImageRequest:
    """Return the request that edits a finished picture: who and what it shows goes with it.

    Args:
        request: The request that the picture was drawn by.
        prompt: The text, as `templates.render_instruction_edit` gives it for `edit_references`.
        base: SHA-256 of the picture's bytes, as hex.
        region: The part that alone may change.
    """
    return replace(
        request,
        prompt=prompt,
        references=edit_references(request, base=base, region=region),
        prompt_version=EDIT_PROMPT_VERSION,
        edit="instruction",
        region=region,
    )


def edit_references(
    request: ImageRequest, *, base: str, region: Region | None
) -> tuple[Reference, ...]:
    """Return the references of an edit of a picture; see `edit_request`."""
    shot = request.key.split("/")[1]
    original = Reference("original", shot, f"{ORIGINAL}{request.key}", base)
    marked = () if region is None else (mark_region(request.key, base=base, region=region),)
    shown = (one for one in request.references if one.role in ("identity", "face", "product"))
    return (original, *marked, *shown)


def find_note(prompt: str) -> str:
    """Return the words that a prompt of `note_request` ends with."""
    return prompt.rpartition(_INTRO)[2]


def _likeness(facts: _Facts) -> Iterator[str]:
    ids = facts.subjects or facts.shot.characters
    yield (
        f"{join(facts.names(ids))} can be seen whole and large, with exactly the face, the hair, "
        f"the body, the proportions and the clothes of {facts.images(ids)}."
    )


def _novelty(facts: _Facts) -> Iterator[str]:
    cast = facts.shot.characters
    yield (
        f"Pose, expression, camera and background are new; {facts.images(cast)} decides who "
        f"{join(facts.names(cast))} is, and the words above decide everything else."
    )


def _cast(facts: _Facts) -> Iterator[str]:
    cast, others = facts.names(facts.shot.characters), facts.names(facts.subjects)
    if cast:
        yield f"The cast is {join(cast)} alone."
    if others:
        yield f"Whoever else can be seen looks clearly different from {join(others)}."


def _palette(facts: _Facts) -> Iterator[str]:
    for subject in facts.subjects:
        way, _, colour = subject.partition(" ")
        yield f"{way.capitalize()} of the picture has the palette's colour named {colour}."
    if not facts.subjects:
        yield "Large areas, such as the background, clothes and things, have the palette's colours."


def _spelling(facts: _Facts) -> Iterator[str]:
    yield (
        f"{_named(facts)} can be read at a glance and is spelt letter for letter as quoted above."
    )


def _contrast(facts: _Facts) -> Iterator[str]:
    yield f"{_named(facts)} stands in strong contrast on calm, even ground."


def _plainness(_: _Facts) -> Iterator[str]:
    yield (
        "Apart from words quoted above and marks seen in the images, every surface carries shapes "
        "and colours alone."
    )


def _containment(facts: _Facts) -> Iterator[str]:
    where = "the lettering" if facts.request.edit == "words" else "the framed area"
    yield (
        f"Outside {where} every detail is that of Image 1, in its place, its shape and its colour, "
        "and nothing joins it."
    )


def _replacement(_: _Facts) -> Iterator[str]:
    yield "Every letter of the earlier wording gives way; the words quoted above stand alone."


def _named(facts: _Facts) -> str:
    fields = [_FIELDS[name] for name in facts.subjects if name in _FIELDS]
    text = join(fields) if fields else "the lettering"
    return text[0].upper() + text[1:]


_CLAUSES: Final[Mapping[CorrectableCheck, Callable[[_Facts], Iterator[str]]]] = {
    "cross_similarity": _likeness,
    "copy_paste_rate": _novelty,
    "cast_count": _cast,
    "palette_coverage": _palette,
    "copy_legible": _spelling,
    "copy_contrast": _contrast,
    "unrequested_text": _plainness,
    "prohibited_text": _plainness,
    "edit_contained": _containment,
    "old_words_gone": _replacement,
}
