"""Value types within manifests and prompt records: duplicates, safe areas, text read by OCR."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal


@dataclass(frozen=True)
class DuplicateFacts:
    """An original that is a near-duplicate of another prompt's.

    Attributes:
        prompt_key: The prompt.
        twin_of: The first prompt of the campaign with this picture.
        likeness: Similarity of the two; 1 for the same picture.
        same_file: Whether their files have the same bytes.
    """

    prompt_key: str
    twin_of: str
    likeness: float
    same_file: bool


@dataclass(frozen=True, kw_only=True)
class LabelFacts:
    """The label on a rendition that says it is made with AI.

    Attributes:
        words: What it says beside its icon; empty for an icon alone.
        language: Locale of the words.
        icon: Kind of the EU's icon; None for none.
        size_px: Pixels of the em of its letters.
        box: Left, top, right, bottom of its plate in pixels.
    """

    words: str
    language: str
    icon: str | None
    size_px: int
    box: tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class LogoFacts:
    """A logo file of a set, for a platform that asks for the brand's logo beside its pictures.

    Attributes:
        file: Its path within the set, `logos/<name>.png`.
        platform: Who asks for it.
        width, height: Pixels.
        bytes: Its size.
        sha256: Digest of its bytes, hex.
        source_sha256: Digest of the brand's own logo that it is drawn from.
        scale: How many times the logo's pixels are enlarged; 1 or less where they are not.
        ground: "transparent", or the colour behind it as "#RRGGBB".
        ai_generated: Always false: it is the brand's own, and carries no mark of AI.
    """

    file: str
    platform: str
    width: int
    height: int
    bytes: int
    sha256: str
    source_sha256: str
    scale: float
    ground: str
    ai_generated: bool = False


@dataclass(frozen=True, kw_only=True)
class DisclosureFacts:
    """What law and platforms ask of a rendition, and what it carries.

    Attributes:
        rules: Ids of the rules that hold for it.
        is_synthetic_performer: Whether it shows a generated person that looks real.
        label: The label that was set; None for none.
        off: Why none is set although a rule asks for one.
        declarations: What each platform's field holds, by platform and field.
    """

    rules: tuple[str, ...] = ()
    is_synthetic_performer: bool = False
    label: LabelFacts | None = None
    off: str | None = None
    declarations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SeenBox:
    """Where something of a rendition is, as its checks measured it.

    Attributes:
        kind: What it is: a head, the subject, or type that was set.
        name: Which one, such as `head_2` or `headline`.
        box: Left, top, right, bottom in shares of the rendition's width and height, 0 to 1.
    """

    kind: Literal["head", "subject", "type"]
    name: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class SafeArea:
    """Pixels at each edge of a channel that its interface may cover."""

    top: int = 0
    right: int = 0
    bottom: int = 0
    left: int = 0


BOX_PER_EM: Final = 1.3
"""Height of the box around a line, in its letters' em; an estimate, over several typefaces."""


# WCAG's large text has an em of 24 pixels.
_LARGE: Final = BOX_PER_EM * 24 / 1080


@dataclass(frozen=True, kw_only=True)
class ReadLine:
    """One line of text, as it was read.

    Attributes:
        text: As drawn: no spelling is corrected, but spaces may be missing.
        score: The recogniser's confidence, 0 to 1.
        left, top, right, bottom: Upright box around it, in fractions of the picture's width
            and height, 0 to 1.
        contrast: Of the letters with their background, 1 to 21 (WCAG); None where not measured.
    """

    text: str
    score: float
    left: float
    top: float
    right: float
    bottom: float
    contrast: float | None = None

    @property
    def is_large(self) -> bool:
        """Whether it is large text (WCAG) when the picture is shown 1,080 pixels high."""
        return self.bottom - self.top >= _LARGE


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One reading of an original.

    Attributes:
        side: Pixels of its longer side when it was read.
        lines: What was read.
    """

    side: int
    lines: tuple[ReadLine, ...]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Text read on an original, kept so that it is not read again.

    Attributes:
        original: Digest of the original.
        reader: The OCR reader, with its version.
        passes: In the order they were made.
    """

    original: str
    reader: str
    passes: tuple[Pass, ...]


WordBox = tuple[float, float, float, float]
