"""How a place in a brief is named, and that a problem is one line that any terminal can show."""

import pytest

from nbp_dagster.yaml_source.problems import BriefProblem, format_key, list_accepted


@pytest.mark.parametrize("key", ["a" * 5000, "x y" * 2000, "\x1b[31m" * 500])
def test_a_key_of_any_length_is_named_in_one_short_line(key: str) -> None:
    named = format_key(("shots", 0, key))

    assert named.startswith("shots[0].'")
    assert len(named) < 500
    assert named.isprintable()


def test_plain_keys_are_named_as_they_are() -> None:
    assert format_key(("shots", 0, "copy", "head-line_2")) == "shots[0].copy.head-line_2"


@pytest.mark.parametrize("text", ["a\tb", "\ufeffa", "\xa0box", "a\nb", "\x1b[2J"])
def test_a_brief_s_own_words_in_a_message_are_shown_with_escapes(text: str) -> None:
    problem = BriefProblem("brands/a.yaml", 3, "products", "'box'", f"accepted: {text}, caf\u00e9")

    assert str(problem).isprintable()
    assert str(problem).endswith("caf\u00e9")


def test_a_message_with_a_brief_s_own_names_is_one_line_of_bearable_length() -> None:
    names = ", ".join(["word " * 500, "en"])
    problem = BriefProblem(
        "brands/a.yaml", 3, "copy", "", f"missing in {names}: add one to the copy"
    )

    assert len(str(problem)) < 1000
    assert str(problem).startswith("brands/a.yaml:3: copy: missing in word")
    assert str(problem).endswith("en: add one to the copy")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("4k", "accepted: 1K, 2K, 4K; did you mean 4K?"),
        ("8K", "accepted: 1K, 2K, 4K"),
        ("", "accepted: 1K, 2K, 4K"),
    ],
)
def test_a_short_word_in_other_letters_is_told_with_what_was_meant(wanted: str, said: str) -> None:
    assert list_accepted(["1K", "2K", "4K"], wanted=wanted) == said
