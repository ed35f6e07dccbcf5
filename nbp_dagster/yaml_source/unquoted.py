"""Says in plain words why YAML can't read a text, mostly for want of quotes; knows no brief."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import yaml

from nbp_dagster.yaml_source.problems import show_text

_QUOTE_IT = "put the text in quotes"
# A comment is written with a space behind its #; a colour or a hashtag is not. Searched for, it
# begins where the spaces begin: tried at each of a million, it would take hours.
_SWALLOWED = re.compile(r"(?<![ \t])[ \t]+(#[^\s#!=-].*)$")
_COMMENT = re.compile(r"(?<![ \t])[ \t]+(#.*)$")
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\s#!=-].*)$")
# A line that lost its place, #AcmeStyle, and not a key or an item that somebody took out.
_LOST_LINE = re.compile(r"#[^\s#!=-][^:]*(:\S.*)?")
_KEY_BEFORE = re.compile(r"\s*(- +)*[^\s#'\"{\[][^:]*:\s+\S")


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as YAML counts them."""
    return re.split("\r\n|[\n\r\x85\u2028\u2029]", text)


def find_swallowed(lines: Sequence[str], mark: yaml.Mark) -> str | None:
    """Return what stands behind a value and looks like text, though YAML takes it for a comment.

    Args:
        lines: Of the file.
        mark: The end of the value.
    """
    line = lines[mark.line] if mark.line < len(lines) else ""
    found = _SWALLOWED.match(line[mark.column :])
    return found[1].rstrip() if found else None


def find_lost_text(lines: Sequence[str], node: yaml.ScalarNode, indent: int) -> str | None:
    """Return, as a message, what may be the end of a text and is a comment to YAML.

    Any comment behind a text may be, and a line of comment below it that is indented more than its
    key, or like its key and has no space behind the #. Only where text is expected is that a fault:
    elsewhere a comment is one.

    Args:
        lines: Of the file.
        node: A text without quotes, or nothing.
        indent: The column at which its key or its dash stands.
    """
    block = node.style in ("|", ">")
    mark = node.start_mark if block else node.end_mark
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    found = _HEADER_COMMENT.match(rest) if block else _COMMENT.match(rest)
    if found:
        comment = show_text(found[1].rstrip())
        if block:
            return f"{comment} is a comment to YAML: text begins on the next line, indented"
        return (
            f"ends here, as YAML takes {comment} for a comment: put the text in quotes, or the "
            "comment on a line of its own"
        )
    if not block and rest.strip():
        return None
    # A block ends where the line below it begins, but at the end of a file.
    first = node.end_mark.line + (0 if block and not node.end_mark.column else 1)
    for number in range(first, len(lines)):
        line = lines[number].strip(" \t")
        if line:
            deeper = len(lines[number].rstrip(" \t")) - len(line) - indent
            is_lost = deeper > 0 or (deeper == 0 and _LOST_LINE.fullmatch(line))
            return _tell_lost(line, number, block) if line.startswith("#") and is_lost else None
    return None


def _tell_lost(line: str, number: int, block: bool) -> str:
    remedy = "indent it like the text" if block else "put the text in quotes"
    return (
        f"YAML takes {show_text(line)} on line {number + 1} for a comment: {remedy}, or begin a "
        "comment below the key, with a space behind its #"
    )


@dataclass(frozen=True)
class _Place:
    """Where the parser gave up; lines and columns count from 0."""

    lines: Sequence[str]
    line: int
    column: int
    began: int

    @property
    def text(self) -> str:
        return self.lines[self.line] if self.line < len(self.lines) else ""

    @property
    def sign(self) -> str:
        """The character at the place; empty at the end of the line."""
        return self.text[self.column : self.column + 1]


