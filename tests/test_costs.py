"""The examples of docs/costs.md, counted on the sample campaign."""

import re
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.prompts.expansion import expand
from nbp_dagster.studio.ordering.current_prices import ORDERS_A_READING

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "costs.md").read_text("utf-8")
PRICE = Decimal("0.15")


def add_locale(campaign: dict[str, Any]) -> None:
    campaign["locales"].append("fr")
    for shot in campaign["shots"]:
        for texts in shot.get("copy", {}).values():
            texts["fr"] = texts["en"]
        if "copy" in shot:
            # The brand has none in French.
            shot["copy"]["disclaimer"] = dict.fromkeys(campaign["locales"], "Contains caffeine.")


def count_prompts(folder: Path, edit: Callable[[dict[str, Any]], object]) -> int:
    """Return how many pictures the sample campaign has after an edit."""
    shutil.copytree(ROOT / "assets_config", folder)
    path = folder / "campaigns" / "spring_launch.yaml"
    campaign = yaml.safe_load(path.read_text("utf-8"))
    edit(campaign)
    path.write_text(yaml.safe_dump(campaign, allow_unicode=True), encoding="utf-8")
    return sum(prompt.campaign == "spring_launch" for prompt in expand(load_briefs(folder)))


def price_of(example: str) -> Decimal:
    """Return what the page says that an example costs."""
    [found] = re.findall(rf"^\| {re.escape(example)}.*\| ([0-9.]+) \|$", PAGE, re.MULTILINE)
    return Decimal(found)


@pytest.mark.parametrize(
    ("example", "edit"),
    [
        (
            "one more channel of a ratio that it has already",
            lambda campaign: campaign["channels"].append("youtube_thumbnail"),
        ),
        (
            "one more channel of another ratio",
            lambda campaign: campaign["channels"].append("instagram_square"),
        ),
        ("a leaderboard", lambda campaign: campaign["channels"].append("display_728x90")),
        ("a third locale", add_locale),
        ("`variants: 2`", lambda campaign: campaign.update(variants=2)),
    ],
)
def test_an_example_costs_what_its_further_pictures_cost(
    example: str, edit: Callable[[dict[str, Any]], object], tmp_path: Path
) -> None:
    before = count_prompts(tmp_path / "before", lambda campaign: None)

    after = count_prompts(tmp_path / "after", edit)

    assert price_of(example) == (after - before) * PRICE


def test_the_page_says_for_how_many_orders_a_price_is_trusted() -> None:
    assert f"{ORDERS_A_READING} times the rise" in PAGE
    assert f"before every {ORDERS_A_READING}th order" in PAGE


def test_the_sample_campaign_costs_its_prompts_and_one_sheet(tmp_path: Path) -> None:
    count = count_prompts(tmp_path / "briefs", lambda campaign: None)

    assert price_of("the sample campaign `spring_launch`") == (count + 1) * PRICE
    assert price_of("everything again: `nbp run --fresh spring_launch`") == count * PRICE
