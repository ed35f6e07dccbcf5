"""Filters and pages of a review."""

from dataclasses import replace

import pytest

from nbp_dagster.review_app.selection import (
    PAGE_SIZE,
    Selection,
    read_selection,
    select_pictures,
)
from nbp_dagster.studio.review.approvals import review_pictures
from tests.rigs.sets import build_large_set, build_set

SET = build_set(scale=0.1).manifest
ROWS = review_pictures(SET, {})
LARGE = build_large_set(PAGE_SIZE * 2 + 1).manifest


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), lambda picture: True),
        (Selection(shot="kitchen"), lambda picture: picture.shot == "kitchen"),
        (Selection(locale="de"), lambda picture: picture.locale == "de"),
        (Selection(character="otto"), lambda picture: picture.shot in ("rooftop", "market")),
        (Selection(check="smallest_letter"), lambda picture: picture.height < 100),
        (Selection(check="any"), lambda picture: bool(picture.failed_checks)),
        (Selection(state="approved"), lambda picture: False),
        (Selection(channel="nowhere"), lambda picture: False),
        (
            Selection(state="pending", shot="rooftop", locale="en", channel="instagram_feed"),
            lambda picture: (
                (picture.shot, picture.locale, picture.channel)
                == ("rooftop", "en", "instagram_feed")
            ),
        ),
    ],
)
def test_filters_are_all_met(selection: Selection, found) -> None:
    page = select_pictures(SET, ROWS, selection)

    wanted = [row for row in ROWS if found(row.picture)]
    assert list(page.rows) == wanted
    assert page.total == len(wanted)
    assert page.pages == 1


def test_a_large_set_has_pages_and_a_page_too_far_is_the_last() -> None:
    rows = review_pictures(LARGE, {})

    second = select_pictures(LARGE, rows, Selection(page=2))
    last = select_pictures(LARGE, rows, Selection(page=99))

    assert second.rows == rows[PAGE_SIZE : 2 * PAGE_SIZE]
    assert (len(last.rows), last.selection.page, last.pages) == (1, 3, 3)


def test_a_selection_is_read_from_the_query_it_is_written_to() -> None:
    selection = Selection(state="rejected", check="any", shot="a b&c", page=3)

    query = dict(part.split("=") for part in selection.query.split("&"))
    assert read_selection({**query, "shot": "a b&c"}) == selection
    assert read_selection({}) == Selection()
    assert Selection().query == ""


@pytest.mark.parametrize("page", ["", "0", "-1", "x", "1e3", "9" * 40, "²"])
def test_a_page_that_is_no_number_is_the_first(page: str) -> None:
    assert read_selection({"page": page}).page == 1


def test_a_state_that_is_none_is_left_out() -> None:
    assert read_selection({"state": "<script>"}) == Selection()
    assert replace(Selection(page=4), state="pending").without_page().page == 1
