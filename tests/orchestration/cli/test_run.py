"""`nbp run` over several Dagster runs: what it spends is what it quoted."""

from collections.abc import Sequence
from decimal import Decimal
from io import StringIO

import pytest
import yaml
from rich.console import Console

from nbp_dagster.cli.choice import choose_prompts, load_chosen
from nbp_dagster.cli.consent import describe_quote
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.plan_table import describe_plan, plan_json
from nbp_dagster.cli.run import run_prompts
from nbp_dagster.cli.run_report import RunReport
from nbp_dagster.cli.run_summary import RunOptions, RunSummary
from nbp_dagster.project import open_instance
from nbp_dagster.studio.ordering.planned_images import Plan
from nbp_dagster.studio.plan import plan_prompts
from nbp_dagster.studio.shared_state.homes import StateApart
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import CodeLocation

BENCH = "a bench by the lake"
PRICE = Decimal("0.15")
MENU = {
    "id": "menu",
    "scene": "Ada reads the menu",
    "characters": ["ada"],
    "text": "drawn",
    "localize": "edit",
    "copy": {"headline": {"en": "Stay warm", "de": "Bleib warm"}},
}
EN, DE = "winter/menu/en/1x1/v1", "winter/menu/de/1x1/v1"


def plan(location: CodeLocation, keys: Sequence[str] = (), *, fresh: bool = False) -> Plan:
    briefs = load_chosen(location.settings.config, keys)
    chosen = choose_prompts(briefs, keys)
    with open_studio(location.settings, briefs=briefs) as studio:
        prompts = [prompt for campaign in chosen.values() for prompt in campaign]
        return plan_prompts(studio, prompts, fresh=fresh)


def run(location: CodeLocation, keys: Sequence[str] = (), *, fresh: bool = False) -> RunSummary:
    briefs = load_chosen(location.settings.config, keys)
    with RunReport(Console(file=StringIO())) as report:
        return run_prompts(
            location.settings,
            briefs,
            choose_prompts(briefs, keys),
            options=RunOptions(fresh=fresh),
            listener=report,
        )


def spent(location: CodeLocation) -> Decimal:
    with open_studio(location.settings) as studio:
        return sum((row.price_usd for row in studio.ledger.rows()), Decimal(0))


def test_fresh_buys_the_request_of_two_campaigns_once_as_quoted(location: CodeLocation) -> None:
    bench = shot("bench", scene=BENCH, characters=[])
    location.write(campaign(bench), campaign(bench, id="spring"))
    assert run(location).is_complete
    before = spent(location)
    quote = plan(location, fresh=True).total_usd

    assert run(location, fresh=True).is_complete

    assert (before, quote, spent(location) - before) == (PRICE, PRICE, PRICE)


def test_fresh_buys_the_request_of_two_shots_apart_once_as_quoted(location: CodeLocation) -> None:
    """The shot between them is not chosen, so that the command needs two runs."""
    location.write(
        campaign(
            shot("bench", scene=BENCH, characters=[]),
            shot("attic", scene="a lamp under the roof", characters=[]),
            shot("again", scene=BENCH, characters=[]),
        )
    )
    keys = ["winter/bench", "winter/again"]
    assert run(location, keys).is_complete
    before = spent(location)
    quote = plan(location, keys, fresh=True).total_usd

    assert run(location, keys, fresh=True).is_complete

    assert (before, quote, spent(location) - before) == (PRICE, PRICE, PRICE)


def test_the_next_fresh_command_buys_again_what_the_one_before_has_bought(
    location: CodeLocation,
) -> None:
    location.write(campaign(shot("bench", scene=BENCH, characters=[])))
    for number in (1, 2, 3):
        assert run(location, fresh=True).is_complete
        assert spent(location) == number * PRICE


def test_an_edit_without_its_start_costs_nothing_and_no_sheet_is_bought_for_it(
    location: CodeLocation,
) -> None:
    location.write(campaign(MENU, locales=["en", "de"]))

    [row] = plan(location, [DE]).images
    summary = run(location, [DE])

    assert (row.key, row.standing, row.price_usd) == (DE, "invalid", 0)
    assert row.reason.startswith("it is an edit, and ")
    [(key, _)] = summary.campaigns[0].missing
    assert (key, spent(location)) == (DE, 0)


def test_an_edit_chosen_with_its_start_is_quoted_and_bought_with_the_sheet(
    location: CodeLocation,
) -> None:
    location.write(campaign(MENU, locales=["en", "de"]))
    quote = plan(location).total_usd

    assert run(location).is_complete

    assert (quote, spent(location)) == (3 * PRICE, 3 * PRICE)


def test_what_a_person_pins_a_sheet_for_first_is_quoted_apart_and_bought_after_the_pin(
    location: CodeLocation,
) -> None:
    ada = {**BRAND["characters"]["ada"], "auto_pin": False}
    shots = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))
    location.write(campaign(*shots), brand={**BRAND, "characters": {"ada": ada}})
    first = plan(location)
    *_, total, later = describe_plan(first, simulated=False)

    run(location)

    assert total == "total: 2 of 4 to buy, 0.30 USD"
    assert later == "and 2 more, 0.30 USD, once a person has pinned their sheets"
    assert (first.total_usd, spent(location)) == (2 * PRICE, 2 * PRICE)
    second = plan(location)
    assert (second.total_usd, second.after_pins) == (0, (2, 2 * PRICE))
    assert "and 2 more, 0.30 USD, once" in "\n".join(describe_quote(second, RunOptions()))
    assert plan_json(second)["after_pins"] == {"pictures": 2, "usd": "0.30"}
    with open_studio(location.settings) as studio:
        sheets = studio.compiler.character_sheets
        status = sheets.statuses(["hilltop/ada"])["hilltop/ada"]
        sheets.pin(status, "1", who="jo@desk", reason="the calm one")
    third = plan(location)
    assert (third.total_usd, third.after_pins) == (2 * PRICE, (0, 0))
    assert run(location).is_complete
    assert spent(location) == 4 * PRICE


def test_a_ledger_of_its_own_where_runs_may_be_elsewhere_ends_the_command_before_any_run(
    location: CodeLocation,
) -> None:
    launcher = {"module": "tests.rigs.launchers", "class": "K8sRunLauncher"}
    folder = location.settings.dagster_folder
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": launcher}), "utf-8")

    with pytest.raises(StateApart, match="set NBP_LEDGER_URL"):
        run(location)

    with open_instance(folder) as instance:
        assert instance.get_runs_count() == 0


def test_the_page_of_a_set_that_was_written_is_named(location: CodeLocation) -> None:
    location.write(campaign(shot("bench", scene=BENCH, characters=[])))

    [done] = run(location).campaigns

    assert done.has_page
    assert done.gallery.is_file()
