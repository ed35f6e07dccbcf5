"""A ledger that is lost, older or another one buys nothing twice, and is rebuilt for nothing."""

import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.studio.rebuild import Rebuilt, rebuild_ledger
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
SHOTS = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))
MORE = (*SHOTS, shot("pier"), shot("roof", characters=["ben"]))


@pytest.fixture
def made(location: CodeLocation) -> CodeLocation:
    """A location whose two sheets and three prompts are made."""
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    return location


def ledger_path(location: CodeLocation) -> Path:
    return location.settings.home / "ledger.sqlite"


def copy_ledger(location: CodeLocation, target: Path) -> None:
    with sqlite3.connect(ledger_path(location)) as source, sqlite3.connect(target) as copy:
        source.backup(copy)


def restore_ledger(location: CodeLocation, copy: Path) -> None:
    for path in location.settings.home.glob("ledger.sqlite*"):
        path.unlink()
    shutil.copy(copy, ledger_path(location))


def lose_ledger(location: CodeLocation) -> None:
    for path in location.settings.home.glob("ledger.sqlite*"):
        path.unlink()


def rebuild(location: CodeLocation) -> Rebuilt:
    with open_studio(location.settings) as studio:
        return rebuild_ledger(studio)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None, event.step_failure_data.error_display_string
    return failure.description or ""


def test_a_ledger_restored_from_yesterday_s_backup_buys_nothing_again(
    made: CodeLocation, tmp_path: Path
) -> None:
    copy_ledger(made, tmp_path / "yesterday.sqlite")
    made.write(campaign(*MORE))
    assert made.materialize(PROMPT_ASSETS).success
    bills = made.service.bills
    restore_ledger(made, tmp_path / "yesterday.sqlite")

    words = failure_of(made.materialize(PROMPT_ASSETS))
    rebuilt = rebuild(made)
    again = made.materialize(PROMPT_ASSETS)

    assert "is an older copy: it ends at purchase 5, and 7 were made" in words
    assert "`nbp ledger rebuild`" in words
    assert rebuilt == Rebuilt(from_records=2)
    assert again.success
    assert made.service.bills == bills == 7


def test_a_ledger_that_is_gone_beside_a_full_store_buys_nothing_again(made: CodeLocation) -> None:
    bills = made.service.bills
    lose_ledger(made)

    words = failure_of(made.materialize([NAMES.character_sheets]))
    rebuilt = rebuild(made)

    assert "is not the one that the pictures in" in words
    # The sheets are in no record: the service still lists them.
    assert rebuilt == Rebuilt(from_records=3, from_service=2)
    assert made.materialize([NAMES.character_sheets]).success
    assert made.materialize(PROMPT_ASSETS).success
    assert made.service.bills == bills


def test_what_only_the_service_still_has_is_found_before_it_is_bought_again(
    made: CodeLocation, tmp_path: Path
) -> None:
    bills = made.service.bills
    settings = made.settings.model_copy(update={"home": tmp_path / "new home"})
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        new = replace(made, settings=settings, instance=instance)

        words = failure_of(new.materialize([NAMES.character_sheets]))
        rebuilt = rebuild(new)

        assert "the service has 2 of the 2 pictures to be bought already" in words
        assert rebuilt == Rebuilt(from_service=5)
        assert new.materialize([NAMES.character_sheets]).success
        assert new.materialize(PROMPT_ASSETS).success
        assert new.materialized(NAMES.channel_images) == set(new.prompts())
    assert made.service.bills == bills


def test_a_job_of_an_edited_brief_is_left_alone_and_counted(made: CodeLocation) -> None:
    lose_ledger(made)
    shutil.rmtree(made.settings.home / "records")
    made.write(campaign(*SHOTS[:2], shot("attic", scene="An open trunk", characters=[])))

    rebuilt = rebuild(made)

    assert rebuilt == Rebuilt(from_service=4, unowned=1)


def test_a_ledger_of_before_the_mark_is_taken_as_it_is(made: CodeLocation) -> None:
    (made.settings.home / "store" / "ledger.json").unlink()

    assert made.materialize(PROMPT_ASSETS).success
    assert (made.settings.home / "store" / "ledger.json").is_file()


def test_an_empty_ledger_beside_a_store_without_a_mark_is_noticed(made: CodeLocation) -> None:
    (made.settings.home / "store" / "ledger.json").unlink()
    lose_ledger(made)

    words = failure_of(made.materialize([NAMES.character_sheets]))

    assert "is empty, and the store" in words
