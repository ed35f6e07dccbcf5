"""A text over several lines takes in no item, key or comment unseen, by either parser."""

from collections.abc import Mapping
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict

from nbp_dagster.yaml_source.validation import FREE_TEXT
from tests.unit.yaml_source.records import list_problems

pytestmark = pytest.mark.usefixtures("each_parser")

_Text = Annotated[str, FREE_TEXT]


class _Shot(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    scene: _Text | None = None
    id: str | None = None


class _Brief(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: _Text | None = None
    terms: tuple[_Text, ...] = ()
    lines: Mapping[str, _Text] = {}
    shots: tuple[_Shot, ...] = ()
    ids: tuple[str, ...] = ()


def check(text: str) -> list[str]:
    return list_problems(_Brief, text)


TAKEN_IN = [
    ("terms:\n- guaranteed\n  - fastest", "goes on with '- fastest' on line 3: if that is an item"),
    ("terms:\n- guaranteed\n -\n  fastest", "goes on with '-' on line 3"),
    (
        "terms:\n- cure\n\n   -detox\n- tea",
        "x:2: terms[0]: 'cure\\n-detox' - goes on with '-detox'",
    ),
    (
        "lines:\n  en: Fresh\r\n    de:Frisch",
        "goes on with 'de:Frisch' on line 3: if that is a key",
    ),
    ("lines:\n  en: Fresh\n    'zh_Hant':x", "goes on with \"'zh_Hant':x\" on line 3"),
    ("lines: {en: Fresh\n  de:Frisch}", "lines.en: 'Fresh de:Frisch' - goes on with 'de:Frisch'"),
    ("shots:\n- scene: Ada walks\n   in rain\n   text:none", "goes on with 'text:none' on line 4"),
    ("shots:\n- scene: Ada walks\n   characters [ada, otto]", "with 'characters [ada, otto]' on"),
    ("shots:\n- scene: Ada walks\n   palette {a}", "with 'palette {a}'"),
    ("terms: [cure,\n  guaranteed\n  detox]", "terms[1]: 'guaranteed detox' - goes on below, on"),
    (
        "name: Tea \u201cof\u201d\n  text:none",
        "put the whole text in quotes, of which only straight",
    ),
]


@pytest.mark.parametrize(("text", "said"), TAKEN_IN)
def test_a_line_that_may_be_no_part_of_the_text_above_it_is_told(text: str, said: str) -> None:
    [problem] = check(text)

    assert said in problem


@pytest.mark.parametrize(
    "text",
    [
        "name: Ada walks over the bridge\n  and waves; at\n  10:30 she sits",
        "name: see\n  https://acme.example/a",
        "name: Ada -\n  -- as ever - walks at\n  -20 degrees",
        "name: Ada walks\n  past a sign [now]",
        "name: Ada walks\n  characters and all",
        "shots:\n- {scene: Ada walks\n    over the bridge, id: a}",
        "terms:\n  - risk\n    free\n  - cure",
        "terms: ['risk\n  free', cure]",
        "name: >-\n  Ada walks\n  - slowly\n  text:none",
        "name: 'Ada walks\n  - slowly\n  text:none'",
        "ids: [a\n  b, c]",
    ],
)
def test_an_ordinary_text_over_several_lines_is_left_alone(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: >-\n  Ada\n  # ask Ann\n  walks", "has '# ask Ann' on line 3, which is text there"),
        ("name: |\n  # ask Ann\n  Ada", "has '# ask Ann' on line 2"),
        ("terms:\n- >\n  cure\n\n  #\n- tea", "terms[0]: 'cure\\n#\\n' - has '#' on line 5"),
        ("lines:\n  en: >2-\n      # ask\n    Fresh\n", "has '# ask' on line 3"),
    ],
)
def test_a_comment_inside_a_block_is_told_as_the_text_it_is(text: str, said: str) -> None:
    [problem] = check(text)

    assert said in problem
    assert "put a comment above the whole text, or the whole text in quotes" in problem


@pytest.mark.parametrize(
    "text",
    [
        "# ask Ann\nname: >-\n  Ada\n  #1 of walks\n  C# and # b",
        "lines:\n  # above\n  en: >-\n    Fresh\n\n  # below\n  de: x",
        "name: |\n  Ada\n# below\n",
    ],
)
def test_a_comment_outside_a_block_or_a_hashtag_in_it_is_left_alone(text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('lines:\n  en: "Fresh\n  de: Frisch"', "goes on with 'de: Frisch\"' on line 3: close the"),
        ("shots:\n- scene: 'Ada\n- scene: Otto'", 'with "- scene: Otto\'"'),
        ("name: 'Ada\n\nwalks'", "x:1: name: 'Ada\\nwalks' - goes on with \"walks'\" on line 3"),
        ("terms:\n  - 'cure\n  tea'", "terms[0]: 'cure tea' - goes on with \"tea'\" on line 3"),
    ],
)
def test_a_quote_that_closes_beyond_the_next_key_or_item_is_told(text: str, said: str) -> None:
    [problem] = check(text)

    assert said in problem


@pytest.mark.parametrize(
    "text",
    [
        'lines:\n  en: "Fresh\n\n   every day"',
        "terms:\n- 'cure\n  all'",
        "terms: ['cure\nall']",
        "terms:\n-\n  'cure\n  all'",
        "name:\n  'Ada\n  walks'",
    ],
)
def test_a_quoted_text_that_is_indented_like_text_is_left_alone(text: str) -> None:
    assert check(text) == []
