"""A small form of `make fuzz`."""

import pytest

from tests.fuzz.answers import try_answers
from tests.fuzz.briefs import try_briefs
from tests.fuzz.pictures import FORMATS, damaged, try_picture
from tests.fuzz.purchases import try_purchases


@pytest.mark.parametrize("kind", FORMATS)
def test_a_damaged_picture_is_decoded_or_refused(kind: str) -> None:
    tried = [try_picture(data) for data in damaged(kind, 150, seed=7)]

    assert len(tried) == 150
    assert [problem for problem in tried if problem] == []


def test_a_mutated_answer_is_read_or_one_clear_error_and_never_shows_the_key() -> None:
    assert list(try_answers(150, seed=7)) == []


def test_a_changed_brief_is_refused_in_clear_words_or_all_its_files_can_be_written() -> None:
    assert list(try_briefs(40, seed=7)) == []


def test_while_answers_are_mutated_no_paid_job_is_lost_and_none_is_paid_again() -> None:
    assert list(try_purchases(15, seed=7)) == []
