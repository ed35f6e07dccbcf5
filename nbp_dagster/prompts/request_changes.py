"""Compares a request with an earlier one for the same picture, and says what was edited between.

Must not know: the ledger, files, or what a picture costs.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbp_dagster.prompts.reference_selection import Reference, Role
from nbp_dagster.prompts.request import ImageRequest, ParameterValue, Provider

PENDING_DIGEST = "0" * 64
"""Stands for the bytes of a sheet that is not made yet; SHA-256 gives it to no picture."""

UNKNOWN = "not known why: what was asked for before is not recorded in full"

# By which words a paragraph of `templates` begins, and the part of the brief it stems from.
_OPENINGS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("style", re.compile(r"Create one (finished marketing picture|character sheet) ")),
    ("instruction", re.compile(r"Edit Image, a finished picture of ")),
    # Its number is left out, see `_NUMBERS`.
    ("images", re.compile(r"Image: ")),
    ("traits", re.compile(r"(?P<name>[^\n]+?) keeps these fixed traits in every picture: ")),
    ("cast", re.compile(r"[^\n]+ appears? exactly once")),
    ("identities", re.compile(r"They are \d+ different individuals: ")),
    ("freedom", re.compile(r"Between pictures only this may vary for ")),
    ("products", re.compile(r"[^\n]+? appears as it is sold: ")),
    ("palette", re.compile(r"The colours of the picture are led by ")),
    (
        "scene",
        re.compile(
            r"The scene, the one thing that changes from picture to picture: "
            r"|The scene of the edited picture: "
        ),
    ),
    ("variant", re.compile(r"This is variant \d+ of the scene: ")),
    ("words", re.compile(r"The lettering is in |The picture works entirely without lettering")),
    ("frame", re.compile(r"The picture (?:is composed for a |keeps its )")),
    ("reframing", re.compile(r"This is the same moment as in the ")),
)
# What each part is called where it differs. Traits and what may vary are told by character.
_EDITED: Mapping[str, str] = {
    "style": "style edited",
    "brand": "name of the brand edited",
    "cast": "characters of the shot changed",
    "products": "products edited",
    "palette": "palette edited",
    "scene": "scene edited",
    "instruction": "instruction of the edit changed",
    "words": "drawn words edited",
    "typography": "typography edited",
}
# Follow from other parts; told where nothing else differs.
_DERIVED: Mapping[str, str] = {
    "variant": "what a variant changes is another",
    "frame": "what its channels crop or cover changed",
    "reframing": "first ratio of the campaign changed",
}
_ROLES: Mapping[Role, str] = {
    "identity": "sheet of {subject}",
    "face": "face reference of {subject}",
    "product": "reference of {subject}",
    "logo": "logo",
    "palette": "palette",
    "style": "style reference",
    "original": "picture of {subject} that is edited",
    "region": "marked area of {subject}",
}
# References are numbered: one that is added moves the numbers of the others.
_NUMBERS = re.compile(r"Image \d+(?:(?:, | and )Image \d+)*")


@dataclass(frozen=True)
class FormerRequest:
    """What was asked for before, as far as it is recorded.

    Attributes:
        fingerprint: Its hash, by which the record of it is known to be whole.
        references: Role, subject and digest of each image, in the order of sending.
    """

    provider: Provider
    model: str
    prompt: str
    parameters: Mapping[str, ParameterValue]
    references: tuple[Reference, ...]
    variant: int
    fingerprint: str

    def find_version(self, latest: str) -> str | None:
        """Return the version of its wording: the one that gives its fingerprint.

        None where none does, so that something of the request is not recorded as it was sent.
        """
        for number in range(int(latest), 0, -1):
            request = ImageRequest(
                key="",
                provider=self.provider,
                model=self.model,
                prompt=self.prompt,
                parameters=self.parameters,
                references=self.references,
                variant=self.variant,
                prompt_version=str(number),
            )
            if request.fingerprint == self.fingerprint:
                return str(number)
        return None


def find_changes(
    former: FormerRequest, request: ImageRequest, *, names: Mapping[str, str]
) -> tuple[str, ...]:
    """Return what differs, each in a few words such as `scene edited`; never a guess.

    Texts of two versions of the wording are not compared: the version is named, and what differs
    besides the text.

    Args:
        former: The request that the present picture was bought with.
        request: The request as it is compiled now; a sheet that is not made has `PENDING_DIGEST`.
        names: Id of each character by its name in the prompt.
    """
    version = former.find_version(request.prompt_version)
    changes: list[str] = []
    if version is not None and version != request.prompt_version:
        changes.append(f"prompt version {version}, now {request.prompt_version}")
    else:
        changes += _compare_texts(former.prompt, request.prompt, names)
    if former.model != request.model:
        changes.append(f"model {former.model}, now {request.model}")
    changes += _compare_parameters(former.parameters, request.parameters)
    changes += _compare_references(former.references, request.references)
    if not changes and version is not None and former.variant != request.variant:
        changes.append("another variant of what is made")
    told = [item for item in dict.fromkeys(changes) if item not in _follows(changes, names)]
    return tuple(told) or (UNKNOWN,)


def _follows(changes: Sequence[str], names: Mapping[str, str]) -> set[str]:
    """Return what follows from other changes: sheets that are made anew for edited traits."""
    return {
        _pending(subject)
        for subject in names.values()
        if {f"traits of {subject} edited", f"wardrobe of {subject} edited", "style edited"}
        & set(changes)
    }


@dataclass
class _Parts:
    """A prompt's paragraphs by the part of the brief they stem from."""

    texts: dict[str, str] = field(default_factory=dict)
    traits: dict[str, str] = field(default_factory=dict)
    wardrobes: dict[str, str] = field(default_factory=dict)
    freedoms: dict[str, str] = field(default_factory=dict)


