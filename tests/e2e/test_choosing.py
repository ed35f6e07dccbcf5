"""What `nbp run` buys: in live mode what somebody agreed to, and never more than was named."""

from pathlib import Path

import pytest

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Shell
from tests.rigs.service import ServiceProbe

ROOMS = ("kitchen", "attic", "garden")


@pytest.fixture
def shell(tmp_path: Path, service: ServiceProbe) -> Shell:
    """Two campaigns in live mode: three prompts of a winter, and one of an autumn."""
    shell = Shell(
        tmp_path,
        NBP_MODE="live",
        OXEN_API_KEY="asking-key-07d1",
        OXEN_BASE_URL=service.url,
        NBP_CHARACTER_SCORER="off",
    )
    write_briefs(
        shell.briefs,
        campaign(shot("path", characters=[]), id="autumn"),
        campaign(*(shot(room, characters=[]) for room in ROOMS)),
    )
    return shell


def test_a_live_run_on_a_terminal_shows_the_quote_and_buys_when_told(
    shell: Shell, service: ServiceProbe
) -> None:
    declined = shell.nbp_at_terminal("run", answer="")
    assert declined.status == 1
    assert "autumn: 1 of 1 to buy, 0.15 USD" in declined.screen
    assert "winter: 3 of 3 to buy, 0.45 USD" in declined.screen
    assert "4 of 4 to buy, 0.60 USD" in declined.screen
    assert "nothing was bought" in declined.screen
    assert service.bills == 0

    agreed = shell.nbp_at_terminal("run", "winter/attic", answer="y")
    assert agreed.status == 0, agreed.screen
    assert "winter: 1 of 1 to buy, 0.15 USD" in agreed.screen
    assert "1 of 1 prompts have their pictures" in agreed.screen
    assert service.bills == 1

    # Nothing is to buy: nobody is asked, and the line that was typed is read by nobody.
    again = shell.nbp_at_terminal("run", "winter/attic", answer="n")
    assert again.status == 0, again.screen
    assert "Buy?" not in again.screen


def test_a_milder_wording_of_what_was_refused_is_asked_about_before_it_is_bought(
    shell: Shell, service: ServiceProbe
) -> None:
    service.script({"kind": "refuse", "prompt": "kitchen", "times": 1})
    kitchen = shot("kitchen", characters=[])
    write_briefs(shell.briefs, campaign(kitchen))
    assert shell.nbp("run", "--yes", "winter").returncode == 1
    write_briefs(shell.briefs, campaign(kitchen, on_refusal="soften"))

    declined = shell.nbp_at_terminal("run", "winter", answer="n")

    assert declined.status == 1
    assert "winter: 1 of 1 to buy, 0.15 USD (1 refused before" in declined.screen
    assert "Buy?" in declined.screen
    assert service.bills == 0
    assert shell.nbp_at_terminal("run", "winter", answer="y").status == 0
    assert service.bills == 1


@pytest.mark.parametrize("words", [(), ("winter",), ("--all",), ("--all", "--fresh")])
def test_a_live_run_without_a_terminal_needs_yes(
    shell: Shell, service: ServiceProbe, words: tuple[str, ...]
) -> None:
    done = shell.nbp("run", *words)

    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "--yes" in line
    assert "nothing was bought" in line
    assert service.bills == 0
    assert not shell.home.exists()


def test_one_prompt_bought_again_buys_only_that(shell: Shell, service: ServiceProbe) -> None:
    assert shell.nbp("run", "--yes").returncode == 0
    assert service.bills == 4

    done = shell.nbp("run", "--yes", "--fresh", "winter/attic/all/1x1/v1")

    assert done.returncode == 0, done.stderr
    assert "winter: 1 of 1 prompts have their pictures" in done.stdout
    assert service.bills == 5


def test_prompts_between_two_that_are_named_are_not_bought(
    shell: Shell, service: ServiceProbe
) -> None:
    """The first and the last of three: a Dagster run over their range would make all three."""
    done = shell.nbp("run", "--yes", "winter/kitchen", "*/garden/*")

    assert done.returncode == 0, done.stderr
    assert service.bills == 2
    assert "winter: 2 of 2 prompts have their pictures" in done.stdout
    assert "attic" not in done.stderr

    shell.nbp("run", "--yes", "--fresh", "winter/kitchen", "winter/garden")
    assert service.bills == 4


def test_fresh_needs_to_be_told_what(shell: Shell, service: ServiceProbe) -> None:
    unnamed = shell.nbp("run", "--yes", "--fresh")
    both = shell.nbp("run", "--yes", "--all", "winter")

    assert (unnamed.returncode, both.returncode) == (2, 2)
    assert "--all" in unnamed.stderr
    assert "give one" in both.stderr
    assert service.bills == 0


def test_a_broken_brief_stops_no_other_campaign(shell: Shell, service: ServiceProbe) -> None:
    (shell.briefs / "campaigns/autumn.yaml").write_text("id: autumn\nshots: [\n", encoding="utf-8")

    done = shell.nbp("run", "--yes", "winter/attic")
    everything = shell.nbp("run", "--yes")

    assert done.returncode == 0, done.stderr
    assert "left out: campaigns/autumn.yaml" in done.stderr
    assert "winter: 1 of 1 prompts have their pictures" in done.stdout
    assert everything.returncode == 1
    assert "campaigns/autumn.yaml" in everything.stderr
    assert service.bills == 1


def test_a_brand_that_is_wrong_for_one_campaign_stops_no_other(
    shell: Shell, service: ServiceProbe
) -> None:
    """The autumn has one shot, and the names on delivery do without it; the winter has three."""
    brand = shell.briefs / "brands/hilltop.yaml"
    text = brand.read_text(encoding="utf-8")
    brand.write_text(f'{text}file_names: "{{channel}}_{{locale}}"\n', encoding="utf-8")

    plan, done = shell.nbp("plan", "autumn"), shell.nbp("run", "--yes", "autumn")
    validated, wrong = shell.nbp("validate"), shell.nbp("run", "--yes", "winter")

    assert plan.returncode == 0, plan.stderr
    assert done.returncode == 0, done.stderr
    assert "autumn: 1 of 1 prompts have their pictures" in done.stdout
    told = "gives several pictures of campaign winter one name"
    for each in (plan, done, validated, wrong):
        assert each.stderr.count(told) == 1
    assert (validated.returncode, wrong.returncode) == (1, 1)
    assert service.bills == 1
