"""A store that machines share and that is away: what was paid is neither lost nor paid again."""

from pathlib import Path

from nbp_dagster.studio.ledger.orders import Failed, Generated, Outcome, Reused
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.url_folder import UrlFolder
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, workbench


def make(service: ServiceProbe, home: Path, mount: Path) -> dict[str, Outcome] | StoreError:
    """Make two orders with a store on a disk that is mounted, or not."""
    with workbench(service.url, home, store_url=f"file://{mount}/pictures") as bench:
        try:
            return bench.make(order(1), order(2))
        except StoreError as error:
            return error


def test_originals_that_the_store_cannot_take_stay_open_and_the_next_run_sends_them(
    service: ServiceProbe, tmp_path: Path
) -> None:
    mount, home = tmp_path / "mount", tmp_path / "home"
    # Something is in the disk's place: root may write in any folder.
    mount.write_bytes(b"")

    stopped = make(service, home, mount)
    mount.unlink()
    made = make(service, home, mount)

    assert isinstance(stopped, StoreError) or all(
        isinstance(outcome, Failed) and str(mount) in outcome.reason for outcome in stopped.values()
    )
    assert isinstance(made, dict)
    assert all(isinstance(outcome, Generated) for outcome in made.values())
    assert service.bills == 2
    kept = UrlFolder(f"file://{mount}/pictures").sizes("images")
    assert len(kept) == 2
    assert not list((home / "store" / "pending").iterdir())


def test_another_home_reuses_what_the_store_has_and_asks_the_service_for_nothing(
    service: ServiceProbe, tmp_path: Path
) -> None:
    home, mount = tmp_path / "north", tmp_path / "mount"
    first = make(service, home, mount)
    assert isinstance(first, dict)
    south = tmp_path / "south"
    south.mkdir()
    # The same ledger, as PostgreSQL would be.
    (south / "ledger.sqlite").symlink_to(home / "ledger.sqlite")
    before = len(service.requests("/generations/"))

    again = make(service, south, mount)

    assert isinstance(again, dict)
    assert all(isinstance(outcome, Reused) for outcome in again.values())
    assert len(service.requests("/generations/")) == before
    assert service.bills == 2
