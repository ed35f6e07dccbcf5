"""What a home opens: its own files, or what it shares; and what it hands over, once."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import begin_serialised, begin_writing
from nbp_dagster.studio.ledger.ledger_mark import LedgerMark
from nbp_dagster.studio.ledger.schema import homes, identity, shared_documents
from nbp_dagster.studio.shared_state.homes import StateApart
from nbp_dagster.studio.shared_state.state import Sharing, State, open_home_ledger, open_state
from nbp_dagster.studio.storage.data_paths import StudioPaths
from tests.fakes.clock import FakeClock

STORE = "s3://pictures"
SHARED = Sharing(has_ledger=True, store_url=STORE)
KEY = "spring/kitchen/en/1x1/v1"


@pytest.fixture
def database(ledger_url: str, tmp_path: Path) -> Iterator[Engine]:
    engine = open_home_ledger(StudioPaths(tmp_path), ledger_url)
    yield engine
    engine.dispose()


Open = Callable[..., State]


@pytest.fixture
def home(database: Engine, tmp_path: Path) -> Open:
    """Opens a home's state, as another process would."""

    def open_it(name: str, sharing: Sharing = SHARED) -> State:
        paths = StudioPaths(tmp_path / name)
        return open_state(paths, database, FakeClock(), "oxen", sharing=sharing)

    return open_it


def count(database: Engine, table: sa.Table) -> int:
    with database.begin() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0)


def test_a_home_with_its_own_ledger_keeps_files_and_shares_nothing(
    home: Open, database: Engine, tmp_path: Path
) -> None:
    state = home("north", Sharing())
    state.records.write(KEY, b"{}")

    assert (tmp_path / "north/records" / f"{KEY}.json").read_bytes() == b"{}"
    assert count(database, shared_documents) == count(database, homes) == 0
    assert sorted(path.name for path in (tmp_path / "north").iterdir()) == ["records"]


@pytest.mark.parametrize("kind", ["records", "calibrations", "models", "uploads"])
def test_two_homes_read_what_either_writes(home: Open, kind: str) -> None:
    north, south = home("north"), home("south")

    getattr(north, kind).write("a/b", b"of the north")
    assert getattr(south, kind).read("a/b") == b"of the north"
    getattr(south, kind).write("a/b", b"of the south")
    assert getattr(north, kind).read("a/b") == b"of the south"


def test_files_of_before_are_handed_over_once(home: Open, database: Engine, tmp_path: Path) -> None:
    before = home("north", Sharing())
    before.records.write(KEY, b"a record", is_flagged=True)
    before.calibrations.write("acme-colour", b"thresholds")
    before.models.write("nano", b"a model")
    before.uploads.write("f00d/1234", b"references/1234.png\n")

    home("north")
    south = home("south")

    assert south.records.read(KEY) == b"a record"
    assert south.records.list_flagged() == (KEY,)
    assert south.calibrations.read("acme-colour") == b"thresholds"
    assert south.models.read("nano") == b"a model"
    assert south.uploads.read("f00d/1234") == b"references/1234.png\n"
    home("north", Sharing()).records.write("spring/later", b"by a run with its own ledger")
    home("north")
    assert south.records.read("spring/later") is None
    assert count(database, shared_documents) == 4
    assert json.loads((tmp_path / "north/handed_over.json").read_text())


def test_a_home_whose_pictures_another_ledger_bought_hands_nothing_over(
    home: Open, database: Engine, tmp_path: Path
) -> None:
    paths = StudioPaths(tmp_path / "north")
    own = open_home_ledger(paths, "")
    paths.store.mkdir()
    LedgerMark(paths.store, own, clock=FakeClock()).reset()
    own.dispose()
    home("north", Sharing()).records.write(KEY, b"of another ledger")

    state = home("north")

    assert count(database, shared_documents) == 0
    # It is read here all the same: the home's own file, in whose place there is nothing.
    assert state.records.read(KEY) == b"of another ledger"
    assert state.records.list_names() == (KEY,)


def test_a_new_ledger_gets_the_files_again(home: Open, database: Engine) -> None:
    home("north").records.write(KEY, b"a record")
    with begin_serialised(database) as connection:
        connection.execute(shared_documents.delete())
        connection.execute(identity.update().values(ledger_id="e" * 32))

    home("north")

    assert home("south").records.read(KEY) == b"a record"


def test_a_second_home_that_shares_no_store_is_refused_before_it_writes(
    home: Open, database: Engine, tmp_path: Path
) -> None:
    alone = Sharing(has_ledger=True)
    home("south", Sharing()).records.write(KEY, b"a record")
    home("north", alone)

    with pytest.raises(StateApart, match="NBP_STORE_URL"):
        home("south", alone)

    assert count(database, shared_documents) == 0
    home("north", alone)
    # Whoever mounts the folder is the same home.
    (tmp_path / "mounted").symlink_to(tmp_path / "north")
    home("mounted", alone)


def test_a_home_that_came_with_a_ledger_of_before_is_the_first(
    home: Open, database: Engine
) -> None:
    with begin_writing(database) as connection:
        connection.execute(homes.delete())

    home("north", Sharing(has_ledger=True))

    assert count(database, homes) == 1
