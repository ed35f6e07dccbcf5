"""Finds what YAML takes for a comment and may be the end of a text; knows no brief."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from nbp_dagster.yaml_source.problems import show_text

# A comment is written with a space behind its #; a colour or a hashtag is not.
_WORD = re.compile(r"#[^\s#!=-]")
_SWALLOWED = re.compile(r"[ \t]+(#[^\s#!=-].*)$")
_COMMENT = re.compile(r"[ \t]+(#.*)$")
_HEADER_COMMENT = re.compile(r"[|>][-+0-9]*[ \t]*(#[^\s#!=-].*)$")
# A line that lost its place, #AcmeStyle, and not a key or an item that somebody took out.
_LOST_LINE = re.compile(r"#[^\s#!=-][^:]*(:\S.*)?")
_OTHER_QUOTES = re.compile("[\u201c\u201d\u201e\u201f\u2018\u201a\u201b\u00ab\u00bb\u2039\u203a]")


@dataclass(frozen=True)
class Hidden:
    """A comment between brackets or braces that may be text.

    Attributes:
        text: The comment, from its #.
        line: Its line, from 0.
        message: What is wrong.
        step: Number of the item or pair whose value it may belong to; None where that is open.
        is_word: Whether it looks like text wherever it stands.
        is_value: Whether it stands in place of the value.
    """

    text: str
    line: int
    message: str
    step: int | None = None
    is_word: bool = False
    is_value: bool = False


def split_lines(text: str) -> list[str]:
    """Return the lines of a text as YAML counts them, where it has none of Unicode's own breaks."""
    return re.split("\r\n|[\n\r]", text)


def is_plain(node: yaml.Node) -> bool:
    """Return whether a node is a text, number or nothing without quotes."""
    return isinstance(node, yaml.ScalarNode) and not node.style


def quote_it(text: str, what: str = "the text") -> str:
    """Return the advice to put a text in quotes, and in which where it has some of other kinds."""
    if _OTHER_QUOTES.search(text):
        return f"put {what} in quotes, of which only straight ones (' or \") count"
    return f"put {what} in quotes"


def find_swallowed(lines: Sequence[str], mark: yaml.Mark) -> str | None:
    """Return what stands behind a value and looks like text, though YAML takes it for a comment.

    Args:
        lines: Of the file.
        mark: The end of the value.
    """
    line = lines[mark.line] if mark.line < len(lines) else ""
    found = _SWALLOWED.match(line, mark.column)
    return found[1].rstrip() if found else None


def find_glued(lines: Sequence[str], node: yaml.ScalarNode) -> str | None:
    """Return, as a message, a # right behind a closing quote: YAML drops what follows."""
    mark = node.end_mark
    line = lines[mark.line] if mark.line < len(lines) else ""
    if not line.startswith("#", mark.column):
        return None
    comment = line[mark.column :].rstrip()
    return (
        f"ends here, as YAML takes {show_text(comment)} for a comment: put all of it in the "
        "quotes, or a space before the # of a comment"
    )


def tell_cut(text: str, comment: str) -> str:
    """Return the message that a text ends at what YAML takes for a comment."""
    return (
        f"ends here, as YAML takes {show_text(comment)} for a comment: "
        f"{quote_it(text, 'the whole text')}, or the comment on a line of its own"
    )


def find_lost_text(lines: Sequence[str], node: yaml.ScalarNode, indent: int) -> str | None:
    """Return, as a message, what may be the end of a text and is a comment to YAML.

    Any comment behind a text may be, and a line of comment below it that is indented more than its
    key, or like its key and has no space behind the #. Only where text is expected is that a fault:
    elsewhere a comment is one.

    Args:
        lines: Of the file.
        node: A value without quotes, or nothing.
        indent: The column at which its key or its dash stands.
    """
    block = node.style in ("|", ">")
    mark = node.start_mark if block else node.end_mark
    line = lines[mark.line] if mark.line < len(lines) else ""
    found = (_HEADER_COMMENT if block else _COMMENT).match(line, mark.column)
    if found:
        comment = found[1].rstrip()
        if not block:
            return tell_cut(node.value, comment)
        return f"{show_text(comment)} is a comment to YAML: text begins on the next line, indented"
    if not block and line[mark.column :].strip():
        return None
    # A block ends where the line below it begins, but at the end of a file.
    first = node.end_mark.line + (0 if block and not node.end_mark.column else 1)
    for number in range(first, len(lines)):
        line = lines[number].strip(" \t")
        if line:
            deeper = len(lines[number].rstrip(" \t")) - len(line) - indent
            is_lost = deeper > 0 or (deeper == 0 and _LOST_LINE.fullmatch(line))
            return _tell_lost(node, line, number) if line.startswith("#") and is_lost else None
    return None


def find_lost_beginning(gap: str, node: yaml.ScalarNode) -> str | None:
    """Return, as a message, what may be the beginning of a text and is a comment to YAML.

    That is any comment behind its key or its dash where the text stands below, and a line between
    them that has no space behind its #.

    Args:
        gap: What stands before the text, from its key or from the item before it.
        node: A value without quotes.
    """
    rows = split_lines(gap)
    for number in range(len(rows) - 1, -1, -1):
        row = rows[number].strip(" \t")
        is_own = number > 0 and row.startswith("#")
        text = row if is_own else row.lstrip(" \t:?-")
        line = node.start_mark.line + 1 - (len(rows) - 1 - number)
        if text.startswith("#") and (not is_own or _LOST_LINE.fullmatch(text)):
            return (
                f"YAML takes {show_text(text)} on line {line} for a comment: "
                f"{quote_it(node.value, 'the whole text')}, or the comment on a line of its own, "
                "with a space behind its #"
            )
        if row and not is_own:
            return None
    return None


