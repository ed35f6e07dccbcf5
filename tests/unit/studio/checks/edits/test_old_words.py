"""Which words of the earlier wording count, and when one of them is there."""

import pytest

from nbp_dagster.studio.checks.edits.old_words import find_old_words, list_old_words
from nbp_dagster.studio.manifest.value_types import ReadLine


def line(text: str, score: float = 0.99) -> ReadLine:
    return ReadLine(text=text, score=score, left=0.1, top=0.1, right=0.9, bottom=0.2)


@pytest.mark.parametrize(
    ("old", "new", "allowed", "left"),
    [
        ("Slow mornings win", "Langsame Morgen gewinnen", (), ("Slow", "mornings", "win")),
        # Words that both have, whatever their case.
        ("Sale in Berlin", "SALE in Berlin", (), ()),
        # Names stay in every language.
        ("Hilltop Tea is back", "Der Tee ist da", ("Hilltop Tea",), ("back",)),
        # One letter apart is too near to tell a misreading from the other language's word.
        ("Koffie today", "Kaffee, koffi heute", (), ("today",)),
        # Short words and numbers.
        ("A 20% off", "20 % weniger", (), ("off",)),
        # No spaces: runs of three characters, but for those that both have.
        ("静かな朝", "静かな夜", (), ("かな朝",)),
    ],
)
def test_words_count_that_the_new_wording_has_nowhere(
    old: str, new: str, allowed: tuple[str, ...], left: tuple[str, ...]
) -> None:
    found = list_old_words({"headline": old}, {"headline": new}, allowed)
    assert found.get("headline", ()) == left


@pytest.mark.parametrize(
    ("read", "found"),
    [
        ("Slow", {"Slow": 0.9}),
        ("MORNINGS", {"mornings": 0.9}),
        # The reader may take one letter of a long word for another, and lose spaces.
        ("mornlngs", {"mornings": 0.9}),
        ("Slowmorningswin", {"mornings": 0.9}),
        ("Morgen", {}),
        ("slowly", {}),
        ("winner", {}),
    ],
)
def test_a_word_is_there_as_a_word(read: str, found: dict[str, float]) -> None:
    assert find_old_words(("Slow", "mornings", "win"), [line(read, 0.9)]) == found


def test_the_best_score_of_a_word_counts() -> None:
    found = find_old_words(("Slow",), [line("Slow", 0.6), line("slow", 0.9), line("Tea")])
    assert found == {"Slow": 0.9}


def test_words_without_spaces_are_found_within_a_line() -> None:
    assert find_old_words(("静かな",), [line("とても静かな朝")]) == {"静かな": 0.99}
