"""Documents of two homes with one ledger: what one writes, the other reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.shared_state.shared_documents import (
    FEW,
    LISTING_SECONDS,
    SharedDocuments,
)
from nbp_dagster.studio.storage.documents import DocumentFolder
from tests.fakes.clock import FakeClock

MANY = tuple(f"spring/room{number:03}" for number in range(FEW * 8))


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    engine = open_ledger(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class Homes:
    """Opens the records of a home anew, as another process would."""

    def __init__(self, engine: Engine, root: Path, clock: FakeClock) -> None:
        self._engine, self._root, self._clock = engine, root, clock

    def folder(self, home: str) -> DocumentFolder:
        return DocumentFolder(self._root / home / "records")

    def open(self, home: str) -> SharedDocuments:
        return SharedDocuments(
            self._engine,
            "records",
            local=self.folder(home),
            now=self._clock.now,
            monotonic=self._clock.monotonic,
        )


@pytest.fixture
def homes(engine: Engine, tmp_path: Path, clock: FakeClock) -> Homes:
    return Homes(engine, tmp_path, clock)


def count_queries(engine: Engine, counted: list[str]) -> None:
    sa.event.listen(
        engine,
        "before_cursor_execute",
        lambda _connection, _cursor, statement, *_: counted.append(statement),
    )


def test_what_one_home_writes_the_other_reads_at_once(homes: Homes) -> None:
    north, south = homes.open("north"), homes.open("south")
    assert south.read("spring/kitchen") is None

    north.write("spring/kitchen", b"one")
    assert south.read("spring/kitchen") == b"one"
    south.write("spring/kitchen", b"two")
    assert north.read("spring/kitchen") == b"two"

    assert homes.folder("north").read("spring/kitchen") == b"two"


def test_kinds_are_apart(engine: Engine, homes: Homes, tmp_path: Path) -> None:
    homes.open("north").write("acme", b"a record")

    others = SharedDocuments(engine, "calibrations", local=DocumentFolder(tmp_path / "others"))

    assert others.read("acme") is None
    assert others.list_names() == ()


def test_a_document_that_is_removed_is_gone_for_both(homes: Homes) -> None:
    north, south = homes.open("north"), homes.open("south")
    north.write("spring/kitchen", b"one", is_flagged=True)
    assert south.read("spring/kitchen") == b"one"

    north.remove("spring/kitchen")

    assert north.read("spring/kitchen") is None
    # The other home's copy is left: with no document in its place, it is what that home last had.
    assert south.read("spring/kitchen") == b"one"
    assert north.list_flagged() == ()


def test_flags_are_of_all_homes_and_go_with_the_document_that_has_none(homes: Homes) -> None:
    north, south = homes.open("north"), homes.open("south")
    north.write("spring/kitchen", b"one", is_flagged=True)
    south.write("spring/terrace", b"two", is_flagged=True)
    homes.folder("south").write("autumn/own", b"three", is_flagged=True)
    assert south.read("spring/kitchen") == b"one"
    assert north.list_flagged() == ("spring/kitchen", "spring/terrace")
    assert south.list_flagged() == ("autumn/own", "spring/kitchen", "spring/terrace")

    north.write("spring/kitchen", b"four")

    # The copy in the south still has its flag; the document has not.
    assert south.list_flagged() == ("autumn/own", "spring/terrace")


def test_many_documents_of_another_home_take_a_few_queries(homes: Homes, engine: Engine) -> None:
    north = homes.open("north")
    for name in MANY:
        north.write(name, name.encode())
    counted: list[str] = []
    count_queries(engine, counted)

    south = homes.open("south")
    assert [south.read(name) for name in MANY] == [name.encode() for name in MANY]
    few_bodies = len([each for each in counted if "body" in each])
    assert few_bodies <= FEW + 3
    counted.clear()
    again = homes.open("south")
    assert [again.read(name) for name in MANY] == [name.encode() for name in MANY]

    # Every copy was there: those look-ups, and one list.
    assert len([each for each in counted if "shared_documents" in each]) == FEW + 1
    assert not [each for each in counted if "body" in each]


def test_a_list_is_not_believed_for_longer_than_it_may(homes: Homes, clock: FakeClock) -> None:
    north, south = homes.open("north"), homes.open("south")
    for name in MANY:
        north.write(name, b"one")
    for name in MANY:
        south.read(name)
    north.write(MANY[0], b"two")

    assert south.read(MANY[0]) == b"one"
    clock.advance(LISTING_SECONDS * 1.5)
    assert south.read(MANY[0]) == b"two"


def test_a_refresh_finds_what_was_written_until_now(homes: Homes) -> None:
    north, south = homes.open("north"), homes.open("south")
    for name in MANY:
        north.write(name, b"one")
        south.read(name)
    north.write(MANY[0], b"two")

    south.refresh()

    assert south.read(MANY[0]) == b"two"


def test_own_writes_are_read_whatever_was_listed(homes: Homes) -> None:
    north, south = homes.open("north"), homes.open("south")
    for name in MANY:
        north.write(name, b"one")
        south.read(name)

    south.write(MANY[0], b"two")

    assert south.read(MANY[0]) == b"two"


def test_a_copy_that_is_damaged_or_of_before_is_fetched_again(homes: Homes) -> None:
    north = homes.open("north")
    north.write("spring/kitchen", b"one")
    north.path("spring/kitchen").write_bytes(b"o")

    assert homes.open("north").read("spring/kitchen") == b"one"
    assert north.path("spring/kitchen").read_bytes() == b"one"


def test_a_file_that_the_database_lacks_is_read(homes: Homes) -> None:
    homes.folder("north").write("spring/kitchen", b"of before")

    assert homes.open("north").read("spring/kitchen") == b"of before"
    assert homes.open("south").read("spring/kitchen") is None


def test_files_of_before_are_handed_over_and_replace_nothing(homes: Homes) -> None:
    for name in MANY:
        homes.folder("north").write(name, b"of before", is_flagged=name == MANY[3])
    homes.open("south").write(MANY[0], b"newer")

    assert homes.open("north").hand_over() == len(MANY)

    south = homes.open("south")
    assert [south.read(name) for name in MANY] == [b"newer", *[b"of before"] * (len(MANY) - 1)]
    assert south.list_flagged() == (MANY[3],)
    assert south.written_at(MANY[1]) == homes.folder("north").written_at(MANY[1])


def test_a_document_says_when_it_was_written(homes: Homes, clock: FakeClock) -> None:
    homes.open("north").write("spring/kitchen", b"one")

    assert homes.open("south").written_at("spring/kitchen") == clock.now()
    assert homes.open("south").written_at("spring/terrace") == 0.0
