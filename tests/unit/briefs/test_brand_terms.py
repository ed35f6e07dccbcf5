"""Prohibited terms: whole words, any case, accents one way, wildcards, every script."""

import pytest

from nbp_dagster.briefs.brand_terms import find_term, find_wildcard_fault


@pytest.mark.parametrize(
    ("text", "term", "locale"),
    [
        ("Schnelle HEILUNGEN!", "heil*", "de"),
        ("Heil", "heil*", "de"),
        ("Die sorgenfreie Woche", "*freie", "de"),
        ("ein Wunderheilmittel", "*heil*", "de"),
        ("absolut risk-free", "risk free", "en"),
        ("risk  free", "risk-free", "en"),
        ("Une GUERISON rapide", "guérison", "fr"),
        ("Guérison", "guérison", "fr"),
        ("the cure's effect", "cure", "en"),
        ("ＣＵＲＥ", "cure", "en"),
        ("cu\u00adre", "cure", "en"),
        ("c\u200bure", "cure", "en"),
        ("İLAÇ alın", "ilaç", "tr"),
        ("ΘΕΡΑΠΕΊΑ", "θεραπεία", "el"),
        ("शुद्ध इलाज मिले", "इलाज", "hi"),
        ("عِلاج سريع", "علاج", "ar"),
        ("הבטחה מְלֵאָה", "מלאה", "he"),
        ("100% pure", "100%", "en"),
    ],
)
def test_a_term_is_found_however_it_is_written(text: str, term: str, locale: str) -> None:
    assert find_term(text, [term], locale) == term


@pytest.mark.parametrize(
    ("text", "term", "locale"),
    [
        ("Heilungen", "Heilung", "de"),
        ("unheilbar", "heil*", "de"),
        ("Monsieur le curé", "cure", "fr"),
        ("Schon da", "schön*r", "de"),
        ("secure", "cure", "en"),
        ("इलाजी", "इलाज", "hi"),
        ("ILIK", "ilik", "tr"),
        ("1000%", "100%", "en"),
        ("anything at all", "*", "en"),
    ],
)
def test_another_word_is_not_the_term(text: str, term: str, locale: str) -> None:
    assert find_term(text, [term], locale) is None


@pytest.mark.parametrize("term", ["*", "he*", "*a*", "money ba*", "he*lung", "a* cure"])
def test_a_wildcard_that_would_prohibit_too_much_is_refused(term: str) -> None:
    assert "beside at least 3 letters" in str(find_wildcard_fault(term))


@pytest.mark.parametrize("term", ["heil*", "*freie", "*heil*", "money back*", "cure"])
def test_a_wildcard_beside_a_stem_is_accepted(term: str) -> None:
    assert find_wildcard_fault(term) is None


@pytest.mark.parametrize(
    ("term", "text", "found"),
    [
        ("world's best", "The world’s best tea", True),
        ("world’s best", "The world's best tea", True),
        ("world's best", "the worldly best", False),
        ("l’original", "C'est l'original", True),
        ('"cure"', "our “cure” for all", True),
        ("„Heilung“", 'unsere "Heilung"', True),
        ("n`importe quoi", "n´importe quoi", True),
        ("it's", "its", False),
    ],
)
def test_quotes_and_apostrophes_are_one_however_they_are_set(
    term: str, text: str, found: bool
) -> None:
    assert (find_term(text, [term], "en") == term) is found
