"""Parses a prompt: words, roles of references, place and hour; draws nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nbp_dagster.simulator.painting.figures.traits import names_somebody
from nbp_dagster.simulator.painting.places.stage import Hour

Role = Literal["identity", "face", "product", "logo", "palette", "style", "original", "unknown"]
Quiet = Literal["upper", "left", ""]

_IMAGE_LABEL = re.compile(r"\bimage\s+(\d{1,2})\s*[:=\-–—(]\s*", re.IGNORECASE)
_ROLE_WORDS: tuple[tuple[Role, str], ...] = (
    ("original", r"picture to edit"),
    ("palette", r"palette|swatch|colou?r card"),
    ("logo", r"logo|wordmark|brand mark"),
    ("product", r"product|pack(?:age|aging|shot)?|bottle"),
    ("face", r"face crop|face close-?up"),
    ("style", r"style reference|mood ?board"),
    ("identity", r"identity|character|mascot|person|turnaround|face"),
)
_SUBJECT = re.compile(r"\b(?:of|for|is|shows)\s+(?:the\s+)?([A-ZÀ-Þ][\w'’-]*)")

_QUOTED = re.compile(r"\"([^\"\n]{1,300})\"|[“„]([^“”„\n]{1,300})[”“]|«([^«»\n]{1,300})»")
_COPY_LABEL = re.compile(
    r"(?P<sub>sub[- ]?(?:head(?:line|ing)?|title|line|copy)?\b|tagline|body copy)"
    r"|(?P<call>call[- ]to[- ]action|\bcta\b|\bbutton\b)"
    r"|(?P<small>disclaimer|small print|fine print|legal line)"
    r"|(?P<headline>head(?:line|ing)|\btitle\b|\bslogan\b|\btext\b|\blettering\b|\bcopy\b|\breads?\b)",
    re.IGNORECASE,
)
_PARTS = ("headline", "sub", "call", "small")
_LETTERLESS = re.compile(
    r"\b(?:without (?:any )?|no |free of (?:any )?)(?:visible )?"
    r"(?:lettering|text|words|letters|writing|typography|copy)\b"
    r"(?!\s*(?:other|else|besides|except|beyond|apart|than|in addition|on the (?:pack|bag)))"
    r"|\btext-free\b|\b(?:do not|don't|never) (?:draw|add|render|include) (?:any )?"
    r"(?:text|lettering|words|letters|writing)\b(?!\s*(?:other|else|besides|except|beyond|apart))",
    re.IGNORECASE,
)
_SHEET = re.compile(
    r"\b(?:character|model|reference) sheet\b|\bturn-?around\b|\bexpression sheet\b", re.IGNORECASE
)
_SCENE_LINE = re.compile(
    r"\bscene\b[^:\n]{0,80}:\s*(.+)|^setting\s*:\s*(.+)", re.IGNORECASE | re.MULTILINE
)
_CHARACTER_LINE = re.compile(
    r"\b(?:traits?|wears|wearing|hair|fur|mascot|character|glasses|beard)\b", re.IGNORECASE
)
_NOT_CHARACTER = re.compile(
    r"^\s*(?:image \d|create\b|the scene|scene\b|the sheet|the ground|this is|the lettering|"
    r"palette|the colours|the picture|no more|draw\b)", re.IGNORECASE
)  # fmt: skip
_PRODUCT_LINE = re.compile(
    r"appears as it is sold:\s*([^\n]+?)(?:\.\s|\.?$)|\bproducts?\b[^:\n]{0,40}:\s*([^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_MARGIN = re.compile(r"(\d{1,2}) ?% of the (?:height|width) at the (top|right|bottom|left)")
_HOURS: tuple[tuple[Hour, str], ...] = (
    ("night", r"\bnights?\b|\bmidnight\b|\bstars?\b|\bstarry\b|\bmoon(?:light|lit)?\b|\bneon\b"),
    (
        "evening",
        r"\bevening\b|\bsunset\b|\bdusk\b|\bgolden hour\b|\btwilight\b|\bautumn(?:al)? light\b",
    ),
    ("morning", r"\bmornings?\b|\bdawn\b|\bsunrise\b|\bbreakfast\b|\bsunlit\b"),
)


@dataclass(frozen=True)
class Copy:
    """The words to be drawn; an empty string is not drawn.

    Attributes:
        fonts: Folder of fonts for letters that Inter lacks; None leaves those that are installed.
    """

    headline: str = ""
    sub: str = ""
    call: str = ""
    small: str = ""
    fonts: Path | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.headline or self.sub or self.call or self.small)


@dataclass(frozen=True)
class Label:
    """What the prompt says of one input image."""

    role: Role = "unknown"
    subject: str = ""


@dataclass(frozen=True)
class Reading:
    """A prompt as the painter understands it.

    Attributes:
        sheet: whether a character sheet is the thing to draw.
        scene: the words that name the place.
        people: one description for each character drawn from words.
        products: descriptions of products drawn from words.
        labels: one for each input image, in order.
        margins: shares of the picture to keep free, by side.
        quiet: the part to keep calm for copy that is set afterwards.
    """

    sheet: bool
    scene: str
    hour: Hour
    copy: Copy
    people: tuple[str, ...]
    products: tuple[str, ...]
    labels: tuple[Label, ...]
    margins: dict[str, float] = field(default_factory=dict)
    quiet: Quiet = ""


def read_prompt(prompt: str, images: int) -> Reading:
    """Read a prompt that is sent with `images` input images."""
    bare = _drop_labels(prompt)
    scene = _find_scene(bare)
    return Reading(
        sheet=images == 0 and bool(_SHEET.search(bare)),
        scene=scene,
        hour=_find_hour(scene, bare),
        copy=Copy() if _LETTERLESS.search(bare) else read_copy(bare),
        people=_find_people(bare, scene),
        products=tuple(
            _QUOTED.sub("", first or second) for first, second in _PRODUCT_LINE.findall(bare)
        )[:2],
        labels=_find_labels(prompt, images),
        margins={side: int(percent) / 100 for percent, side in _MARGIN.findall(bare)},
        quiet=_find_quiet(bare),
    )


def read_copy(text: str) -> Copy:
    """Find the quoted words and what each is for; unlabelled quotes are left alone."""
    found: dict[str, str] = {}
    end = 0
    for quote in _QUOTED.finditer(text):
        before = text[max(end, quote.start() - 90) : quote.start()]
        end = quote.end()
        labels = list(_COPY_LABEL.finditer(before))
        if not labels:
            continue
        words = next(group for group in quote.groups() if group).strip()
        named = [label for label in labels if not _is_generic(label)] or labels
        part = named[-1].lastgroup or "headline"
        if part == "headline" and "headline" in found:
            part = "sub" if "sub" not in found else "call"
        found.setdefault(part, words)
    headline, sub, call, small = (found.get(part, "") for part in _PARTS)
    return Copy(headline, sub, call, small)


def _is_generic(label: re.Match[str]) -> bool:
    return label.group().lower().strip() in {"text", "lettering", "copy", "read", "reads"}


def _drop_labels(prompt: str) -> str:
    return "\n".join(line for line in prompt.splitlines() if not _IMAGE_LABEL.match(line.strip()))


def _find_labels(prompt: str, images: int) -> tuple[Label, ...]:
    marks = list(_IMAGE_LABEL.finditer(prompt))
    found: dict[int, Label] = {}
    for place, mark in enumerate(marks):
        stop = marks[place + 1].start() if place + 1 < len(marks) else len(prompt)
        text = prompt[mark.end() : stop].split("\n")[0][:400]
        found.setdefault(int(mark.group(1)), Label(_find_role(text), _find_subject(text)))
    return tuple(found.get(place, Label()) for place in range(1, images + 1))


def _find_role(text: str) -> Role:
    """The role whose word comes first: later words often say what the image must not decide."""
    places = [
        (match.start(), role)
        for role, pattern in _ROLE_WORDS
        if (match := re.search(rf"\b(?:{pattern})\b", text, re.IGNORECASE))
    ]
    return min(places)[1] if places else "unknown"


def _find_subject(text: str) -> str:
    match = _SUBJECT.search(text)
    return match.group(1).lower() if match else ""


def _find_scene(text: str) -> str:
    match = _SCENE_LINE.search(text)
    if match:
        return match.group(1) or match.group(2)
    return _QUOTED.sub("", text)


def _find_hour(scene: str, text: str) -> Hour:
    for source in (scene, _QUOTED.sub("", text)):
        for hour, pattern in _HOURS:
            if re.search(pattern, source, re.IGNORECASE):
                return hour
    return "day"


def _find_people(text: str, scene: str) -> tuple[str, ...]:
    lines = [
        _QUOTED.sub("", line)
        for line in text.splitlines()
        if _CHARACTER_LINE.search(line) and not _NOT_CHARACTER.match(line) and names_somebody(line)
    ]
    if lines:
        return tuple(lines[:3])
    # A bare sentence: the figure is described in the scene itself.
    words = [part for part in (scene, text) if names_somebody(_QUOTED.sub("", part))]
    return (_QUOTED.sub("", words[0]),) if words else ()


def _find_quiet(text: str) -> Quiet:
    match = re.search(r"\b(upper|left) third\b[^.]{0,60}\bcalm\b", text, re.IGNORECASE)
    if match is None:
        return ""
    return "upper" if match.group(1).lower() == "upper" else "left"


def group_subjects(labels: Sequence[Label]) -> tuple[tuple[int, ...], ...]:
    """Indices of the images that show figures, those of one subject together; face crops only
    where nothing else shows anybody."""
    groups: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        if label.role in {"identity", "unknown"}:
            groups.setdefault(label.subject or f"#{index}", []).append(index)
    if not groups:
        groups = {str(index): [index] for index, label in enumerate(labels) if label.role == "face"}
    return tuple(tuple(group) for group in groups.values())
