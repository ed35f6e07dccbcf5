"""What a scene quotes is found in every kind of quotes; apostrophes and inches are none."""

import pytest

from nbp_dagster.briefs.locales.quoted_words import find_quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("A sign says ‘tea’", ["tea"]),
        ("A sign says 'tea'.", ["tea"]),
        ("Zeigt ‚Tee‘ und „Brot“", ["Brot", "Tee"]),
        ("Ada's cup says 'don't wait'", ["don't wait"]),
        ("A sign says ‹tea› and »bread«", ["bread", "tea"]),
        ("En skylt: ”te” och ’bröd’", ["te", "bröd"]),
        ("A sign says ＂tea＂ and ``bread''", ["tea", "`bread"]),
        ("看板に「治癒」と『茶』とある", ["治癒", "茶"]),
        ('看板に“治癒”と"茶"とある', ["茶", "治癒"]),
        ("﹁茶﹂ ｢治癒｣ 〝水〟", ["茶", "治癒", "水"]),
        ("간판에 '치유'라고", ["치유"]),
        ('و"شفاء" هنا', ["شفاء"]),
        ('צה"ל ב"מבצע" של', ["מבצע"]),
        ('"" and "tea"', ["", "tea"]),
        ('“tea" and "bread” and "milk“', ["tea", "bread", "milk"]),
    ],
)
def test_every_kind_of_quotes_is_known(text: str, quoted: list[str]) -> None:
    assert [each for each in find_quoted(text) if each in quoted] == quoted


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('A 5" pipe, a sign says "tea"', ["tea"]),
        ("A 5” pipe, a sign says “tea”", ["tea"]),
        ('A sign says "a 5" pipe for tea" and "bread"', ['a 5" pipe for tea', "bread"]),
        ('A sign says "No. 5" and "tea"', ["No. 5", "tea"]),
        ("A 6' man, 5'10\" with a hat, says 'tea'", ["tea"]),
        ("A sign says 'the dogs' tea'", ["the dogs' tea"]),
        ("Signs say 'Rides' and 'Tours'", ["Rides", "Tours"]),
        ("A sign says 'Tis the season, tea'", ["Tis the season, tea"]),
    ],
)
def test_a_sign_of_inches_or_an_apostrophe_shifts_no_pair(text: str, quoted: list[str]) -> None:
    found = [each.lstrip("'") for each in find_quoted(text)]

    assert found == quoted


@pytest.mark.parametrize(
    "text",
    [
        "Ada’s tea and the riders’ cups",
        "Ada's tea and the riders' cups",
        "The '90s: tea at the riders' den",
        "'Tis tea for the riders' den",
        "L'eau d'été, un po' di tè",
        'A 5" pipe beside a 6" one',
        "A 6' man with a 5' rope",
    ],
)
def test_apostrophes_and_signs_of_length_are_no_quotes(text: str) -> None:
    assert list(find_quoted(text)) == []