def _compare_texts(before: str, now: str, names: Mapping[str, str]) -> list[str]:
    old, new = _parse(before), _parse(now)
    changes = [
        words for part, words in _EDITED.items() if old.texts.get(part) != new.texts.get(part)
    ]
    for what, theirs, ours in (
        ("traits", old.traits, new.traits),
        ("wardrobe", old.wardrobes, new.wardrobes),
        ("what may vary", old.freedoms, new.freedoms),
    ):
        # Who was added or is gone is told as the cast.
        both = old.traits.keys() & new.traits.keys()
        changes += [
            f"{what} of {names.get(name, name)} edited"
            for name in new.traits
            if name in both and theirs.get(name) != ours.get(name)
        ]
    if not changes:
        changes = [
            words for part, words in _DERIVED.items() if old.texts.get(part) != new.texts.get(part)
        ]
    return changes


def _parse(prompt: str) -> _Parts:
    parts = _Parts()
    text = _NUMBERS.sub("Image", unicodedata.normalize("NFC", prompt))
    for part, name, paragraph in _paragraphs(text):
        if part == "traits":
            fixed, _, wardrobe = paragraph.partition(f" {name} wears: ")
            parts.traits[name], parts.wardrobes[name] = fixed, wardrobe
        elif part == "freedom":
            for sentence in paragraph.split("Between pictures only this may vary for ")[1:]:
                who, _, what = sentence.partition(": ")
                parts.freedoms[who] = what.strip()
        elif part == "style":
            parts.texts["brand"], _, parts.texts["style"] = paragraph.partition("style: ")
        elif part == "words":
            words, _, parts.texts["typography"] = paragraph.partition(" Its typography: ")
            parts.texts["words"] = words
        else:
            parts.texts[part] = paragraph
    return parts


def _paragraphs(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield part, character and text; a paragraph of the brief's own belongs to the one before."""
    part, name, lines = "", "", list[str]()
    for paragraph in text.split("\n\n"):
        found = _open(paragraph)
        if found is None:
            lines.append(paragraph)
            continue
        if lines:
            yield part, name, "\n\n".join(lines)
        (part, name), lines = found, [paragraph]
    yield part, name, "\n\n".join(lines)


def _open(paragraph: str) -> tuple[str, str] | None:
    for part, opening in _OPENINGS:
        match = opening.match(paragraph)
        if match is not None:
            return part, match.groupdict().get("name", "")
    return None


def _compare_parameters(
    before: Mapping[str, ParameterValue], now: Mapping[str, ParameterValue]
) -> Iterator[str]:
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            yield f"{name} {before.get(name, 'not set')}, now {now.get(name, 'not set')}"


def _compare_references(before: Sequence[Reference], now: Sequence[Reference]) -> Iterator[str]:
    """Yield the images that differ, by what they show."""
    old, new = _group(before), _group(now)
    for role, subject in dict.fromkeys((*new, *old)):
        theirs, ours = old.get((role, subject)), new.get((role, subject))
        what = _ROLES[role].format(subject=subject)
        if theirs == ours:
            continue
        if ours is None or theirs is None:
            yield f"{what} {'added' if ours else 'no longer sent'}"
        elif role == "palette":
            yield f"{what} edited"
        elif ours == [PENDING_DIGEST]:
            yield _pending(subject) if role != "original" else f"{what} is to be made first"
        else:
            yield f"{what} is another"
    if old == new and [*old] != [*new]:
        yield "order of the references changed"


def _pending(subject: str) -> str:
    return f"sheet of {subject} to be made or chosen first"


def _group(references: Iterable[Reference]) -> dict[tuple[Role, str], list[str]]:
    groups: dict[tuple[Role, str], list[str]] = {}
    for one in references:
        groups.setdefault((one.role, one.subject), []).append(one.digest)
    return groups
