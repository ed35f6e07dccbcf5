"""Cron expressions of briefs: what is accepted works in Dagster, what is not says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbp_dagster.briefs.cron import find_cron_fault, find_zone_fault
from tests.rigs.dagster_private import is_valid_cron_schedule

GOOD = (
    "0 6 * * 1",
    "*/15 * * * *",
    "0 6,18 * * mon-fri",
    "30 5 1 jan,jul *",
    "0 0 29 2 *",
    "0 0 31 2 mon",
    "5-50/5 0 * * SUN",
)
BAD = {
    "@daily": "1 field",
    "0 6 * *": "4 fields",
    "0 0 6 * * 1": "6 fields",
    "60 6 * * 1": "'60' as minute",
    "0 24 * * 1": "'24' as hour",
    "0 6 0 * *": "'0' as day of the month",
    "0 6 * 13 *": "'13' as month",
    "0 6 * * 7": "'7' as day of the week",
    "0 6 * * monday": "'monday' as day of the week",
    "*/0 * * * *": "'*/0' as minute",
    "5/10 * * * *": "'5/10' as minute",
    "30-10 * * * *": "'30-10' as minute",
    "0 6 31 2 *": "no such day ever comes",
    "0 6 31 apr,jun *": "no such day ever comes",
    "0 6 L * *": "'L' as day of the month",
    "0, 6 * * 1": "'0,' as minute",
    "\u0661 6 * * 1": "as minute",
}


@pytest.mark.parametrize("text", GOOD)
def test_good_expressions_are_accepted(text: str) -> None:
    assert find_cron_fault(text) is None


@pytest.mark.parametrize("text", BAD)
def test_bad_expressions_say_what_is_wrong_and_what_is_accepted(text: str) -> None:
    fault = find_cron_fault(text)

    assert fault is not None
    assert BAD[text] in fault
    assert 'accepted: five cron fields in quotes, such as "0 6 * * 1"' in fault


@given(
    st.lists(
        st.from_regex(r"(\*|[0-9]{1,2}(-[0-9]{1,2})?|mon|dec)(/[0-9]{1,2})?", fullmatch=True),
        min_size=5,
        max_size=5,
    ).map(" ".join)
)
def test_whatever_is_accepted_here_is_accepted_by_dagster(text: str) -> None:
    if find_cron_fault(text) is None:
        assert is_valid_cron_schedule(text)


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"])
def test_time_zones_that_exist_are_accepted(name: str) -> None:
    assert find_zone_fault(name) is None


@pytest.mark.parametrize("name", ["Berlin", "europe/berlin", "../etc/passwd", "", "UTC+2"])
def test_time_zones_that_do_not_exist_are_not(name: str) -> None:
    assert "IANA name such as Europe/Berlin" in (find_zone_fault(name) or "")
