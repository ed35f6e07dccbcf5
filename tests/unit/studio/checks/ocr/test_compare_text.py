"""What counts as the required text, and what does not; no picture is read here."""

import pytest

from nbp_dagster.studio.checks.ocr.compare_text import (
    count_edits,
    find_leftovers,
    find_unreadable,
    match_texts,
    normalise,
)
from nbp_dagster.studio.manifest.value_types import ReadLine


def lines(*texts: str) -> tuple[ReadLine, ...]:
    """Lines one below the other."""
    return tuple(
        ReadLine(text=text, score=0.99, left=0, top=row / 20, right=1, bottom=(row + 1) / 20)
        for row, text in enumerate(texts)
    )


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("Slow mornings win", "SLOWMORNINGS WIN."),
        ("Une œuvre à savourer", "une oeuvre à savourer"),
        ("¡Empieza hoy!", "Empieza hoy"),
        ("It’s “here”", 'It\'s "here"'),
        ("ＡＢＣ　カフェ", "ABCカフェ"),
        ("Pour-over, at home", "Pour over at home"),
    ],
)
def test_what_a_reader_loses_is_no_mistake(asked: str, drawn: str) -> None:
    assert normalise(asked) == normalise(drawn)


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("Großer Genuss", "Grosser Genuss"),
        ("Only 1.50", "Only 150"),
        ("-20 %", "20 %"),
        ("café", "cafe"),
        ("50 % off", "50 off"),
    ],
)
def test_what_changes_a_word_or_an_amount_is_one(asked: str, drawn: str) -> None:
    assert normalise(asked) != normalise(drawn)


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("Professional AI Image Generation", "Professional Al Image Generation"),
        ("How to post on LinkedIn", "How to post on Linkedln"),
        ("Fill it", "FilI it"),
        ("Sale | Now", "Sale I Now"),
        ("Save 10 %", "Save lO %"),
        ("Hall 21", "HALL 2I"),
        ("レトロ", "レト口"),
        ("ニカ月", "二力月"),
        ("タクシー", "夕クシ一"),
        ("ハロー", "八ロー"),
        ("エコバッグ", "工コバッグ"),
        ("ベーグルへ", "べーグルヘ"),
        ("入口はこちら", "入ロはこちら"),
    ],
)
def test_letters_of_one_shape_are_one(asked: str, drawn: str) -> None:
    (match,) = match_texts([asked], lines(drawn))
    assert match.is_exact
    assert match.word_accuracy == 1.0


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("the mail", "the mall"),
        ("Filter", "Fllter"),
        ("All day", "AIl dag"),
        ("AI first", "AL first"),
        ("100 %", "109 %"),
        ("土曜日", "士曜日"),
        ("オープン", "才一フン"),
    ],
)
def test_letters_of_another_shape_are_a_mistake(asked: str, drawn: str) -> None:
    (match,) = match_texts([asked], lines(drawn))
    assert not match.is_exact


def test_edits_are_counted_as_levenshtein_did() -> None:
    assert count_edits("kitten", "sitting") == 3
    assert count_edits("", "abc") == 3
    assert count_edits("same", "same") == 0


def test_a_headline_broken_over_lines_is_found_beside_other_lettering() -> None:
    read = lines("Slow", "House Blend", "mornings", "Roasted on Monday", "win")
    headline, sub = match_texts(["Slow mornings win", "Roasted on Monday"], read)
    assert headline.is_exact
    assert headline.lines == (0, 2, 4)
    assert (sub.is_exact, sub.word_accuracy, sub.normalised_distance) == (True, 1.0, 0.0)
    assert find_leftovers((headline, sub), read) == ("", "House Blend", "", "", "")


def test_two_texts_that_were_read_as_one_line_are_told_apart() -> None:
    read = lines("Slow mornings win Try it")
    matches = match_texts(["Slow mornings win", "Try it"], read)
    assert [match.is_exact for match in matches] == [True, True]
    assert find_leftovers(matches, read) == ("",)


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("Fresh roast", "Fresch roast"),
        ("Merry Christmas", "Merry Chrismtas"),
        ("Read our policy", "Read our pollicy"),
        ("Explore now", "Explroe now"),
        ("Slow mornings win", "Slow mornings winn"),
        ("Slow mornings win", "Slow morning win"),
        ("Guten Morgen", "Guten Morqen"),
        ("Un café, por favor", "Un cafe, por favor"),
        ("朝のコーヒー", "朝のコーヒ"),
    ],
)
def test_a_misspelling_is_found_and_named(asked: str, drawn: str) -> None:
    (match,) = match_texts([asked], lines("Roasted on Monday", drawn))
    assert match.read == drawn
    assert 0 < match.normalised_distance < 0.25
    assert match.words_right < match.words


def test_a_text_that_is_not_there_matches_nothing() -> None:
    (match,) = match_texts(["Slow mornings win"], lines("Roasted on Monday", "Try it"))
    assert (match.read, match.lines, match.word_accuracy) == ("", (), 0.0)
    assert match.normalised_distance == 1.0


def test_an_exact_text_is_not_given_to_a_longer_one_that_is_like_it() -> None:
    wanted = ["Slow mornings", "Slow evenings win"]
    short, long = match_texts(wanted, lines("Slow mornings"))
    assert short.is_exact
    assert not long.read


def test_an_empty_picture_matches_nothing() -> None:
    assert match_texts(["Slow"], ())[0].read == ""


def test_letters_outside_the_alphabet_are_named_once() -> None:
    alphabet = frozenset("abcdefghijklmnopqrstuvwxyz0123456789ß")
    assert find_unreadable("Fresh, ¡today!", alphabet) == ()
    assert find_unreadable("Кофе о", alphabet) == ("к", "о", "ф", "е")
    assert find_unreadable("50 €", alphabet) == ("€",)
