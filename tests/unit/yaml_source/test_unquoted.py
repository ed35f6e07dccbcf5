"""Text that wants quotes is told in plain words with its line, by either of PyYAML's parsers."""

from pathlib import Path
from typing import Annotated

import pytest
import yaml
from pydantic import BaseModel, ConfigDict

from nbp_dagster.yaml_source.document import parse_document
from nbp_dagster.yaml_source.unquoted import explain_syntax
from nbp_dagster.yaml_source.validation import FREE_TEXT, check_record


def read_problems(text: str) -> list[str]:
    _, problems = parse_document(text.encode(), file="x", path=Path("x"))
    return [str(problem) for problem in problems]


SYNTAX = [
    ("a:\n  en: Sale: 50 off\n", 2, "a colon and a space stand inside a text: put the text in"),
    ("a: {en: 50% off: now}\n", 1, "a colon and a space stand inside a text"),
    ("- b: c: d\n", 1, "a colon and a space stand inside a text"),
    ("a: b\n  c: d\n", 2, "a key where the text of the line above goes on"),
    ("a: @acme says\n", 1, "a text can't begin with @: put the text in quotes"),
    ("a: %50 off\n", 1, "a text can't begin with %"),
    ("a: `x`\n", 1, "a text can't begin with `"),
    ("a: , b\n", 1, "a text can't begin with ,"),
    ("a: - b\n", 1, "a text can't begin with a dash and a space"),
    ("a: ? b\n", 1, "a text can't begin with ? and a space"),
    ("a: {en: ?why}\n", 1, "a text can't begin with ?: put the text in quotes"),
    ("a: & b\n", 1, "a text can't begin with & or *"),
    ("a: 'it's\n", 1, "text goes on behind its closing quote"),
    ('a: "Sale" now\n', 1, "text goes on behind its closing quote"),
    ('a: b\nc: "x\nd: e\n', 2, "the quote that opens here is not closed"),
    ('a: "50\\% off"\n', 1, "a backslash within double quotes"),
    ("a: > text\n", 1, "text behind | or > begins on the next line"),
    ("a: {primary: #1B3A4B, b: c}\nd: e\n", 1, "'#1B3A4B, b: c}' is a comment to YAML"),
    ("b: c\na: [x, #tag, y]\n", 2, "'#tag, y]' is a comment to YAML"),
    ("a: [b, c\nd: e\n", 2, "the bracket that opens on line 1 is not closed"),
    ("a: b\n c\nd\n", 3, "neither a key with a colon nor an item of a list"),
    ("a:\n  - b\n- c: d\n e: f\n", None, ""),
    ("a: b\n- c\n", 2, "an item of a list where a key belongs"),
    ("- a\nb: c\n", 2, "a key where an item of the list belongs"),
    ("  a: b\nc: d\n", 2, "is not indented like the first line"),
]


@pytest.mark.parametrize("loader", [yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)])
@pytest.mark.parametrize(("text", "line", "said"), SYNTAX)
def test_the_parser_s_words_are_told_plainly(
    loader: type[yaml.SafeLoader], text: str, line: int | None, said: str
) -> None:
    with pytest.raises(yaml.MarkedYAMLError) as caught:
        yaml.compose(text, Loader=loader)

    found, message = explain_syntax(caught.value, text)

    assert "not valid YAML" not in message
    assert said in message
    if line is not None:
        assert found == line


@pytest.mark.parametrize("written", ["Share #AcmeStyle", "call #1 now", "a\n  b #x"])
def test_text_that_a_hashtag_would_cut_is_refused(written: str) -> None:
    [problem] = read_problems(f"a: {written}\nb: c\n")

    assert "for a comment: put the whole text in quotes" in problem
    assert "x:" in problem


@pytest.mark.parametrize(
    "written",
    ["b # a note", "'b #tag'", "b#tag", "b ## note", "b #---", "1 #2", "'b' #tag", ">-\n  b #c"],
)
def test_what_is_meant_as_a_comment_or_quoted_is_left_alone(written: str) -> None:
    assert read_problems(f"a: {written}\nb: c\n") == []


