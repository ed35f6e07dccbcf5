"""What the composition root refuses."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from nbp_dagster.lock_waits import HomeConnection
from nbp_dagster.project import open_instance
from nbp_dagster.settings import SettingsError


@pytest.mark.parametrize("name", ["a?x", "?", "100%?"])
def test_a_home_that_dagster_can_not_keep_files_in_is_refused_and_not_made(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(SettingsError, match="has a question mark"):
        open_instance(tmp_path / name / "dagster")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a%20b", "100%", "%(here)s", "%d", "a#y", "it's", "ä ö"])
def test_any_other_name_of_a_home_is_taken(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name / "dagster"

    with open_instance(folder) as instance:
        assert instance.get_run_records(limit=1) == []

    assert (folder / "history" / "runs" / "index.db").is_file()
    assert [item.name for item in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("storage", ["run_storage", "schedule_storage"])
def test_another_programs_lock_on_a_file_of_dagsters_is_waited_for_for_a_minute(
    tmp_path: Path, storage: str
) -> None:
    """SQLite itself gives up after five seconds, and a backup may take longer."""
    with (
        open_instance(tmp_path / "dagster") as instance,
        # Only its SQL storages have it.
        getattr(instance, storage).connect() as connection,
    ):
        driver = connection.connection.driver_connection
        assert isinstance(driver, HomeConnection)
        assert driver.timeout == 60


def test_a_database_beside_dagsters_home_is_left_as_it_is(tmp_path: Path) -> None:
    with open_instance(tmp_path / "dagster"):
        engine = sa.create_engine(f"sqlite:///{tmp_path / 'dagster.db'}")
        with engine.connect() as connection:
            assert type(connection.connection.driver_connection) is sqlite3.Connection
