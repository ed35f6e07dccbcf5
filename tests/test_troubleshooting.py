"""Every message that docs/troubleshooting.md quotes is one of the code's."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
QUOTES = re.findall(r"^> (.+)$", PAGE, re.MULTILINE)
# Fewer fixed letters could be any message.
LEAST = 16


@cache
def read_messages() -> frozenset[str]:
    """Return every text of the package's code, with `...` for what is filled in."""
    files = (ROOT / "nbp_dagster").rglob("*.py")
    return frozenset(text for file in files for text in list_texts(file.read_text("utf-8")))


def list_texts(source: str) -> Iterator[str]:
    """Yield the texts of a module but for its docstrings."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            # Two values side by side are one gap.
            gaps = groupby(node.values, key=lambda part: isinstance(part, ast.FormattedValue))
            yield "".join("..." if gap else _join(parts) for gap, parts in gaps)
        elif isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def _join(parts: Iterable[ast.expr]) -> str:
    return "".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def is_message(quote: str, messages: frozenset[str]) -> bool:
    """Whether a quote is a message, or a part of one that `...` cuts at its ends."""
    part = re.sub(r"^\.{3} ?| ?\.{3}$", "", quote)
    letters = len(part.replace("...", ""))
    return letters >= LEAST and any(part in message for message in messages)


@pytest.mark.parametrize("quote", QUOTES)
def test_a_quoted_message_is_in_the_code(quote: str) -> None:
    assert is_message(quote, read_messages())


def test_a_message_that_the_code_does_not_have_is_noticed() -> None:
    messages = read_messages()

    for quote in QUOTES:
        assert not is_message(
            quote.replace(" the ", " a ").replace(" is ", " was ") + "!", messages
        )


def test_a_text_with_values_is_compared_with_dots_in_their_place() -> None:
    source = 'def f():\n    """Docs."""\n    return f"{a}{b} of {c}: " f"no image, {d:.2f}"\n'

    texts = list(list_texts(source))

    assert "... of ...: no image, ..." in texts
    assert "Docs." not in texts


def test_every_heading_with_a_message_has_an_answer() -> None:
    sections = re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)[1:]

    for section in sections:
        if "\n> " in section:
            assert [
                line
                for line in section.splitlines()[1:]
                if line and not line.startswith((">", "|"))
            ], section