@pytest.mark.parametrize("written", ["#1B3A4B", "  #1B3A4B", "\n  - #1B3A4B"])
def test_a_value_that_is_a_comment_is_remembered(written: str) -> None:
    document, problems = parse_document(f"a: {written}\n".encode(), file="x", path=Path("x"))

    assert problems == []
    assert document is not None
    assert list(document.swallowed.values()) == ["#1B3A4B"]


TEXTS = [
    ("a: Be # 1 today", "ends here, as YAML takes '# 1 today' for a comment"),
    ("a: Tea ## best", "ends here, as YAML takes '## best'"),
    ("a: Tea #!wow", "ends here, as YAML takes '#!wow'"),
    ("a: Win #", "ends here, as YAML takes '#'"),
    ("b:\n- Tea # 1", "ends here, as YAML takes '# 1'"),
    ("b: [Tea # 1\n]", "ends here, as YAML takes '# 1'"),
    ("b: [\n  Tea # 1\n  , x]", "ends here, as YAML takes '# 1'"),
    (
        "a: Share\n  #AcmeStyle",
        "takes '#AcmeStyle' on line 2 for a comment: put the text in quotes",
    ),
    ("a: Share\n  it\n\n  # 1", "takes '# 1' on line 4 for a comment: put the text in quotes"),
    ("a: Share\n#AcmeStyle", "takes '#AcmeStyle' on line 2 for a comment: put the text in quotes"),
    ("a: >-\n    Share\n  # 1\nc: d", "takes '# 1' on line 3 for a comment: indent it like"),
    ("a: |\n    Share\n#AcmeStyle", "takes '#AcmeStyle' on line 3 for a comment: indent it like"),
    ("a: >- #AcmeStyle\n  Share", "'#AcmeStyle' is a comment to YAML: text begins on the next"),
    ("a: # 1 today", "ends here, as YAML takes '# 1 today' for a comment"),
    ("a:\n  #AcmeStyle", "takes '#AcmeStyle' on line 2 for a comment: put the text in quotes"),
]


class _Texts(BaseModel):
    model_config = ConfigDict(strict=True)

    a: Annotated[str, FREE_TEXT] | None = None
    b: tuple[Annotated[str, FREE_TEXT], ...] = ()
    c: str | None = None


def check_texts(text: str) -> list[str]:
    document, problems = parse_document(text.encode(), file="x", path=Path("x"))
    assert document is not None
    _, more = check_record(_Texts, document)
    return [str(problem) for problem in (*problems, *more)]


@pytest.mark.parametrize(("text", "said"), TEXTS)
def test_no_text_that_is_printed_or_drawn_ends_at_a_comment(text: str, said: str) -> None:
    [problem] = check_texts(text + "\n")

    assert said in problem


@pytest.mark.parametrize(
    "text",
    [
        "c: word # a note",
        "c: word\n  # a note",
        "c: # a note",
        'a: "Share" # a note',
        "a: >-\n  Share\n  #AcmeStyle",
        "a: > # folded\n  Share",
        "a: Share\n# a note",
        "a: Share\n#c: taken out",
        "a: Share\n\n# a note",
        "b:\n- Share\n#- taken out",
        "b: # a note\n- Share",
        "b: [Share, it]  # a note",
        "a: C# is fun",
    ],
)
def test_a_comment_beside_or_below_a_text_is_left_alone(text: str) -> None:
    assert check_texts(text + "\n") == []


def test_text_that_begins_with_an_exclamation_mark_is_told_instead_of_shortened() -> None:
    [problem] = read_problems("a: b\nc: ! Sale now\n")

    assert problem == "x:2: a text can't begin with !: put the text in quotes"


def test_an_anchor_is_told_instead_of_lost() -> None:
    [problem] = read_problems("a: &more tea\n")

    assert "anchor &more is not accepted" in problem


@pytest.mark.parametrize("piece", [" ", "\t", " #", " #a", "- ", ": ", "#"])
@pytest.mark.parametrize("around", ["[{}", "{{a: [1,\n{}\n]]", "a: [1,\n{}"])
def test_a_megabyte_that_is_no_yaml_is_explained_in_time(piece: str, around: str) -> None:
    """Where each of a million spaces is tried for a comment, it takes hours."""
    text = around.format(piece * (1_000_000 // len(piece)))

    for problem in read_problems(text):
        assert len(problem) < 400
