"""Which event log a home gets, by the version of Dagster it is opened with."""

import logging
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.instance.event_log import (
    TESTED,
    KeptOpenEventLog,
    choose_event_log,
    is_tested,
)
from nbp_dagster.instance.home_event_log import HomeEventLog
from nbp_dagster.instance.kept_open import KeptOpenEventLog as KeptOpen
from nbp_dagster.project import open_instance


@pytest.mark.parametrize("version", TESTED)
def test_a_version_it_was_tested_with_has_the_kept_open_log(version: str) -> None:
    assert is_tested(version)
    assert choose_event_log(version) is KeptOpen


@pytest.mark.parametrize("version", ["1.13.0", "1.13.270", "1.14.0", "2.13.27", "1!0+dev"])
def test_any_other_version_has_dagsters_own_and_one_line_says_so(
    version: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert choose_event_log(version) is HomeEventLog

    [line] = caplog.messages
    assert "Dagster's own" in line
    assert version in line


def test_the_installed_dagster_is_one_it_was_tested_with() -> None:
    assert is_tested(dg.__version__)
    assert KeptOpenEventLog is KeptOpen


# A Dagster without one of the names that the kept-open log imports.
_WITHOUT_A_NAME = """
import sys
from pathlib import Path
import dagster as dg
import dagster._core.storage.event_log
del dagster._core.events.ASSET_EVENTS
from nbp_dagster.project import open_instance
@dg.asset
def picture(): ...
with open_instance(Path(sys.argv[1])) as instance:
    assert dg.materialize([picture], instance=instance).success
    print(type(instance.event_log_storage).__name__)
"""


def test_a_home_opens_where_a_private_name_is_gone_and_is_read_by_ours_later(
    tmp_path: Path,
) -> None:
    child = subprocess.run(
        [sys.executable, "-c", _WITHOUT_A_NAME, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    assert child.stdout.split() == ["HomeEventLog"]
    assert child.stderr.count("The event log of the home is Dagster's own") == 1
    with open_instance(tmp_path) as instance:
        assert type(instance.event_log_storage) is KeptOpen
        assert instance.get_latest_materialization_event(dg.AssetKey("picture")) is not None
