"""Which homes may use one ledger: those that share a store, or one alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.shared_state.homes import (
    Home,
    StateApart,
    UnknownHome,
    enter,
    forget_home,
    list_homes,
    read_home,
    redact_store,
)

NORTH = Home("1a" * 16, "north", "/data/nbp", "", 1_800_000_000.0)
SOUTH = Home("2b" * 16, "south", "/srv/nbp", "", 1_800_000_100.0)
STORE = "s3://pictures/nbp"


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


def test_one_home_comes_back_as_often_as_it_likes(engine: Engine) -> None:
    enter(engine, NORTH)
    # Known by now, and not written again each time a sensor looks.
    enter(engine, replace(NORTH, opened_at=1_800_000_100.0))
    assert list_homes(engine) == (NORTH,)
    enter(engine, replace(NORTH, host="another", opened_at=1_800_000_200.0))

    assert list_homes(engine) == (replace(NORTH, host="another", opened_at=1_800_000_200.0),)


def test_a_home_that_keeps_nothing_is_forgotten_after_a_month(engine: Engine) -> None:
    enter(engine, replace(NORTH, store=STORE))
    later = replace(SOUTH, store=STORE, opened_at=NORTH.opened_at + 29 * 86_400)
    enter(engine, later)
    assert len(list_homes(engine)) == 2

    enter(engine, replace(later, opened_at=NORTH.opened_at + 31 * 86_400))

    assert [home.home_id for home in list_homes(engine)] == [SOUTH.home_id]


def test_a_home_that_keeps_its_pictures_is_never_forgotten_by_itself(engine: Engine) -> None:
    enter(engine, NORTH)

    with pytest.raises(StateApart):
        enter(engine, replace(SOUTH, opened_at=NORTH.opened_at + 400 * 86_400))


@pytest.mark.parametrize(
    ("first", "second"), [("", ""), (STORE, ""), ("", STORE), (STORE, "s3://pictures/other")]
)
def test_a_second_home_without_the_store_of_the_first_is_an_error(
    engine: Engine, first: str, second: str
) -> None:
    enter(engine, replace(NORTH, store=first))

    with pytest.raises(StateApart) as caught:
        enter(engine, replace(SOUTH, store=second))

    text = str(caught.value)
    assert "1a1a1a1a (/data/nbp on north" in text
    assert "NBP_STORE_URL" in text
    assert "`nbp ledger forget-home 1a1a1a1a`" in text
    assert [home.home_id for home in list_homes(engine)] == [NORTH.home_id]


def test_homes_with_one_store_use_one_ledger(engine: Engine) -> None:
    for home in (NORTH, SOUTH, replace(NORTH, home_id="3c" * 16)):
        enter(engine, replace(home, store=STORE))

    assert len(list_homes(engine)) == 3


def test_a_store_of_azure_that_was_noted_without_its_container_is_the_same(engine: Engine) -> None:
    before = "abfss://acct.example/nbp"
    now = "abfss://box@acct.example/nbp"
    enter(engine, replace(NORTH, store=before))

    enter(engine, replace(SOUTH, store=now))
    enter(engine, replace(NORTH, store=now))

    assert {each.store for each in list_homes(engine)} == {now}
    with pytest.raises(StateApart):
        enter(engine, replace(SOUTH, home_id="3c" * 16, store="abfss://other@acct.example/nbp"))


def test_a_home_that_tells_its_store_lets_the_next_one_in(engine: Engine) -> None:
    enter(engine, NORTH)
    enter(engine, replace(NORTH, store=STORE))

    enter(engine, replace(SOUTH, store=STORE))

    with pytest.raises(StateApart):
        enter(engine, NORTH)


def test_a_new_home_takes_the_place_of_one_that_is_gone(engine: Engine) -> None:
    enter(engine, NORTH)

    assert forget_home(engine, "1a1a") == NORTH
    enter(engine, SOUTH)

    assert list_homes(engine) == (SOUTH,)


@pytest.mark.parametrize("name", ["", "9", "1"])
def test_what_names_no_single_home_forgets_none(engine: Engine, name: str) -> None:
    enter(engine, replace(NORTH, store=STORE))
    enter(engine, replace(SOUTH, home_id="1b" * 16, store=STORE))

    with pytest.raises(UnknownHome, match="1a1a1a1a"):
        forget_home(engine, name)

    assert len(list_homes(engine)) == 2


def test_who_mounts_a_folder_has_its_id(tmp_path: Path) -> None:
    first, again = (
        read_home(tmp_path, tmp_path / "home.id", store_url="", now=1.0) for _ in range(2)
    )
    other = read_home(tmp_path, tmp_path / "other.id", store_url="", now=1.0)

    assert first.home_id == again.home_id != other.home_id


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://key:secret@pictures/nbp/?endpoint=x", "s3://pictures/nbp"),
        ("S3://pictures/nbp", "s3://pictures/nbp"),
        ("file:///mnt/pictures/", "file:///mnt/pictures"),
        ("/mnt/pictures", "/mnt/pictures"),
        # Azure's drivers have the container there.
        ("abfss://box@acct.example/nbp/?sas=x", "abfss://box@acct.example/nbp"),
        ("ABFS://box:secret@acct.example/nbp", "abfs://box@acct.example/nbp"),
        ("az://pictures/nbp", "az://pictures/nbp"),
        ("http://[bad", "a store whose URL can't be read"),
        ("", ""),
    ],
)
def test_a_store_is_shown_without_secrets(url: str, shown: str) -> None:
    assert redact_store(url) == shown
