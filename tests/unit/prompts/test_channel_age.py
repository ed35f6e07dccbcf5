"""Channels whose figures nobody compared lately are told, each with its file and line."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from nbp_dagster.briefs.channels import Channel, load_packaged_channels
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.clock import MOST_DAYS_UNCHECKED
from nbp_dagster.prompts.channel_age import describe_age, find_old_channels
from tests.rigs.prompt_goldens import GOOD_BRIEFS

STORY = load_packaged_channels()["instagram_story"]
DAY = date(2026, 11, 28)


def aged(**changes: object) -> Channel:
    return STORY.model_copy(update={"checked_on": DAY, **changes})


@pytest.mark.parametrize(
    ("days", "is_old"), [(0, False), (MOST_DAYS_UNCHECKED, False), (MOST_DAYS_UNCHECKED + 1, True)]
)
def test_figures_are_old_after_half_a_year(days: int, is_old: bool) -> None:
    told = describe_age(aged(), DAY + timedelta(days=days))

    assert (told is not None) == is_old
    assert told is None or "2026-11-28" in told


def test_figures_of_a_platform_that_could_not_be_compared_are_told() -> None:
    told = describe_age(aged(checked_on=None, platform="TikTok"), DAY)

    assert told is not None
    assert "TikTok" in told


def test_one_s_own_screens_are_nobody_s_to_compare() -> None:
    assert describe_age(aged(checked_on=None, platform=None), DAY) is None


def test_each_channel_of_a_campaign_is_told_with_its_line() -> None:
    briefs = load_briefs(GOOD_BRIEFS)
    used = {name for item in briefs.campaigns.values() for name in item.channels}
    old = {
        name: item.model_copy(update={"checked_on": DAY}) for name, item in briefs.channels.items()
    }
    late = DAY + timedelta(days=MOST_DAYS_UNCHECKED + 1)

    found = list(find_old_channels(replace(briefs, channels=old), late))
    of_one = list(find_old_channels(replace(briefs, channels=old), late, ["spring_launch"]))

    assert {problem.value.strip("'") for problem in found} == used
    assert all(problem.line and problem.key.startswith("channels[") for problem in found)
    assert {problem.file for problem in of_one} == {"campaigns/spring_launch.yaml"}
    assert not list(find_old_channels(replace(briefs, channels=old), DAY))
