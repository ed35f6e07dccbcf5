"""Finds texts over several lines that have taken in what was meant to stand apart; knows no brief.

YAML joins a line that is indented too far to the text above it, be it an item, a key or a comment.
"""

import re
from collections.abc import Iterator

import yaml

from nbp_dagster.yaml_source.comments import quote_it, split_lines
from nbp_dagster.yaml_source.problems import show_text

_ITEM = re.compile(r"-([ \t]|[^\W\d]|$)")
# A key without the space behind its colon, or without the colon before brackets; no address.
_KEY = re.compile(r"""(['"]?)[a-z][A-Za-z0-9_-]*\1:(?!//)\S|[a-z][a-z_]*[ \t]?(\[.*\]|\{.*\})$""")
_COMMENT = re.compile(r"#([ \t]|$)")


def find_taken_in(source: str, node: yaml.ScalarNode, *, is_listed: bool) -> str | None:
    """Return, as a message, what a text without quotes or behind | or > may not have meant to have.

    Of a text without quotes that is a line below its first that looks like an item or a key; of one
    that is folded or kept in lines, a line that looks like a comment, which is text there.

    Args:
        source: The whole file.
        node: A text without quotes.
        is_listed: Whether it is an item between brackets. There any further line may be an item
            behind a comma that was left out.
    """
    if node.start_mark.line == node.end_mark.line:
        return None
    if node.style:
        found = next((row for row in _rows(source, node) if _COMMENT.match(row[1])), None)
        return found and (
            f"has {show_text(found[1])} on line {found[0]}, which is text there: put a comment "
            "above the whole text, or the whole text in quotes"
        )
    quoted = quote_it(node.value, "the whole text")
    for number, row in _rows(source, node):
        if is_listed:
            return f"goes on below, on line {number}: put a comma between two items, or {quoted}"
        kind = "an item" if _ITEM.match(row) else "a key" if _KEY.match(row) else None
        if kind is not None:
            return (
                f"goes on with {show_text(row)} on line {number}: if that is {kind} of its own, "
                f"write it like those beside it; if not, {quoted}"
            )
    return None


def find_unclosed(source: str, node: yaml.ScalarNode, indent: int) -> str | None:
    """Return, as a message, that a text in quotes goes on where the next key or item belongs.

    YAML forbids it; the parsers read over it, and so over a quote that was not closed.

    Args:
        source: The whole file.
        node: A text in quotes.
        indent: The column at which its key or its dash stands.
    """
    if node.start_mark.line == node.end_mark.line:
        return None
    for number, row, column in _indented_rows(source, node):
        if column <= indent:
            return (
                f"goes on with {show_text(row)} on line {number}: close the quote before it, or "
                "indent it more than the key or dash of the text"
            )
    return None


def _rows(source: str, node: yaml.ScalarNode) -> Iterator[tuple[int, str]]:
    return ((number, row) for number, row, _ in _indented_rows(source, node))


def _indented_rows(source: str, node: yaml.ScalarNode) -> Iterator[tuple[int, str, int]]:
    """Yield the line (from 1), the text and the column of each line of a text below its first."""
    rows = split_lines(source[node.start_mark.index : node.end_mark.index])
    for number, row in enumerate(rows[1:], node.start_mark.line + 2):
        text = row.lstrip(" ")
        if text.strip(" \t"):
            yield number, text.strip(" \t"), len(row) - len(text)
