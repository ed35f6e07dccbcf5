"""`nbp report`, as a person types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbp_dagster.cli.main import main
from tests.rigs.reviews import CAMPAIGN, open_review_rig
from tests.rigs.sets import build_set

SAMPLE = build_set(shots=("kitchen",), channels=("instagram_feed", "display_728x90"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a set of which one picture is approved."""
    monkeypatch.setenv("NBP_HOME", str(tmp_path))
    monkeypatch.setenv("NBP_CONFIG", str(tmp_path / "no briefs"))
    with open_review_rig(tmp_path, sample=SAMPLE) as rig:
        assert rig.browser().decide(SAMPLE.manifest.pictures[0]).status_code == 200
    return tmp_path


def test_the_page_is_written_and_its_path_printed(home: Path) -> None:
    done = CliRunner().invoke(main, ["report", CAMPAIGN])

    assert done.exit_code == 0, done.output
    page = Path(done.output.strip())
    assert page == home / "reports" / f"{CAMPAIGN}.html"
    assert "Cost per approved picture" in page.read_text()


def test_the_figures_are_printed_and_no_page_is_written(home: Path) -> None:
    done = CliRunner().invoke(main, ["report", CAMPAIGN, "--json"])

    found = json.loads(done.output)
    assert found["states"]["approved"] == 1
    assert found["budget_usd"] is None
    assert not (home / "reports").exists()


@pytest.mark.parametrize("name", ["winter", "../spring_launch", "spring_launch/.."])
def test_a_campaign_without_a_set_is_one_error(home: Path, name: str) -> None:
    done = CliRunner().invoke(main, ["report", name])

    assert done.exit_code == 1
    assert "there is no finished set" in done.output
    assert "Traceback" not in done.output
    assert not (home / "reports").exists()
