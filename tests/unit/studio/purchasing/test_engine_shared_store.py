"""A store that machines share and that is away: what was paid is neither lost nor paid again."""

from pathlib import Path

from nbp_dagster.studio.ledger.orders import Failed, Generated, Outcome, Reused
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.storage.url_folder import UrlFolder
from tests.rigs.service import ServiceProbe
from tests.rigs.workbench import order, workbench


def make(service: ServiceProbe, home: Path, mount: Path) -> dict[str, Outcome]:
    """Make two orders with a store on a disk that is mounted, or not."""
    with workbench(service.url, home, store_url=f"file://{mount}/pictures") as bench:
        return bench.make(order(1), order(2))


def test_originals_that_the_store_cannot_take_stay_open_and_the_next_run_sends_them(
    service: ServiceProbe, tmp_path: Path
) -> None:
    mount, home = tmp_path / "mount", tmp_path / "home"
    # Something is in the disk's place: root may write in any folder.
    mount.write_bytes(b"")

    stopped = make(service, home, mount)
    mount.unlink()
    made = make(service, home, mount)

    for outcome in stopped.values():
        assert isinstance(outcome, Failed)
        assert str(mount) in outcome.reason
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
    assert len(first) == 2
    south = tmp_path / "south"
    south.mkdir()
    # The same ledger, as PostgreSQL would be.
    (south / "ledger.sqlite").symlink_to(home / "ledger.sqlite")
    before = len(service.requests("/generations/"))

    again = make(service, south, mount)

    assert all(isinstance(outcome, Reused) for outcome in again.values())
    assert len(service.requests("/generations/")) == before
    assert service.bills == 2


def test_a_store_that_takes_nothing_ends_the_buying(service: ServiceProbe, tmp_path: Path) -> None:
    mount = tmp_path / "mount"
    mount.write_bytes(b"")
    one_at_a_time = EngineLimits(in_flight=1, buyers=1, collectors=1, elsewhere_seconds=0.05)
    url = f"file://{mount}/pictures"
    with workbench(service.url, tmp_path / "home", store_url=url, limits=one_at_a_time) as bench:
        outcomes = bench.make(*map(order, range(12)))

    assert len(outcomes) == 12
    assert all(isinstance(outcome, Failed) for outcome in outcomes.values())
    assert service.bills < 4


def test_a_home_that_takes_no_download_ends_the_buying(
    service: ServiceProbe, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    one_at_a_time = EngineLimits(in_flight=1, buyers=1, collectors=1, elsewhere_seconds=0.05)
    with workbench(service.url, home, limits=one_at_a_time) as bench:
        # As on a full disk: root may write in any folder.
        (home / "store").mkdir(exist_ok=True)
        (home / "store" / "incoming").write_bytes(b"")
        stopped = bench.make(*map(order, range(12)))
    bought_in_vain = service.bills
    (home / "store" / "incoming").unlink()
    with workbench(service.url, home) as bench:
        made = bench.make(*map(order, range(12)))

    assert all(isinstance(outcome, Failed) for outcome in stopped.values())
    assert all(isinstance(outcome, Generated) for outcome in made.values())
    assert service.bills == 12
    assert bought_in_vain < 4
