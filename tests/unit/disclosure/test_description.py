"""Plans and validation say what markets ask, and warn of rows that nobody compared lately."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.clock import MOST_DAYS_UNCHECKED
from nbp_dagster.disclosure.description import describe_disclosure, find_old_rows
from nbp_dagster.disclosure.table import load_packaged_table
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

DAY = date(2026, 11, 28)


def test_a_campaign_with_markets_is_told_of_and_the_others_in_one_line(tmp_path: Path) -> None:
    members = {"ada": {**BRAND["characters"]["ada"], "kind": "person"}}
    named = campaign(shot("kitchen"), markets=["eu", "US-NY"], realism="photoreal")
    others = [campaign(shot("attic"), id=name) for name in ("autumn", "summer")]
    brand = {**BRAND, "characters": members}
    briefs = load_briefs(write_briefs(tmp_path, named, *others, brand=brand))

    silent, told = sorted(describe_disclosure(briefs))

    assert told == (
        "winter runs in eu, US-NY; photoreal; ada is a person; synthetic performer in 1 of 1 "
        "shots; eu_ai_act_50, us_ny_gbl_396b"
    )
    assert "no market is named, so no disclosure label is set: autumn, summer" in silent
    assert list(describe_disclosure(briefs, ["winter"])) == [told]


@pytest.mark.parametrize(
    ("days", "is_old"), [(MOST_DAYS_UNCHECKED, False), (MOST_DAYS_UNCHECKED + 1, True)]
)
def test_a_row_is_old_after_half_a_year(days: int, is_old: bool) -> None:
    old = list(find_old_rows(DAY + timedelta(days=days), load_packaged_table()))

    table = load_packaged_table()
    assert len(old) == (len(table.rules) + len(table.declarations) if is_old else 0)
    assert not is_old or "eu_ai_act_50 was last compared with its source on 2026-11-28" in old[0]