def explain_syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[int | None, str]:
    """Return the line (from 1) and what is wrong there; the parser's own words as a last resort."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return None, f"not valid YAML: {problem or context or 'unreadable'}"
    began = error.context_mark.line if error.context_mark else mark.line
    place = _Place(split_lines(text), mark.line, mark.column, began)
    for fragments, explain in _EXPLANATIONS.items():
        if any(fragment in f"{context}; {problem}" for fragment in fragments):
            line, message = explain(place)
            return line + 1, message
    return mark.line + 1, f"not valid YAML: {problem or context or 'unreadable'}"


def _explain_colon(place: _Place) -> tuple[int, str]:
    if place.sign == ":" and _KEY_BEFORE.match(place.text[: place.column]):
        return place.line, f"a colon and a space stand inside a text: {_QUOTE_IT}"
    return place.line, (
        "a key where the text of the line above goes on: indent it like the other keys, or put "
        "that text in quotes"
    )


def _explain_first_sign(place: _Place) -> tuple[int, str]:
    if place.sign == "\t":
        return place.line, "has a tab outside of text; use spaces"
    return place.line, f"a text can't begin with {place.sign}: {_QUOTE_IT}"


def _explain_flow(place: _Place) -> tuple[int, str]:
    """Explain a list or mapping in brackets that does not end, or ends in the middle of a text."""
    if place.sign == ":" and place.line == place.began:
        return place.line, f"a colon and a space stand inside a text: {_QUOTE_IT}"
    for number in range(place.began, min(place.line + 1, len(place.lines))):
        found = _SWALLOWED.search(place.lines[number])
        if found:
            return (
                number,
                f"{show_text(found[1])} is a comment to YAML: put text with a # in quotes",
            )
    return place.line, (
        f"the bracket that opens on line {place.began + 1} is not closed before this: close it, "
        "or put text with brackets or commas in quotes"
    )


def _explain_content(place: _Place) -> tuple[int, str]:
    if place.sign in tuple(",]}"):
        return place.line, f"a text can't begin with {place.sign}: {_QUOTE_IT}"
    # The value is missing: a # has hidden it, on this line or on one above.
    for number in range(min(place.line, len(place.lines) - 1), -1, -1):
        found = _SWALLOWED.search(place.lines[number])
        if found:
            return (
                number,
                f"{show_text(found[1])} is a comment to YAML: put text with a # in quotes",
            )
    return place.line, "a value is missing here; write it, or close the bracket"


def _explain_key(place: _Place) -> tuple[int, str]:
    before = place.text[: place.column].rstrip()
    if before.endswith(("'", '"')):
        return place.line, (
            "text goes on behind its closing quote: put all of it in quotes, and write an "
            "apostrophe within single quotes twice"
        )
    if place.sign == "-":
        return place.line, "an item of a list where a key belongs; move it below its key"
    return place.line, "is not indented like the keys above it, or is text that wants quotes"


_Explain = Callable[[_Place], tuple[int, str]]


def _say(message: str) -> _Explain:
    return lambda place: (place.line, message)


def _say_of_beginning(message: str) -> _Explain:
    return lambda place: (place.began, message)


# Fragments of what libyaml and PyYAML say, each followed by its explanation; the first one counts.
_EXPLANATIONS: Mapping[tuple[str, ...], _Explain] = {
    ("mapping values are not allowed",): _explain_colon,
    ("cannot start any token",): _explain_first_sign,
    ("scanning an anchor", "scanning an alias"): _say(
        f"a text can't begin with & or *: {_QUOTE_IT}"
    ),
    ("unexpected end of stream",): _say_of_beginning("the quote that opens here is not closed"),
    ("unknown escape character",): _say(
        "a backslash within double quotes: write it twice, or use single quotes"
    ),
    ("block scalar",): _say("text behind | or > begins on the next line, indented"),
    ("sequence entries are not allowed",): _say(
        "a text can't begin with a dash and a space: put it in quotes; a list begins on the line "
        "below its key"
    ),
    ("mapping keys are not allowed",): _say(f"a text can't begin with ? and a space: {_QUOTE_IT}"),
    ("could not find expected ':'",): _say_of_beginning(
        "neither a key with a colon nor an item of a list; indent text that goes on from above"
    ),
    ("<document start>",): _say("is not indented like the first line"),
    ("expected '-' indicator", "parsing a block collection"): _say(
        "a key where an item of the list belongs; indent it, or begin it with a dash"
    ),
    ("parsing a flow sequence", "parsing a flow mapping"): _explain_flow,
    ("node content",): _explain_content,
    ("parsing a block mapping",): _explain_key,
}