def find_hidden(source: str, node: yaml.CollectionNode) -> Iterator[Hidden]:
    """Yield what may be text of the comments between a list's brackets or a mapping's braces.

    A comment on a line of its own is none, if it has a space behind its # or takes out a key, and
    no text without quotes and comma stands above it. What the items hold is not looked into.

    Args:
        source: The whole file.
        node: The list or mapping.
    """
    behind: _Child | None = None
    start, line = node.start_mark.index, node.start_mark.line
    for child in (*_children(node), None):
        end = node.end_mark.index if child is None else child.node.start_mark.index
        if source.find("#", start, end) >= 0:
            for comment in _comments_of(source[start:end], line):
                hidden = _judge(comment, behind, node)
                if hidden is not None:
                    yield hidden
        if child is not None:
            behind = child
            start, line = child.node.end_mark.index, child.node.end_mark.line


@dataclass(frozen=True)
class _Comment:
    """A comment, its line from 0 and the signs before it; whether it has the line to itself.

    One that is glued stands right behind what is before it.
    """

    text: str
    line: int
    signs: str
    is_alone: bool
    is_glued: bool


@dataclass(frozen=True)
class _Child:
    """A key, value or item as written, the number of its item or pair, and whether it is a key."""

    step: int
    node: yaml.Node
    is_key: bool


def _children(node: yaml.CollectionNode) -> Iterator[_Child]:
    for step, entry in enumerate(node.value):
        pair = entry if isinstance(node, yaml.MappingNode) else (entry,)
        for child in pair:
            # Where libyaml puts a value that is not there differs from where PyYAML does.
            if child.end_mark.index > child.start_mark.index:
                yield _Child(step, child, len(pair) == 2 and child is pair[0])


def _comments_of(gap: str, line: int) -> Iterator[_Comment]:
    signs = ""
    for number, row in enumerate(split_lines(gap)):
        before, sign, rest = row.partition("#")
        signs += before.strip(" \t")
        if sign:
            is_alone = number > 0 and not before.strip(" \t")
            is_glued = number == 0 and not before
            yield _Comment(sign + rest.rstrip(), line + number, signs, is_alone, is_glued)


def _judge(comment: _Comment, behind: _Child | None, node: yaml.CollectionNode) -> Hidden | None:
    text, line, signs = comment.text, comment.line, comment.signs
    if behind is not None and behind.is_key and signs == ":":
        value = node.value[behind.step][1]
        if value.end_mark.index == value.start_mark.index:
            is_word = _WORD.match(text) is not None
            return Hidden(text, line, tell_cut("", text), behind.step, is_word, is_value=True)
        if not comment.is_alone or _LOST_LINE.fullmatch(text):
            return Hidden(text, line, _tell_hidden(comment), behind.step)
    elif behind is not None and not behind.is_key and is_plain(behind.node) and signs in ("", ","):
        return _judge_end(comment, behind, node)
    elif behind is not None and not behind.is_key and _is_quoted(behind.node) and comment.is_glued:
        return None  # it is refused right behind any closing quote
    if comment.is_alone and not _LOST_LINE.fullmatch(text):
        return None
    return Hidden(text, line, _tell_hidden(comment))


def _is_quoted(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and bool(node.style)


def _judge_end(comment: _Comment, behind: _Child, node: yaml.CollectionNode) -> Hidden | None:
    """Judge a comment behind a text without quotes, or behind its comma."""
    text, line, value = comment.text, comment.line, behind.node
    if comment.is_alone and not comment.signs:
        return Hidden(text, line, _tell_below(comment, value), behind.step)
    if comment.is_alone:
        lost = _LOST_LINE.fullmatch(text)
        return Hidden(text, line, _tell_hidden(comment)) if lost else None
    is_near = line == value.end_mark.line and value.tag == "tag:yaml.org,2002:str"
    is_word = is_near and _WORD.match(text) is not None
    if comment.signs and isinstance(node, yaml.SequenceNode):
        return Hidden(text, line, _tell_hidden(comment), None, is_word)
    return Hidden(text, line, tell_cut(value.value, text), behind.step, is_word)


def _tell_below(comment: _Comment, text: yaml.Node) -> str:
    return (
        f"YAML takes {show_text(comment.text)} on line {comment.line + 1} for a comment: "
        f"{quote_it(text.value, 'the whole text')}, or a comma before the comment"
    )


def _tell_hidden(comment: _Comment) -> str:
    alone = "give it a space behind its #"
    remedy = alone if comment.is_alone else "put it on a line of its own"
    return (
        f"YAML takes {show_text(comment.text)} on line {comment.line + 1} for a comment: put the "
        f"whole text in quotes; if it is a comment, {remedy}"
    )


def _tell_lost(node: yaml.ScalarNode, line: str, number: int) -> str:
    is_block = node.style in ("|", ">")
    remedy = "indent it like the text" if is_block else quote_it(node.value)
    return (
        f"YAML takes {show_text(line)} on line {number + 1} for a comment: {remedy}, or begin a "
        "comment below the key, with a space behind its #"
    )
