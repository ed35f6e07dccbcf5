"""Parses one YAML file to plain data with line numbers; must not know what a brief means.

The text is composed into nodes, never constructed into objects; only scalars of the YAML 1.1 core
types are converted. Aliases are refused, so no file can grow beyond its own size.
"""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nbp_dagster.yaml_source.comments import (
    find_glued,
    find_hidden,
    find_lost_beginning,
    find_lost_text,
    find_swallowed,
    is_plain,
    split_lines,
    tell_cut,
)
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, format_key, show_text
from nbp_dagster.yaml_source.several_lines import find_taken_in, find_unclosed
from nbp_dagster.yaml_source.unquoted import explain_bare_key, explain_syntax

# Some 4,000 shots with copy in ten languages; such a file takes some 5 s and 200 MB to read.
MAX_FILE_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 20
MAX_NODES = 400_000
_SHOWN_DIGITS = 40

# libyaml's parser is some ten times faster; the wheels of PyYAML carry it, a source build may not.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE = "tag:yaml.org,2002:"
_SCALARS = frozenset(_CORE + name for name in ("str", "int", "float", "bool", "null", "timestamp"))
# Of what YAML 1.1 calls a number, the notation that reads alike everywhere: 010 is 8 to it, 1:30 is
# 90 and 1_000 is 1000.
_PLAIN_NUMBER = re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)|[-+]?\.inf|\.nan", re.I)
_KINDS = {"int": "a number", "float": "a number", "bool": "true or false", "null": "null"}
# Layout programs write a soft return as one of these. YAML ends the line there, so that a # behind
# it hides the rest of a text, and no editor shows it.
_UNSEEN_BREAK = re.compile("[\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Document:
    """The content of one file: mappings as dict, lists as tuple, scalars as Python values.

    Attributes:
        file: Path below the config folder, with forward slashes.
        path: Where the file lies.
        sha256: Hex digest of the file's bytes.
        data: The root mapping.
        lines: Line of each key and list item, from 1.
        scalars: Text of each scalar as written, for those that are not text.
        swallowed: What stands behind a missing value and YAML takes for a comment: `#1B3A4B`.
        lost: What may be lost of a text without quotes, as a message: any comment behind it, and
            most between the brackets or braces of a list or mapping. Also what such a text may have
            taken in that is none of it.
        enclosed: Where in `lost` it may be any text within the same brackets or braces.
        bare: What is wrong with a key in braces that has neither colon nor value.
        odd_numbers: What is wrong with a number that is not written in plain decimals.
        quoted: Where a plain number stands in quotes.
    """

    file: str
    path: Path
    sha256: str
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    scalars: Mapping[KeyPath, str]
    swallowed: Mapping[KeyPath, str] = field(default_factory=dict)
    lost: Mapping[KeyPath, str] = field(default_factory=dict)
    enclosed: Collection[KeyPath] = ()
    bare: Mapping[KeyPath, str] = field(default_factory=dict)
    odd_numbers: Mapping[KeyPath, str] = field(default_factory=dict)
    quoted: Collection[KeyPath] = ()

    def line_of(self, path: KeyPath) -> int:
        """Return the line of a key path, or of its nearest ancestor that is written down."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 1)

    def at(self, path: KeyPath) -> Any:
        """Return the value at a key path; the path must exist."""
        value: Any = self.data
        for step in path:
            value = value[step]
        return value

    def show(self, path: KeyPath) -> str:
        """Return the value at a key path as a problem shows it."""
        if path in self.scalars:
            return self.scalars[path][:_SHOWN_DIGITS] or "null"
        value = self.at(path)
        if isinstance(value, str):
            return show_text(value)
        if not value:
            return "an empty mapping" if isinstance(value, Mapping) else "an empty list"
        return "a mapping" if isinstance(value, Mapping) else "a list"

    def problem(self, path: KeyPath, message: str, *, value: str | None = None) -> BriefProblem:
        """Return a problem at a key path; `value` replaces the one found there."""
        shown = self.show(path) if value is None else value
        return BriefProblem(self.file, self.line_of(path), format_key(path), shown, message)


class _Fault(Exception):
    """A file that cannot be read as one tree; it becomes the file's single problem."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.line = line


@dataclass
class _Tree:
    """What the walk over the nodes collects."""

    file: str
    source: str
    text: Sequence[str]
    lines: dict[KeyPath, int] = field(default_factory=dict)
    scalars: dict[KeyPath, str] = field(default_factory=dict)
    swallowed: dict[KeyPath, str] = field(default_factory=dict)
    lost: dict[KeyPath, str] = field(default_factory=dict)
    enclosed: set[KeyPath] = field(default_factory=set)
    bare: dict[KeyPath, str] = field(default_factory=dict)
    odd_numbers: dict[KeyPath, str] = field(default_factory=dict)
    quoted: set[KeyPath] = field(default_factory=set)
    problems: list[BriefProblem] = field(default_factory=list)

    def refuse(self, node: yaml.Node, path: KeyPath, message: str, value: str = "") -> None:
        line = node.start_mark.line + 1
        self.problems.append(BriefProblem(self.file, line, format_key(path), value, message))


def parse_document(
    content: bytes, *, file: str, path: Path
) -> tuple[Document | None, list[BriefProblem]]:
    """Parse one file.

    Returns:
        The document, or None when no mapping could be read, and the problems of its YAML.
    """
    try:
        text = _decode(content)
        root = _compose(text)
    except _Fault as fault:
        return None, [BriefProblem(file, fault.line, "", "", str(fault))]
    if not isinstance(root, yaml.MappingNode):
        seen = "a list" if isinstance(root, yaml.SequenceNode) else show_text(str(root.value))
        line = root.start_mark.line + 1
        return None, [BriefProblem(file, line, "", seen, "accepted: a mapping of keys to values")]
    tree = _Tree(file, text, split_lines(text))
    tree.lines[()] = root.start_mark.line + 1
    data = _build_mapping(root, (), tree)
    digest = hashlib.sha256(content).hexdigest()
    document = Document(
        file=file,
        path=path,
        sha256=digest,
        data=data,
        lines=tree.lines,
        scalars=tree.scalars,
        swallowed=tree.swallowed,
        lost=tree.lost,
        enclosed=tree.enclosed,
        bare=tree.bare,
        odd_numbers=tree.odd_numbers,
        quoted=tree.quoted,
    )
    return document, tree.problems


def _decode(content: bytes) -> str:
    if len(content) > MAX_FILE_BYTES:
        raise _Fault(
            None, f"larger than {MAX_FILE_BYTES // 1024**2} MiB; split it into several briefs"
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise _Fault(line, f"byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from error
    for unwanted, name, remedy in (
        (_CONTROL, "control character", "remove it"),
        (_UNSEEN_BREAK, "unseen line break", "put a space in its place"),
    ):
        found = unwanted.search(text)
        if found:
            line = len(split_lines(text[: found.start()]))
            raise _Fault(line, f"has the {name} U+{ord(found[0]):04X}; {remedy}")
    return text


def _compose(text: str) -> yaml.Node:
    try:
        _measure(text)
        root: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _explain(error, text) from error
    except yaml.YAMLError as error:
        raise _Fault(None, f"not valid YAML: {' '.join(str(error).split())}") from error
    if root is None:
        raise _Fault(None, "the file is empty; write a brief or remove the file")
    return root


def _measure(text: str) -> None:
    """Refuse what would be costly to compose, by the flat stream of events alone."""
    depth = nodes = 0
    event: Any  # the stubs leave out that events of a text always have their marks
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            raise _Fault(line, f"alias *{event.anchor} is not accepted; write the value out")
        if isinstance(event, yaml.ScalarEvent) and event.anchor is not None:
            message = (
                f"anchor &{event.anchor} is not accepted; put text that begins with & in quotes"
            )
            raise _Fault(line, message)
        if getattr(event, "tag", None) == "!":
            raise _Fault(line, "a text can't begin with !: put the text in quotes")
        nodes += isinstance(event, yaml.NodeEvent)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise _Fault(line, f"nested deeper than {MAX_DEPTH} levels; flatten it")
        if nodes > MAX_NODES:
            raise _Fault(line, f"more than {MAX_NODES} values; split it into several briefs")


def _explain(error: yaml.MarkedYAMLError, text: str) -> _Fault:
    line, message = explain_syntax(error, text)
    if "single document" in (error.context or ""):
        return _Fault(line, "a second document begins here; keep one document in a file")
    lines = text.split("\n")
    if line and line <= len(lines) and re.match(r" *\t", lines[line - 1]):
        return _Fault(line, "indented with a tab; use spaces")
    return _Fault(line, message)


def _build(node: yaml.Node, path: KeyPath, tree: _Tree, indent: int | None) -> Any:
    """Return the data of a node.

    `indent` is the column at which its key or its dash stands, None between brackets or braces.
    """
    if isinstance(node, yaml.MappingNode) and node.tag == _CORE + "map":
        return _build_mapping(node, path, tree)
    if isinstance(node, yaml.SequenceNode) and node.tag == _CORE + "seq":
        return _build_list(node, path, tree)
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        return _build_scalar(node, path, tree, indent)
    name = node.tag.replace(_CORE, "!!")
    wanted = "write plain text, a list or a mapping"
    if isinstance(node, yaml.ScalarNode):
        wanted = "put the text in quotes, or " + wanted
    tree.refuse(node, path, f"the tag {name} is not accepted; {wanted}")
    return None


def _build_list(node: yaml.SequenceNode, path: KeyPath, tree: _Tree) -> tuple[Any, ...]:
    items = []
    indent = None if node.flow_style else node.start_mark.column
    before = node.start_mark
    for index, item in enumerate(node.value):
        place = (*path, index)
        tree.lines[place] = item.start_mark.line + 1
        items.append(_build(item, place, tree, indent))
        if not node.flow_style:
            _watch_beginning(item, before, place, tree)
        before = item.end_mark
    if node.flow_style:
        _watch_brackets(node, path, tree)
    return tuple(items)


def _build_mapping(node: yaml.MappingNode, path: KeyPath, tree: _Tree) -> dict[str, Any]:
    result: dict[str, Any] = {}
    before: yaml.Node | None = None
    for key_node, value_node in node.value:
        bare = _find_bare(key_node, value_node, before, tree) if node.flow_style else None
        before = value_node if bare is None else before
        key = _read_key(key_node, path, tree, bare)
        if key is None:
            continue
        place = (*path, key)
        if key in result:
            first = tree.lines[place]
            message = bare or f"given twice, first on line {first}; keep one"
            tree.refuse(key_node, place, message)
            continue
        tree.lines[place] = key_node.start_mark.line + 1
        if bare is not None:
            tree.bare[place] = bare
        indent = None if node.flow_style else key_node.start_mark.column
        result[key] = _build(value_node, place, tree, indent)
        if not node.flow_style:
            _watch_beginning(value_node, key_node.end_mark, place, tree)
    if node.flow_style:
        _watch_brackets(node, path, tree)
    return result


def _find_bare(
    key: yaml.Node, value: yaml.Node, before: yaml.Node | None, tree: _Tree
) -> str | None:
    """Return what is wrong with a key in braces that is one only for want of quotes or a space."""
    gap = tree.source[key.end_mark.index : value.start_mark.index]
    if not isinstance(key, yaml.ScalarNode) or not is_plain(value) or value.value or ":" in gap:
        return None
    return explain_bare_key(key, before)


def _read_key(node: yaml.Node, path: KeyPath, tree: _Tree, bare: str | None) -> str | None:
    if not isinstance(node, yaml.ScalarNode):
        tree.refuse(node, path, "a list or mapping is used as a key; accepted: a plain word")
        return None
    if node.tag == _CORE + "merge":
        tree.refuse(node, path, "merge keys are not accepted; write the values out", "'<<'")
        return None
    if node.tag != _CORE + "str":
        kind = _KINDS.get(node.tag.removeprefix(_CORE), "something other than text")
        message = bare or f"YAML reads this key as {kind}; put it in quotes"
        tree.refuse(node, path, message, node.value or "null")
        return None
    return str(node.value)


def _build_scalar(node: yaml.ScalarNode, path: KeyPath, tree: _Tree, indent: int | None) -> Any:
    if node.style in ("'", '"'):
        fault = find_glued(tree.text, node)
        if fault is None and indent is not None:
            fault = find_unclosed(tree.source, node, indent)
        if fault is not None:
            tree.refuse(node, path, fault, show_text(node.value))
    else:
        is_listed = indent is None and isinstance(path[-1], int)
        taken_in = find_taken_in(tree.source, node, is_listed=is_listed)
        if taken_in is not None:
            tree.lost[path] = taken_in
        if indent is not None:
            _watch_comments(node, path, tree, indent)
    if node.tag == _CORE + "str":
        if node.style and _PLAIN_NUMBER.fullmatch(node.value):
            tree.quoted.add(path)
        return node.value
    tree.scalars[path] = node.value
    constructor = yaml.constructor.SafeConstructor()
    try:
        value: Any = constructor.construct_object(node)
    except (ValueError, KeyError, AttributeError, OverflowError):
        # An impossible date, a number too long, `!!bool maybe`: PyYAML lets each error through.
        message = "YAML cannot read this value; put it in quotes"
        tree.refuse(node, path, message, show_text(node.value))
        return node.value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and not _PLAIN_NUMBER.fullmatch(node.value):
        tree.odd_numbers[path] = (
            f"YAML reads this as {str(value)[:_SHOWN_DIGITS]}; accepted: plain decimals such as 20 "
            "or 0.5; put it in quotes where it is text"
        )
    return value


def _watch_comments(node: yaml.ScalarNode, path: KeyPath, tree: _Tree, indent: int) -> None:
    """Refuse what looks like text behind a text; remember any other comment that may be some."""
    swallowed = None if node.style else find_swallowed(tree.text, node.end_mark)
    if swallowed is not None and node.tag == _CORE + "str":
        tree.refuse(node, path, tell_cut(node.value, swallowed), show_text(node.value))
    elif swallowed is not None and not node.value:
        tree.swallowed[path] = swallowed
    else:
        lost = find_lost_text(tree.text, node, indent)
        if lost is not None:
            tree.lost[path] = lost


def _watch_beginning(node: yaml.Node, before: yaml.Mark, path: KeyPath, tree: _Tree) -> None:
    """Remember a comment between a key or dash and its text, where that stands further below."""
    if not isinstance(node, yaml.ScalarNode) or not is_plain(node) or not node.value:
        return
    if node.start_mark.line > before.line:
        gap = tree.source[before.index : node.start_mark.index]
        lost = find_lost_beginning(gap, node) if "#" in gap else None
        if lost is not None:
            tree.lost.setdefault(path, lost)


def _watch_brackets(node: yaml.CollectionNode, path: KeyPath, tree: _Tree) -> None:
    """Do the same for the comments between brackets or braces."""
    for hidden in find_hidden(tree.source, node):
        place, value = path, ""
        if hidden.step is not None:
            place, owner = _find_owner(node, hidden.step, path)
            value = show_text(owner.value) if isinstance(owner, yaml.ScalarNode) else ""
        if hidden.is_word and hidden.is_value:
            tree.swallowed.setdefault(place, hidden.text)
        elif hidden.is_word:
            line, key = hidden.line + 1, format_key(place)
            tree.problems.append(BriefProblem(tree.file, line, key, value, hidden.message))
        else:
            tree.lost.setdefault(place, hidden.message)
            if place != path:
                tree.enclosed.add(place)


def _find_owner(node: yaml.CollectionNode, step: int, path: KeyPath) -> tuple[KeyPath, yaml.Node]:
    """Return the place of an item or of a pair's value, and the item or value."""
    if isinstance(node, yaml.SequenceNode):
        return (*path, step), node.value[step]
    key, value = node.value[step]
    return (*path, str(key.value)) if key.tag == _CORE + "str" else path, value
