"""What a brand can be read from, wherever it lies: pages, style sheets, pictures, fonts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbp_dagster.authoring.html_page import LogoMark, Page


@dataclass(frozen=True)
class Styles:
    """The text of a style sheet and where it is from."""

    origin: str
    text: str


@dataclass(frozen=True)
class LogoFile:
    """What may be the logo, with how its bytes are had.

    Attributes:
        origin: Where it was named.
        load: Returns its bytes; raises NbpError where they can't be had.
        alt: What it is called.
    """

    origin: str
    load: Callable[[], bytes]
    alt: str = ""


@dataclass(frozen=True)
class Material:
    """Everything that was read of one page or folder.

    Attributes:
        source: The address, or the folder.
        label: Its most telling word: a host without its ending, or a folder's name.
        pages: Parsed pages with where each is from, the first one the most telling.
        styles: Style sheets, in the order in which they count.
        app: The web app manifest, if there is one.
        logos: What may be the logo, the likeliest first.
        fonts: Font files of a folder.
        texts: Other texts about the brand, each with its origin.
        problems: What could not be read, in a sentence each.
    """

    source: str
    label: str
    pages: Sequence[tuple[str, Page]] = ()
    styles: Sequence[Styles] = ()
    app: dict[str, object] = field(default_factory=dict)
    logos: Sequence[LogoFile] = ()
    fonts: Sequence[Path] = ()
    texts: Sequence[tuple[str, str]] = ()
    problems: list[str] = field(default_factory=list)


def decode_text(data: bytes) -> str:
    """Return a text file's content; what is not UTF-8 is taken for Windows' Western letters."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def drawn_logo(mark: LogoMark) -> LogoFile:
    """Return a drawing within a page as a file."""
    # Logos take the colour of the text around them, which an SVG by itself does not have.
    svg = mark.svg.replace("currentColor", "#111111").replace("currentcolor", "#111111")
    return LogoFile(mark.origin, svg.encode, mark.alt)
