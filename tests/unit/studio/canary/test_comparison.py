"""The same shots on two models: what is bought, what is reused, and what the page says."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.cli.home.places import open_store
from nbp_dagster.cli.openings import open_studio, open_studios
from nbp_dagster.settings import Settings
from nbp_dagster.studio.canary.comparison import (
    CanaryError,
    CanaryRequest,
    CanarySide,
    compare_models,
)
from nbp_dagster.studio.canary.page import write_canary_page
from nbp_dagster.studio.storage.data_paths import StudioPaths
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.service import ServiceProbe

FIRST, SECOND = "google-nano-banana-pro", "nano-banana-2-1"
FIRST_USD, SECOND_USD = Decimal("0.15"), Decimal("0.0871")


@pytest.fixture
def settings(service: ServiceProbe, tmp_path: Path) -> Settings:
    """Three shots without a cast, in live mode at the simulator."""
    write(tmp_path)
    return Settings(
        mode="live",
        home=tmp_path / "home",
        config=tmp_path / "briefs",
        oxen_base_url=service.url,
        oxen_api_key=SecretStr("canary-key-51c2"),
        character_scorer="off",
    )


def write(folder: Path, **changes: Any) -> None:
    shots = (shot(name, characters=[]) for name in ("attic", "cellar", "garden"))
    write_briefs(folder / "briefs", campaign(*shots, **changes))


def compare(
    settings: Settings, *, budget: str = "5", agrees: bool = True, **changes: Any
) -> tuple[CanarySide, CanarySide]:
    request = CanaryRequest(
        briefs=load_briefs(settings.config),
        campaign="winter",
        model=SECOND,
        shots=2,
        budget=Decimal(budget),
        paths=StudioPaths(settings.home),
    )
    with open_studios(settings) as open_side:
        return compare_models(
            replace(request, **changes), open_side, confirm=lambda count, usd: agrees
        )


def test_edits_are_left_out(settings: Settings, tmp_path: Path) -> None:
    """Each model would start from a picture of its own."""
    snow = {**shot("snow", characters=[]), "from": "attic", "instruction": "make it winter"}
    shots = (shot("attic", characters=[]), snow, shot("cellar", characters=[]))
    write_briefs(tmp_path / "briefs", campaign(*shots))

    sides = compare(settings)

    for side in sides:
        keys = [item.prompt_key.split("/")[1] for item in side.pictures]
        assert keys == ["attic", "cellar"]


def buy_first(settings: Settings) -> Iterator[str]:
    """Buy the campaign's first prompt as a run does, and yield its key."""
    with open_studio(settings) as studio:
        compiled = studio.compile(studio.prompts[:1])
        for outcome in studio.make(compiled.orders.values(), run_id="by hand"):
            yield outcome.key


def test_both_models_are_asked_for_the_same_few_shots(
    settings: Settings, service: ServiceProbe
) -> None:
    own, other = compare(settings)

    assert (own.model, other.model) == (FIRST, SECOND)
    keys = ["winter/attic/all/1x1/v1", "winter/cellar/all/1x1/v1"]
    assert [item.prompt_key for item in own.pictures] == keys
    assert [item.prompt_key for item in other.pictures] == keys
    assert not [item.problem for item in (*own.pictures, *other.pictures) if item.problem]
    assert own.spent_usd == 2 * FIRST_USD
    assert other.spent_usd == 2 * SECOND_USD
    assert service.billed_usd == own.spent_usd + other.spent_usd


def test_what_is_paid_is_reused_before_and_after(settings: Settings, service: ServiceProbe) -> None:
    assert list(buy_first(settings)) == ["winter/attic/all/1x1/v1"]

    own, other = compare(settings)
    again = compare(settings)

    assert [item.is_new for item in own.pictures] == [False, True]
    assert own.spent_usd == FIRST_USD
    assert sum(side.spent_usd for side in again) == 0
    assert service.billed_usd == 2 * FIRST_USD + 2 * SECOND_USD

    write(settings.config.parent, model=SECOND)
    assert list(buy_first(settings)) == ["winter/attic/all/1x1/v1"]
    assert service.billed_usd == 2 * FIRST_USD + 2 * SECOND_USD
    assert other.pictures[0].is_new


def test_what_the_budget_does_not_hold_buys_nothing(
    settings: Settings, service: ServiceProbe
) -> None:
    with pytest.raises(CanaryError) as caught:
        compare(settings, budget="0.47")

    assert str(caught.value) == (
        "winter: comparing 2 shots would buy 4 pictures for 0.4742 USD, more than the budget of "
        "0.47 USD; raise --budget or compare fewer with --shots; nothing was bought"
    )
    assert service.bills == 0
    compare(settings, budget="0.4742")
    assert service.bills == 4


def test_who_says_no_buys_nothing(settings: Settings, service: ServiceProbe) -> None:
    with pytest.raises(CanaryError, match="nothing was bought"):
        compare(settings, agrees=False)

    assert service.bills == 0


def test_a_campaigns_own_model_is_no_other(settings: Settings, service: ServiceProbe) -> None:
    with pytest.raises(CanaryError, match="is its own model; name another one"):
        compare(settings, model=FIRST)

    assert service.bills == 0


def test_records_of_the_campaign_stay_as_they_are(settings: Settings) -> None:
    compare(settings)

    assert not (settings.home / "records").exists()
    assert not (settings.home / "sets").exists()
    assert len(list((settings.home / "canary").rglob("records/**/*.json"))) == 4


def test_with_a_model_that_is_not_there_nothing_is_bought_of_the_other(
    settings: Settings, service: ServiceProbe
) -> None:
    service.change_model(SECOND, offered=False)

    with pytest.raises(CanaryError, match=f"nothing can be asked of {SECOND}: .*Model not found"):
        compare(settings)

    assert service.bills == 0


def test_a_model_without_capacity_is_a_problem_of_its_side_alone(
    settings: Settings, service: ServiceProbe
) -> None:
    service.script({"kind": "at_capacity", "model": SECOND})

    own, other = compare(settings)

    assert all(item.original for item in own.pictures)
    assert all("overloaded" in item.problem for item in other.pictures)
    assert service.billed_usd == 2 * FIRST_USD


def test_parameters_that_the_other_model_does_not_have_are_left_out(
    settings: Settings, service: ServiceProbe
) -> None:
    write(settings.config.parent, parameters={"safety_tolerance": "5"})

    own, other = compare(settings)

    assert (own.left_out, other.left_out) == ((), ("safety_tolerance",))
    assert service.bills == 4


def test_the_page_has_both_pictures_with_checks_likeness_and_price(
    settings: Settings, tmp_path: Path
) -> None:
    sides = compare(settings)

    page = write_canary_page(
        settings.home, "winter", sides, store=open_store(settings), simulated=True
    )

    text = page.read_text(encoding="utf-8")
    assert page == settings.home / "canary" / "winter" / f"{SECOND}.html"
    assert text.count('<img src="data:image/') == 4
    assert text.count("0.15 USD, bought now") == text.count("0.0871 USD, bought now") == 2
    assert text.count("Checks: ") == text.count("Likeness: not measured") == 4
    assert "<script" not in text
