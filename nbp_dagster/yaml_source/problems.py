"""Problems in briefs, one line each, with file and line; must not know YAML, models or rules."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.errors import NbpError

KeyPath = tuple[str | int, ...]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SHOWN_CHARACTERS = 80  # of a value, so that a problem stays one readable line
# Of a message, which may list names that the briefs themselves have; the packaged channels fit.
_MESSAGE_START, _MESSAGE_END = 700, 150


@dataclass(frozen=True)
class BriefProblem:
    """One problem in one file.

    Attributes:
        file: Path below the config folder, with forward slashes.
        line: Line of the problem, from 1; None when the file itself is the problem.
        key: Key path such as `shots[0].characters[1]`; empty for a problem of the whole file.
        value: The value found, already fit to be shown; empty when there was none.
        message: What is wrong and what is accepted.
        stops: What can't be used for it, where that is not all of `file`: what one file writes may
            be wrong for some others alone.
    """

    file: str
    line: int | None
    key: str
    value: str
    message: str
    stops: tuple[str, ...] = ()

    @property
    def stopped_files(self) -> tuple[str, ...]:
        """The files, or a part of one, that can't be used until this is corrected."""
        return self.stops or (self.file,)

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f"{self.key}: " if self.key else ""
        value = f"{self.value} - " if self.value else ""
        # A key or a file's name within the message is a brief's own text.
        return _escape_unseen(f"{place}: {key}{value}{_shorten(self.message)}")


class BriefError(NbpError):
    """The briefs cannot be used; carries every problem of every file, sorted by file and line."""

    def __init__(self, config_dir: Path, problems: Iterable[BriefProblem]) -> None:
        ordered = sorted(set(problems), key=lambda p: (p.file, p.line or 0, p.key, p.message))
        self.problems: tuple[BriefProblem, ...] = tuple(ordered)
        count = len(ordered)
        noun = "problem" if count == 1 else "problems"
        lines = "\n".join(str(problem) for problem in ordered)
        super().__init__(f"{count} {noun} in the briefs of {config_dir}:\n{lines}")


def format_key(path: KeyPath) -> str:
    """Return a key path in the form used in messages: `shots[0].copy.headline`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
            continue
        shown = step if _PLAIN_KEY.fullmatch(step) else show_text(step)
        text += f".{shown}" if text else shown
    return text


def _shorten(message: str) -> str:
    """Return a message without the middle of one that is too long: its end says what to do."""
    if len(message) <= _MESSAGE_START + _MESSAGE_END:
        return message
    return f"{message[:_MESSAGE_START]} ... {message[-_MESSAGE_END:]}"


def _escape_unseen(line: str) -> str:
    """Return a line whose control and invisible characters are written as escapes."""
    if line.isprintable():
        return line
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in line)


def show_text(text: str) -> str:
    """Return a text in quotes, shortened, its control characters escaped.

    The user part and the query of an address are left out: they may hold a signature or a password.
    """
    if _URL.match(text):
        text = re.sub(r"(?<=://)[^/?#]*@", "...@", text)
        text = re.sub(r"[?#].*", "?...", text, flags=re.DOTALL)
    if len(text) > _SHOWN_CHARACTERS:
        text = text[: _SHOWN_CHARACTERS - 3] + "..."
    return repr(text)


def list_accepted(accepted: Iterable[str], *, wanted: str | None = None) -> str:
    """Return `accepted: a, b, c`, with the nearest of them named when one is near `wanted`."""
    names = list(accepted)
    if not names:
        return "there is none to choose from"
    text = f"accepted: {', '.join(names)}"
    wanted = wanted or ""
    # Of short words the nearest are as far as any; 4k is 4K all the same.
    same = [name for name in names if name.casefold() == wanted.casefold()]
    near = same or difflib.get_close_matches(wanted, names, n=1)
    return f"{text}; did you mean {near[0]}?" if near else text
