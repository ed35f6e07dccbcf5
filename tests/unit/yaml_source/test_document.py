"""One YAML text as data with lines: what is converted, what is refused, and at what cost."""

import time
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.yaml_source.document import MAX_FILE_BYTES, MAX_NODES, Document, parse_document

FILE = "brands/x.yaml"


def parse(text: str | bytes) -> tuple[Document | None, list[str]]:
    content = text.encode() if isinstance(text, str) else text
    document, problems = parse_document(content, file=FILE, path=Path(FILE))
    return document, [str(problem) for problem in problems]


def read(text: str) -> Any:
    document, problems = parse(text)
    assert problems == []
    assert document is not None
    return document.data


def test_scalars_are_those_of_yaml_1_1() -> None:
    data = read('a: 12\nb: 0x1F\nc: 1.5\nd: yes\ne: ~\nf: "12"\ng: plain\nh: 4:5\ni:\n')
    assert data == {
        "a": 12,
        "b": 31,
        "c": 1.5,
        "d": True,
        "e": None,
        "f": "12",
        "g": "plain",
        "h": 245,
        "i": None,
    }


def test_lists_become_tuples_and_mappings_keep_their_order() -> None:
    data = read("b: [1, [2]]\na:\n  - x: y\n")
    assert list(data) == ["b", "a"]
    assert data == {"b": (1, (2,)), "a": ({"x": "y"},)}


def test_keys_and_items_remember_their_lines() -> None:
    document, _ = parse("a: 1\n\nb:\n  # note\n  - x\n  - y: |\n      long\n      text\n")
    assert document is not None
    assert document.line_of(("a",)) == 1
    assert document.line_of(("b",)) == 3
    assert document.line_of(("b", 0)) == 5
    assert document.line_of(("b", 1, "y")) == 6
    assert document.line_of(("b", 1, "missing")) == 6


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("1: a\n", f"{FILE}:1: 1 - YAML reads this key as a number; put it in quotes"),
        ("a: {~: b}\n", f"{FILE}:1: a: ~ - YAML reads this key as null; put it in quotes"),
        ("2026-01-31: b\n", f"{FILE}:1: 2026-01-31 - YAML reads this key as something other than "
         "text; put it in quotes"),
        ("? [a]\n: b\n", f"{FILE}:1: a list or mapping is used as a key; accepted: a plain word"),
        ("a: !!bool maybe\n", f"{FILE}:1: a: 'maybe' - YAML cannot read this value; put it in "
         "quotes"),
        ("a: !!set {b}\n", f"{FILE}:1: a: the tag !!set is not accepted; write plain text, a list "
         "or a mapping"),
        ("a: !mine [b]\n", f"{FILE}:1: a: the tag !mine is not accepted; write plain text, a list "
         "or a mapping"),
        ("a: b\na: c\na: d\n", f"{FILE}:2: a: given twice, first on line 1; keep one"),
    ],
)  # fmt: skip
def test_what_is_not_plain_data_is_refused_with_its_line(text: str, problem: str) -> None:
    _, problems = parse(text)
    assert problems[0] == problem


def test_an_endless_number_is_refused() -> None:
    _, problems = parse(f"a: {'9' * 5000}\n")
    assert len(problems) == 1
    assert problems[0].endswith("YAML cannot read this value; put it in quotes")
    assert len(problems[0]) < 200


def test_a_file_that_is_too_large_is_refused_unparsed() -> None:
    _, problems = parse(b"#" * (MAX_FILE_BYTES + 1))
    assert problems == [f"{FILE}: larger than 8 MiB; split it into several briefs"]


def test_a_file_with_too_many_values_is_refused() -> None:
    _, problems = parse("a: [" + "1," * MAX_NODES + "]")
    assert problems == [f"{FILE}:1: more than 400000 values; split it into several briefs"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_hostile_nesting_is_refused_at_once(opening: str) -> None:
    """Neither the recursion limit nor the C stack is reached: the depth is read off the events."""
    started = time.perf_counter()
    document, problems = parse("a:\n " + opening * 20_000)

    assert document is None
    assert len(problems) == 1
    assert time.perf_counter() - started < 2
