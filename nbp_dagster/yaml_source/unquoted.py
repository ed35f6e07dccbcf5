"""Says in plain words why YAML can't read a text, mostly for want of quotes; knows no brief."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import yaml

from nbp_dagster.yaml_source.comments import is_plain, quote_it, split_lines
from nbp_dagster.yaml_source.problems import show_text

_QUOTE_IT = quote_it("")
# Searched for, a comment begins where the spaces begin: tried at each of a million, it would take
# hours. Behind a bracket or a comma it needs none.
_HIDDEN = re.compile(r"(?:(?<![ \t])[ \t]+|(?<=[\[{,]))(#[^\s#!=-].*)$")
_KEY_BEFORE = re.compile(r"\s*(- +)*[^\s#'\"{\[][^:]*:\s+\S")


def explain_bare_key(key: yaml.ScalarNode, before: yaml.Node | None) -> str | None:
    """Return what is wrong with a key in braces that has no colon; None where nothing is plain.

    Args:
        key: The key.
        before: The value before it in the same braces.
    """
    advice = []
    if before is not None and is_plain(before) and before.value:
        advice.append(f"a comma ends a text in braces: {quote_it(before.value + key.value)}")
    if ":" in key.value:
        advice.append("a key has a space behind its colon")
    return "; ".join(advice) or None


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
        return place.line, f"a colon and a space stand inside a text: {quote_it(place.text)}"
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
        return place.line, f"a colon and a space stand inside a text: {quote_it(place.text)}"
    for number in range(place.began, min(place.line + 1, len(place.lines))):
        found = _HIDDEN.search(place.lines[number])
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
    if place.sign in tuple(",]}?"):
        return place.line, f"a text can't begin with {place.sign}: {_QUOTE_IT}"
    # The value is missing: a # has hidden it, on this line or on one above.
    for number in range(min(place.line, len(place.lines) - 1), -1, -1):
        found = _HIDDEN.search(place.lines[number])
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
