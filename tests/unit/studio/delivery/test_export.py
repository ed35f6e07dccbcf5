"""`nbp export` writes what may leave, and says in one line what may not."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner, Result

from nbp_dagster.cli.main import main
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.review.decision_log import DecisionLog
from nbp_dagster.studio.review.reviews import Reviews, Seen
from tests.fakes.clock import FakeClock
from tests.rigs.parcels import CAMPAIGN, mark, write_sample
from tests.rigs.sets import build_set


@pytest.fixture
def environment(tmp_path: Path, config_dir: Path) -> Mapping[str, str]:
    return {"NBP_HOME": str(tmp_path / "home"), "NBP_CONFIG": str(config_dir)}


def write(environment: Mapping[str, str], *, simulated: bool = False) -> None:
    sample = mark(build_set(scale=0.05, shots=("kitchen",)), simulated=simulated)
    write_sample(Path(environment["NBP_HOME"]) / "sets" / CAMPAIGN, sample)


def run(environment: Mapping[str, str], *words: str) -> Result:
    result = CliRunner().invoke(main, ["export", *words], env=dict(environment))
    assert "Traceback" not in result.output
    return result


def test_a_zip_is_written_and_its_path_is_printed(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    write(environment)

    result = run(environment, CAMPAIGN)

    path = tmp_path / "home" / "exports" / "solstice_spring_launch.zip"
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"{path}  (10 pictures, ")
    with ZipFile(path) as archive:
        names = archive.namelist()
    assert "images/linkedin_post/solstice_spring_launch_kitchen_linkedin_post_de_v1.jpg" in names


def test_zips_by_channel_go_where_they_are_wanted(
    environment: Mapping[str, str], tmp_path: Path
) -> None:
    write(environment)

    result = run(environment, CAMPAIGN, "--per-channel", "--to", str(tmp_path / "out"))

    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "out").glob("solstice_spring_launch_*.zip"))) == 5
    assert len(result.output.splitlines()) == 5


def test_the_brand_s_pattern_names_the_files(
    environment: Mapping[str, str], config_dir: Path, tmp_path: Path
) -> None:
    write(environment)
    brief = config_dir / "brands" / "solstice.yaml"
    pattern = 'file_names: "{locale}-{shot}-{channel}-{variant}"\n'
    brief.write_text(brief.read_text(encoding="utf-8") + pattern, encoding="utf-8")

    assert run(environment, CAMPAIGN, "--to", str(tmp_path)).exit_code == 0

    with ZipFile(tmp_path / "solstice_spring_launch.zip") as archive:
        assert "images/linkedin_post/de-kitchen-linkedin_post-1.jpg" in archive.namelist()


def test_simulated_pictures_are_exported_as_a_trial_alone(environment: Mapping[str, str]) -> None:
    write(environment, simulated=True)

    refused = run(environment, CAMPAIGN)
    told = run(environment, CAMPAIGN, "--trial")

    assert refused.exit_code == 1
    assert "the set of spring_launch is not exported: it holds simulated" in refused.output
    assert "--trial" in refused.output
    assert told.exit_code == 0, told.output


def test_gaps_are_exported_when_told(environment: Mapping[str, str]) -> None:
    sample = mark(build_set(scale=0.05, shots=("kitchen",)), simulated=False)
    gaps = build_set(scale=0.05, shots=("kitchen", "rooftop")).manifest
    both = replace(sample.manifest, shots=gaps.shots, missing=gaps.missing)
    write_sample(Path(environment["NBP_HOME"]) / "sets" / CAMPAIGN, replace(sample, manifest=both))

    refused = run(environment, CAMPAIGN)

    assert refused.exit_code == 1
    assert "--allow-missing" in refused.output
    assert run(environment, CAMPAIGN, "--allow-missing").exit_code == 0


@pytest.mark.parametrize("name", ["autumn", "../sets", "", "spring_launch/kitchen"])
def test_a_campaign_that_is_none_is_told_with_those_there_are(
    environment: Mapping[str, str], name: str
) -> None:
    result = run(environment, name)

    assert result.exit_code == 1
    assert "spring_launch" in result.output


def test_a_campaign_without_a_set_is_told_what_to_do(environment: Mapping[str, str]) -> None:
    result = run(environment, CAMPAIGN)

    assert result.exit_code == 1
    assert "holds no set" in result.output
    assert len(result.output.splitlines()) == 1


def test_what_a_person_rejected_is_not_exported(environment: Mapping[str, str]) -> None:
    write(environment)
    home = Path(environment["NBP_HOME"])
    engine = open_ledger(home / "ledger.sqlite")
    reviews = Reviews(home / "sets", DecisionLog(engine, clock=FakeClock()))
    picture = reviews.open(CAMPAIGN).manifest.pictures[0]
    seen = Seen(picture.file, picture.sha256, 0)
    reviews.decide(CAMPAIGN, seen, "rejected", who="ada", reason="six fingers")

    refused = run(environment, CAMPAIGN)
    reviews.undo(CAMPAIGN, Seen(picture.file, picture.sha256, 1), who="ada")
    engine.dispose()

    assert refused.exit_code == 1
    assert "1 pictures are rejected" in refused.output
    assert "rejected by ada: six fingers): see `nbp review`" in refused.output
    assert run(environment, CAMPAIGN).exit_code == 0


@pytest.mark.parametrize("place", ["s3://acme/zips", "x" * 300])
def test_a_place_that_is_no_folder_is_refused(
    environment: Mapping[str, str], tmp_path: Path, place: str
) -> None:
    write(environment)

    result = run(environment, CAMPAIGN, "--to", place)

    assert result.exit_code == 2
    assert "--to" in result.output
    assert not Path("s3:").exists()
