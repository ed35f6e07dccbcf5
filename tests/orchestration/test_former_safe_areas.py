"""A channel whose safe area is corrected: what is paid stays in use, its files are made anew."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbp_dagster.assets.names import PROMPT_STEP
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.studio.plan import plan_prompts
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

SCREEN: dict[str, Any] = {
    "name": "Screen",
    "width": 400,
    "height": 400,
    "ratio": "1:1",
    "file_type": "jpeg",
    "max_bytes": 900_000,
    "source": "our own",
}
BEFORE, BETWEEN, NOW = ({"bottom": pixels} for pixels in (40, 80, 140))


def write_channel(location: CodeLocation, **fields: Any) -> None:
    path = Path(location.settings.config) / "channels.yaml"
    path.write_text(yaml.safe_dump({"screen": {**SCREEN, **fields}}), encoding="utf-8")


@pytest.fixture
def paid(location: CodeLocation) -> CodeLocation:
    """A picture that was bought for a channel with the first safe area."""
    location.write(campaign(shot("kitchen"), channels=["screen"]))
    write_channel(location, safe_area=BEFORE)
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    return location


def planned(location: CodeLocation, *, fresh: bool = False) -> tuple[str, str, tuple[str, ...]]:
    with open_studio(location.settings) as studio:
        *_, image = plan_prompts(studio, studio.prompts, fresh=fresh).images
        return image.standing, image.prompt or "", image.why


def test_a_correction_that_names_what_was_buys_nothing(paid: CodeLocation) -> None:
    bills = paid.service.bills
    standing, asked, _ = planned(paid)
    assert (standing, "10 % of the height at the bottom" in asked) == ("made", True)

    write_channel(paid, safe_area=NOW, former_safe_areas=[BETWEEN, BEFORE])

    standing, still_asked, why = planned(paid)
    assert (standing, still_asked) == ("made", asked)
    assert why  # its files are made again
    assert paid.materialize(PROMPT_ASSETS).success
    assert paid.service.bills == bills
    assert planned(paid)[2] == ()


def test_one_that_does_not_is_another_picture(paid: CodeLocation) -> None:
    write_channel(paid, safe_area=NOW)

    assert planned(paid)[0] == "to_make"


def test_what_is_bought_again_on_purpose_is_asked_for_with_the_area_of_today(
    paid: CodeLocation,
) -> None:
    bills = paid.service.bills
    write_channel(paid, safe_area=NOW, former_safe_areas=[BEFORE])
    assert "35 % of the height at the bottom" in planned(paid, fresh=True)[1]

    assert paid.materialize(
        PROMPT_ASSETS, op_config={PROMPT_STEP: {"config": {"fresh": True}}}
    ).success

    assert paid.service.bills == bills + 1
    standing, asked, _ = planned(paid)
    assert (standing, "35 % of the height at the bottom" in asked) == ("made", True)


@pytest.mark.parametrize(
    ("state", "standing"), [("enqueued", "open"), ("refused", "refused"), ("failed", "to_make")]
)
def test_one_at_the_service_is_waited_for_and_a_refused_one_not_asked_again(
    paid: CodeLocation, state: str, standing: str
) -> None:
    with sqlite3.connect(paid.settings.home / "ledger.sqlite") as ledger:
        changed = ledger.execute(
            "UPDATE purchases SET state = ?, image = NULL WHERE key LIKE 'winter/%'", (state,)
        )
        assert changed.rowcount == 1
    write_channel(paid, safe_area=NOW, former_safe_areas=[BEFORE])

    assert planned(paid)[0] == standing


def test_a_made_one_counts_before_a_newer_one_that_was_refused(paid: CodeLocation) -> None:
    write_channel(paid, safe_area=BETWEEN)
    paid.service.script({"kind": "refuse"})
    assert not paid.materialize(PROMPT_ASSETS).success
    write_channel(paid, safe_area=NOW, former_safe_areas=[BETWEEN, BEFORE])

    standing, asked, _ = planned(paid)

    assert (standing, "10 % of the height at the bottom" in asked) == ("made", True)


def test_a_new_picture_is_asked_for_with_the_area_of_today(paid: CodeLocation) -> None:
    paid.write(campaign(shot("attic"), channels=["screen"]))
    write_channel(paid, safe_area=NOW, former_safe_areas=[BEFORE])

    standing, asked, _ = planned(paid)

    assert (standing, "35 % of the height at the bottom" in asked) == ("to_make", True)
