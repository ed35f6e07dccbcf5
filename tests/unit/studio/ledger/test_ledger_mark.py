"""The mark of a ledger in a store that machines share: one store, one ledger."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.ledger_mark import LedgerBehind, LedgerMark, forget_store
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import write_atomically
from nbp_dagster.studio.storage.image_store import FolderStore
from nbp_dagster.studio.storage.store_note import read_note, write_note
from tests.fakes.clock import FakeClock
from tests.fakes.url_folder import CountedFolder
from tests.unit.studio.ledger.databases import a_row, opened, write


def mark(home: Path, engine: Engine, shared: CountedFolder) -> LedgerMark:
    return LedgerMark(home / "store", engine, clock=FakeClock(), shared=shared)


def test_a_store_is_its_first_ledgers_on_every_machine(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "one.sqlite") as one, opened(tmp_path / "two.sqlite") as two:
        mark(tmp_path / "north", one, shared).require_own_store()
        mark(tmp_path / "south", one, shared).require_own_store()

        with pytest.raises(LedgerBehind, match=r"memory://.* belongs to another ledger than .*two"):
            mark(tmp_path / "south", two, shared).require_own_store()


def test_an_empty_ledger_with_pictures_that_nobody_marked_is_refused(tmp_path: Path) -> None:
    shared = CountedFolder()
    shared.replace(f"images/ab/{'ab' * 32}", b"a picture")
    with opened(tmp_path / "one.sqlite") as engine:
        with pytest.raises(LedgerBehind, match=r"is empty, and the store memory://.* pictures"):
            mark(tmp_path, engine, shared).require_own_store()

        write(engine, a_row())
        mark(tmp_path, engine, shared).require_own_store()


def test_a_used_store_without_its_mark_is_a_disk_that_is_not_mounted(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "one.sqlite") as engine:
        write(engine, a_row())
        mark(tmp_path, engine, shared).require_own_store()
        shared.remove("ledger.json")

        for home in (tmp_path, tmp_path / "a pod of today"):
            with pytest.raises(LedgerBehind, match=r"memory://.* has no ledger.json, and was in"):
                mark(home, engine, shared).require_own_store()
        assert shared.read("ledger.json") is None


def test_the_error_that_ends_a_run_is_told_and_not_that_its_mark_was_lost(tmp_path: Path) -> None:
    shared = CountedFolder()

    def batches() -> Iterator[int]:
        yield 1
        raise NbpError("the service is away")

    with opened(tmp_path / "one.sqlite") as engine:
        write(engine, a_row())
        followed = mark(tmp_path, engine, shared)
        followed.require_own_store()
        failing, left = followed.follow(batches()), followed.follow(iter((1, 2)))
        whole = followed.follow(iter((1,)))
        for run in (failing, left, whole):
            next(run)
        shared.remove("ledger.json")

        left.close()
        with pytest.raises(NbpError, match="the service is away"):
            next(failing)
        with pytest.raises(LedgerBehind, match=r"has no ledger.json"):
            next(whole)


def test_a_home_knows_its_store_though_its_ledger_is_another_now(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "one.sqlite") as one, opened(tmp_path / "two.sqlite") as two:
        mark(tmp_path, one, shared).require_own_store()
        shared.remove("ledger.json")

        with pytest.raises(LedgerBehind, match=r"memory://.* has no ledger.json, and was in use"):
            mark(tmp_path, two, shared).require_own_store()


def test_a_store_that_was_emptied_on_purpose_is_forgotten_and_taken_anew(tmp_path: Path) -> None:
    shared, paths = CountedFolder(), StudioPaths(tmp_path)
    with opened(tmp_path / "one.sqlite") as engine:
        mark(tmp_path, engine, shared).require_own_store()
        shared.remove("ledger.json")
        write_atomically(paths.sharing / "spring.json", b"{}")

        forget_store(engine, paths, shared)

        assert not paths.sharing.exists()
        mark(tmp_path, engine, shared).require_own_store()
    assert shared.read("ledger.json") is not None


def test_every_home_notices_that_a_store_was_said_to_be_new(tmp_path: Path) -> None:
    shared = CountedFolder()
    here, there = StudioPaths(tmp_path / "here"), StudioPaths(tmp_path / "there")
    with opened(tmp_path / "one.sqlite") as engine:
        for paths in (here, there):
            mark(paths.home, engine, shared).require_own_store()
            write_note(paths.store, store=shared.name)
            write_atomically(paths.sharing / "spring.json", b"{}")
        shared.remove("ledger.json")
        forget_store(engine, here, shared)
        mark(here.home, engine, shared).require_own_store()

        mark(there.home, engine, shared).require_own_store()

        # What it had sent is to be looked for again, once.
        assert read_note(there.store).store == ""
        assert not there.sharing.exists()
        write_note(there.store, store=shared.name)
        mark(there.home, engine, shared).require_own_store()
        assert read_note(there.store).store == shared.name


def test_a_disk_that_goes_away_during_a_run_is_not_marked_as_the_store(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "one.sqlite") as engine:
        write(engine, a_row())
        own = mark(tmp_path, engine, shared)
        own.require_own_store()
        shared.remove("ledger.json")

        with pytest.raises(LedgerBehind, match="not mounted"):
            own.advance()

        assert shared.read("ledger.json") is None
        with pytest.raises(LedgerBehind, match="not mounted"):
            own.require_marked_store()


def test_a_picture_that_came_before_the_first_purchase_makes_no_ledger_look_lost(
    tmp_path: Path,
) -> None:
    store = FolderStore(tmp_path / "store")
    with opened(tmp_path / "one.sqlite") as engine:
        own = LedgerMark(tmp_path / "store", engine, clock=FakeClock())
        own.prepare()
        store.put(b"a reference from the web")

        own.require_current()
        write(engine, a_row())
        own.advance()
    with (
        opened(tmp_path / "new.sqlite") as new,
        pytest.raises(LedgerBehind, match="is not the one"),
    ):
        LedgerMark(tmp_path / "store", new, clock=FakeClock()).require_current()


def test_a_store_without_its_mark_is_not_what_a_ledger_is_rebuilt_from(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "lost.sqlite") as lost, opened(tmp_path / "new.sqlite") as new:
        mark(tmp_path, lost, shared).require_own_store()
        # With its mark, it is: of whatever ledger.
        mark(tmp_path, new, shared).require_mark()
        shared.remove("ledger.json")

        with pytest.raises(LedgerBehind, match="not mounted"):
            mark(tmp_path, new, shared).require_mark()


def test_an_older_copy_of_the_ledger_is_noticed_on_a_machine_that_bought_nothing(
    tmp_path: Path,
) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "ledger.sqlite"):
        pass
    with opened(tmp_path / "ledger.sqlite") as engine:
        (tmp_path / "copy.sqlite").write_bytes((tmp_path / "ledger.sqlite").read_bytes())
        write(engine, a_row())
        mark(tmp_path / "north", engine, shared).advance()
    with opened(tmp_path / "copy.sqlite") as older:
        south = mark(tmp_path / "south", older, shared)

        with pytest.raises(LedgerBehind, match="older copy"):
            south.require_current()


def test_a_rebuilt_ledger_takes_the_store_over(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "lost.sqlite") as lost, opened(tmp_path / "rebuilt.sqlite") as rebuilt:
        mark(tmp_path, lost, shared).require_own_store()

        mark(tmp_path, rebuilt, shared).reset()

        mark(tmp_path / "south", rebuilt, shared).require_own_store()


def test_a_store_is_asked_once_whose_it_is(tmp_path: Path) -> None:
    shared = CountedFolder()
    with opened(tmp_path / "ledger.sqlite") as engine:
        mark(tmp_path, engine, shared).require_own_store()
        shared.asked.clear()
        same = mark(tmp_path, engine, shared)

        same.require_own_store()
        same.require_own_store()

    assert shared.asked == {"read": 1}
