"""What YAML takes for a comment and may be text is told, in every style and by either parser."""

from collections.abc import Mapping
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict

from nbp_dagster.yaml_source.validation import FREE_TEXT
from tests.unit.yaml_source.records import list_problems

pytestmark = pytest.mark.usefixtures("each_parser")

_Text = Annotated[str, FREE_TEXT]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    scene: _Text | None = None
    id: str | None = None


class _Brief(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: _Text | None = None
    terms: tuple[_Text, ...] = ()
    copy_: Mapping[str, _Text] = {}
    texts: Mapping[str, Mapping[str, _Text]] = {}
    parts: tuple[_Part, ...] = ()
    id: str | None = None
    ids: tuple[str, ...] = ()
    colours: Mapping[str, str] = {}


def check(text: str) -> list[str]:
    return list_problems(_Brief, text)


BEHIND_A_COMMA = [
    (
        "copy_: {en: Hello, #world\n  de: Hallo}",
        "copy_.en: 'Hello' - ends here, as YAML",
    ),
    ("copy_: {en: Hello, # world\n  de: Hallo}", "'Hello' - ends here, as YAML takes '# world'"),
    ("copy_: {en: Hello #world\n  , de: Hallo}", "ends here, as YAML takes '#world'"),
    ("copy_: {en: 50, #off\n}", "copy_.en: 50 - accepted: text; ends here, as YAML takes '#off'"),
    ("texts: {h: {en: Hello}, #s: {en: Bye}\n }", "texts: YAML takes '#s: {en: Bye}' on line 1"),
    ("texts:\n  h: {en: Hello, #s\n }", "x:2: texts.h.en: 'Hello' - ends here, as YAML takes '#s'"),
    ("terms: [best, #1,\n  cure]", "x:1: terms: YAML takes '#1,' on line 1 for a comment"),
    ("terms: [best,#1,\n  cure]", "terms: YAML takes '#1,' on line 1"),
    ("terms: [best,#1]\n  , cure]", "x:2: a text can't begin with ,"),
    ("terms: [\n best, #1\n cure]", "terms: YAML takes '#1' on line 2"),
    ("terms: [\n best, # 1\n cure]", "terms: YAML takes '# 1' on line 2"),
    ("terms: [\n best\n , #1\n cure]", "terms: YAML takes '#1' on line 3"),
    ('terms: ["best", # 1\n cure]', "terms: YAML takes '# 1' on line 1"),
    ('terms: ["best" # 1\n, cure]', "terms: YAML takes '# 1' on line 1"),
    ("terms: [ # 1\n cure]", "terms: YAML takes '# 1' on line 1"),
    ("terms: [#1\n cure]", "terms: YAML takes '#1' on line 1"),
    ("parts: [{scene: Ada}, # waves\n {id: b}]", "parts: YAML takes '# waves' on line 1"),
    ("parts: [{id: a, # scene: Ada\n }]", "parts[0].id: 'a' - ends here"),
    ("parts:\n- {id: a, scene: Ada, # waves\n }", "parts[0].scene: 'Ada' - ends here"),
    ("{name: Ada, #waves\n id: a}", "name: 'Ada' - ends here, as YAML takes '#waves'"),
    ("ids: [a, #b\n c]", "ids: YAML takes '#b' on line 1"),
]


@pytest.mark.parametrize(("text", "said"), BEHIND_A_COMMA)
def test_text_between_brackets_is_not_lost_behind_a_comma(text: str, said: str) -> None:
    [problem] = check(text)

    assert said in problem


ON_ITS_OWN_LINE = [
    ("terms: [\n best,\n #1,\n cure]", "terms: YAML takes '#1,' on line 3 for a comment: put the"),
    ("terms: [\n #1,\n cure]", "on line 2 for a comment: put the whole text in quotes; if it is"),
    ("terms: [\n best\n # 1\n]", "terms[0]: 'best' - YAML takes '# 1' on line 3 for a comment"),
    ("terms: [\n best\n# 1\n, cure]", "or a comma before the comment"),
    ("copy_: {en: Share\n#AcmeStyle\n}", "copy_.en: 'Share' - YAML takes '#AcmeStyle' on line 2"),
    ("copy_: {en:\n #1\n tea}", "copy_.en: 'tea' - YAML takes '#1' on line 2"),
]


@pytest.mark.parametrize(("text", "said"), ON_ITS_OWN_LINE)
def test_a_line_between_brackets_that_may_be_text_is_told(text: str, said: str) -> None:
    [problem] = check(text)

    assert said in problem


@pytest.mark.parametrize(
    "text",
    [
        "terms: [best, cure] # a note",
        "terms: # a note\n  [best, cure]",
        "terms: [\n  # a note\n  best,\n  # another\n\n  # and more\n  cure,\n  # the end\n]",
        'terms: [\n  "best",\n  "cure"\n  # the end\n]',
        "copy_: {en: Hello,\n  #de: Hallo,\n  fr: Salut}",
        "copy_: {en:\n  # a note\n  Hello}",
        "parts: [\n  # one\n  {scene: Ada},\n  #{scene: Otto, id: b},\n  {id: c}]",
        'colours: {a: "#1B3A4B", # dark\n  b: "#F2B705" # sun\n}',
        "ids: [a, # first\n  b, # second\n]",
        "ids: [\n  a,\n  #b,\n  c]",
        "terms: [C#, a#1, 'b #c', \"d, #e\"]",
    ],
)
def test_a_comment_between_brackets_that_hides_no_text_is_left_alone(text: str) -> None:
    assert check(text) == []


ABOVE = [
    ("name: #1 choice\n  for tea", "'for tea' - YAML takes '#1 choice' on line 1 for a comment"),
    ("name: # 1 choice\n  for tea", "YAML takes '# 1 choice' on line 1"),
    ("name:\n  #1 choice\n  for tea", "YAML takes '#1 choice' on line 2"),
    ("terms:\n- cure\n- #1\n  tea", "terms[1]: 'tea' - YAML takes '#1' on line 3"),
    ("copy_: {en: #1\n  tea}", "copy_.en: 'tea' - YAML takes '#1' on line 1"),
]


@pytest.mark.parametrize(("text", "said"), ABOVE)
def test_the_beginning_of_a_text_is_not_lost_above_it(text: str, said: str) -> None:
    [problem] = check(text)

    assert said in problem


@pytest.mark.parametrize(
    "text",
    [
        "name:\n  # a note\n  for tea",
        "name: # a note\n  'for tea'",
        "id: # a note\n  for_tea",
        'terms:\n- "cure" # a note\n#- taken out\n# a note\n- tea',
        "terms: # a note\n  - tea",
    ],
)
def test_a_comment_above_a_text_is_left_alone(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize("text", ['name: "Hi"#Ada', "terms: ['Hi'#Ada\n, b]", "id: 'Hi'#Ada"])
def test_a_hashtag_right_behind_a_closing_quote_is_told(text: str) -> None:
    [problem] = check(text)

    assert "'Hi' - ends here, as YAML takes '#Ada' for a comment" in problem
    assert "put all of it in the quotes" in problem


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("text", ["Share{}#Ada", "Share{}# Ada", '"Share{}it"', ">-\n  a{}  #b"])
def test_a_line_break_that_no_editor_shows_is_told(sign: str, text: str) -> None:
    [problem] = check(f"id: a\nname: {text.format(sign)}")

    line = 3 if text.startswith(">") else 2
    assert problem == (
        f"x:{line}: has the unseen line break U+{ord(sign):04X}; put a space in its place"
    )


@pytest.mark.parametrize("written", ["50 #off", "50 # off", "2026-01-31 #sale", "yes #off"])
def test_the_whole_of_what_is_no_text_by_half_is_to_be_quoted(written: str) -> None:
    [problem] = check(f"name: {written}")

    comment = written[written.index("#") :]
    assert f"accepted: text; ends here, as YAML takes {comment!r} for a comment" in problem
    assert "put the whole text in quotes" in problem


def test_a_number_beside_a_comment_is_to_be_quoted_alone_where_no_person_writes_text() -> None:
    [problem] = check("id: 7 # the seventh")

    assert problem == "x:1: id: 7 - accepted: text; put it in quotes"


COMMAS = [
    ("copy_: {en: Fresh, hot coffee}", ["copy_.'hot coffee': null - accepted: text; a comma ends"]),
    (
        "copy_: {en: Sale, 50}",
        ["copy_: 50 - a comma ends a text in braces: put the text"],
    ),
    ("parts:\n- {id: a, scene: Ada waves, smiling}", ["parts[0].smiling: a comma ends a text in"]),
    ("parts: [{scene: Ada waves, id}]", ["parts[0].id: null - a comma ends a text in braces"]),
    (
        "parts:\n- {scene: a, b, c, id: d}",
        ["parts[0].b: a comma ends a text in", "parts[0].c: a comma ends a text in"],
    ),
    ("copy_: {en: “Hello, world”}", ["of which only straight ones (' or \") count"]),
    ("copy_: {en:Sale}", ["copy_.'en:Sale': null - accepted: text; a key has a space behind its"]),
    ("{name:Sale}", ["x:1: 'name:Sale': a key has a space behind its colon"]),
    ("copy_: {en: 'Hi', de:Hallo}", ["copy_.'de:Hallo': null - accepted: text; a key has a space"]),
]


@pytest.mark.parametrize(("text", "said"), COMMAS)
def test_a_comma_or_colon_in_braces_that_ends_no_key_is_told(text: str, said: list[str]) -> None:
    problems = check(text)

    assert len(problems) == len(said)
    for problem, words in zip(problems, said, strict=True):
        assert words in problem


def test_a_key_without_value_is_no_part_of_a_text_in_quotes() -> None:
    assert check("parts: [{scene: 'Ada waves', id}]") == []
    assert check("parts: [{scene: Ada waves, id: }]") == []


@pytest.mark.parametrize("text", ["name: “Ada: waves”", "name: «Ada: waves»", "name: “Ada” #b"])
def test_quotes_that_yaml_does_not_know_are_told(text: str) -> None:
    [problem] = check(text)

    assert "in quotes, of which only straight ones (' or \") count" in problem


def test_an_apostrophe_is_no_quote() -> None:
    [problem] = check("name: Today’s: tea")

    assert problem.endswith("put the text in quotes")
