"""A campaign whose platform asks for a logo file that the brand can't give is told once."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.clock import MOST_DAYS_UNCHECKED
from nbp_dagster.prompts.platform_logos import LOGO_RULES, find_logo_problems
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs

DAY = LOGO_RULES[0].checked_on
GOOGLE = ["google_square", "google_landscape"]


def briefs_of(folder: Path, *, channels: list[str], has_logo: bool) -> Briefs:
    brand = {**BRAND, "logo": "images/logo.png"} if has_logo else BRAND
    images = folder / "brands" / "images"
    images.mkdir(parents=True)
    Image.new("RGB", (64, 64), "navy").save(images / "logo.png")
    return load_briefs(
        write_briefs(folder, campaign(shot("kitchen"), channels=channels), brand=brand)
    )


def test_a_brand_without_a_logo_is_told_once_with_the_campaign_s_line(tmp_path: Path) -> None:
    briefs = briefs_of(tmp_path, channels=GOOGLE, has_logo=False)

    [problem] = find_logo_problems(briefs, DAY)

    assert str(problem).startswith("campaigns/winter.yaml:")
    assert "the brand hilltop has no `logo`" in str(problem)


@pytest.mark.parametrize(("channels", "has_logo"), [(GOOGLE, True), (["instagram_square"], False)])
def test_nothing_is_told_where_nothing_is_wanting(
    tmp_path: Path, channels: list[str], has_logo: bool
) -> None:
    assert not list(
        find_logo_problems(briefs_of(tmp_path, channels=channels, has_logo=has_logo), DAY)
    )


def test_other_campaigns_are_left_out(tmp_path: Path) -> None:
    briefs = briefs_of(tmp_path, channels=GOOGLE, has_logo=False)

    assert not list(find_logo_problems(briefs, DAY, ["summer"]))


@pytest.mark.parametrize(
    ("days", "is_old"), [(MOST_DAYS_UNCHECKED, False), (MOST_DAYS_UNCHECKED + 1, True)]
)
def test_old_figures_are_told(tmp_path: Path, days: int, is_old: bool) -> None:
    briefs = briefs_of(tmp_path, channels=GOOGLE, has_logo=True)
    today: date = DAY + timedelta(days=days)

    assert bool(list(find_logo_problems(briefs, today))) == is_old
