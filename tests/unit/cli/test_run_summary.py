"""The closing lines of `nbp run`: what to look at, in a few lines, and the page last."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from nbp_dagster.cli.run_report import RunReport
from nbp_dagster.cli.run_summary import CampaignRun, RunSummary, print_summary, summary_json
from nbp_dagster.studio.sets.attention import Attention

REPORT = RunReport(Console(file=StringIO()))


def kind(name: str, pictures: int, severity: str = "warn") -> Attention:
    return Attention(
        check=name,
        severity=severity,
        words=f"{name} is wrong",
        pictures=pictures,
        worst="spring/a/en/1x1/v1",
    )


def ran(campaign: str, *attention: Attention, failing: int = 0, pictures: int = 30) -> CampaignRun:
    return CampaignRun(
        campaign=campaign,
        gallery=Path("/sets") / campaign / "index.html",
        prompts=12,
        up_to_date=0,
        missing=(),
        pictures=pictures,
        failing=failing,
        attention=attention,
    )


def say(capsys: pytest.CaptureFixture[str], *campaigns: CampaignRun) -> list[str]:
    print_summary(RunSummary(campaigns, Path("/sets/index.html"), ()), REPORT, simulated=True)
    return capsys.readouterr().out.splitlines()


def test_a_run_ends_with_what_to_look_at_and_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    errors = kind("marking", 1, "error")
    said = say(capsys, ran("spring", errors, kind("asked_size", 28), failing=28))

    assert said[1:4] == [
        "spring: look at 28 of 30 files, the worst first",
        "  error  1   marking is wrong (marking)        as spring/a/en/1x1/v1",
        "  warn   28  asked_size is wrong (asked_size)  as spring/a/en/1x1/v1",
    ]
    assert said[-1] == "/sets/spring/index.html"


def test_a_run_with_nothing_to_look_at_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, ran("spring"))
    assert said[1] == "spring: nothing to look at, no check failed"
    assert len(say(capsys, ran("spring", pictures=0))) == len(said) - 1


def test_many_kinds_are_cut_to_five_lines(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = [kind(f"check_{number}", 9 - number) for number in range(9)]
    said = say(capsys, ran("spring", *kinds, failing=9))
    assert [line.split()[1] for line in said[2:7]] == ["9", "8", "7", "6", "5"]
    assert said[7] == "  and 4 more kinds; the page shows them"


def test_each_of_several_campaigns_names_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    said = say(capsys, ran("spring", kind("marking", 1), failing=1), ran("winter"))
    assert said[2].endswith("worst first, in /sets/spring/index.html")
    assert said[-1] == "/sets/index.html"


def test_a_page_that_is_not_there_is_not_named(capsys: pytest.CaptureFixture[str]) -> None:
    unmade = replace(ran("spring", pictures=0), has_page=False)

    assert "index.html" not in "\n".join(say(capsys, unmade))
    assert "index.html" not in "\n".join(say(capsys, unmade, replace(unmade, campaign="winter")))
    assert say(capsys, unmade, ran("winter"))[-1] == "/sets/index.html"


@pytest.mark.parametrize(
    ("errors", "said"),
    [((), "nothing to do, 0.00 USD"), (("spring: no key (run 1)",), "nothing made, 0.00 USD")],
)
def test_only_a_run_that_failed_at_nothing_says_there_was_nothing_to_do(
    capsys: pytest.CaptureFixture[str], errors: tuple[str, ...], said: str
) -> None:
    summary = RunSummary((ran("spring"),), Path("/sets/index.html"), errors)
    print_summary(summary, REPORT, simulated=False)

    assert capsys.readouterr().out.splitlines()[-2] == said


def test_the_same_is_in_the_json() -> None:
    summary = RunSummary(
        (ran("spring", kind("marking", 1), failing=1),), Path("/sets/index.html"), ()
    )
    [campaign] = summary_json(summary, REPORT)["campaigns"]
    assert (campaign["pictures"], campaign["failing"]) == (30, 1)
    assert campaign["attention"] == [
        {
            "check": "marking",
            "severity": "warn",
            "words": "marking is wrong",
            "pictures": 1,
            "worst": "spring/a/en/1x1/v1",
        }
    ]
