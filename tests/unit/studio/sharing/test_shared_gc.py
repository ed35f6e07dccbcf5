"""`nbp gc` on a store that machines share: what the sets of any of them need stays."""

import os
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.ledger_mark import LedgerMark
from nbp_dagster.studio.retention.sweep import Keeping, RetentionError
from nbp_dagster.studio.sets.set_writer import write_set
from nbp_dagster.studio.sharing.shared_sets import SharedSets
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.image_store import PrunableStore
from nbp_dagster.studio.storage.open_store import StorePlaces, open_places
from tests.rigs.sets import build_set
from tests.unit.studio.ledger.databases import a_row, opened, write

CAMPAIGN = "spring_launch"
DAY = 86_400.0


def open_home(folder: Path, url: str) -> tuple[StudioPaths, StorePlaces, SharedSets]:
    paths = StudioPaths(folder)
    places = open_places(paths.store, url, cache_gb=1.0)
    return paths, places, SharedSets(paths, places, clock=SystemClock())


def write_set_in(folder: Path, url: str) -> None:
    paths, places, sets = open_home(folder, url)
    sample = build_set(scale=0.05, shots=("kitchen",))
    for picture in sample.manifest.pictures:
        places.images.put(sample.data[picture.sha256])
    with sets.writing(CAMPAIGN) as send:
        write_set(paths.sets / CAMPAIGN, sample.manifest, rendition=sample.rendition)
        send(sample.manifest)


def claim(paths: StudioPaths, places: StorePlaces, engine: Engine) -> None:
    """Have the store be a ledger's, as its first run does."""
    mark = LedgerMark(paths.store, engine, clock=SystemClock(), shared=places.shared)
    mark.require_own_store()


def grow_old(shared: Path) -> None:
    for path in (shared / "images").rglob("*"):
        if path.is_file():
            os.utime(path, (0, 0))


def test_another_machines_set_stays_and_what_nothing_needs_goes(tmp_path: Path) -> None:
    shared, url = tmp_path / "shared", f"file://{tmp_path}/shared"
    write_set_in(tmp_path / "north", url)
    paths, places, sets = open_home(tmp_path / "south", url)
    places.images.put(b"of an earlier brief")
    grow_old(shared)
    young = places.images.put(b"of a run that is at work")
    assert isinstance(places.images, PrunableStore)

    sets.bring_all(whole=False)
    with opened(tmp_path / "ledger.sqlite") as engine:
        write(engine, a_row(state="made", billed=True))
        claim(paths, places, engine)
        keeping = Keeping(places.images, paths, engine, None, SystemClock(), places.shared)
        _, removed = keeping.sweep(age=30 * DAY, originals=False)

    assert sum(amount.files for amount in removed.values()) == 1
    assert places.images.has(young)
    _, reader, reading = open_home(tmp_path / "reader", url)
    reading.bring(CAMPAIGN)
    assert not reader.images.has("00" * 32)


def test_half_files_of_killed_processes_go_when_they_are_old_and_nothing_else(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    paths, places, _ = open_home(tmp_path / "north", f"file://{shared}")
    digest = places.images.put(b"a picture")
    pair = f"images/{digest[:2]}"
    old = (
        f"{pair}/.{digest}.0a1b2c3d",
        # As file systems are written that are no folder of this machine.
        f"{pair}/{digest}.0a1b2c3d",
        "sets/.winter.json.0a1b2c3d",
        "probes/.0123456789abcdef.0a1b2c3d",
        ".ledger.json.0a1b2c3d",
    )
    others = (
        "sets/winter.json",
        "sets/.winter.json.backup",
        # Dates, and folders, of somebody else.
        "backup.20261130",
        ".backup.20261130",
        "others/.winter.json.0a1b2c3d",
        f"{pair}/.{digest}.toolong0a",
    )
    for name in (*old, *others):
        (shared / name).parent.mkdir(parents=True, exist_ok=True)
        (shared / name).write_bytes(b"half")
        os.utime(shared / name, (0, 0))
    young = shared / f"{pair}/.{digest}.3d2c1b0a"
    young.write_bytes(b"half")
    assert isinstance(places.images, PrunableStore)

    with opened(tmp_path / "ledger.sqlite") as engine:
        write(engine, a_row(state="made", billed=True))
        claim(paths, places, engine)
        keeping = Keeping(places.images, paths, engine, None, SystemClock(), places.shared)
        planned = keeping.plan(age=30 * DAY, originals=True)
        assert all((shared / name).exists() for name in old)
        _, removed = keeping.sweep(age=30 * DAY, originals=True)

    assert planned.amounts["unfinished files"].files == len(old)
    assert removed["unfinished files"].files == len(old)
    assert removed["unfinished files"].size == len(old) * len(b"half")
    assert not any((shared / name).exists() for name in old)
    assert all((shared / name).exists() for name in others)
    assert young.exists()
    assert places.images.has(digest)


def test_another_ledger_removes_nothing_of_a_shared_store(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/shared"
    paths, places, _ = open_home(tmp_path / "north", url)
    places.images.put(b"bought with the first ledger")
    grow_old(tmp_path / "shared")
    assert isinstance(places.images, PrunableStore)
    with opened(tmp_path / "one.sqlite") as one, opened(tmp_path / "two.sqlite") as two:
        write(one, a_row())
        claim(paths, places, one)

        with pytest.raises(RetentionError, match="belongs to another ledger"):
            Keeping(places.images, paths, two, None, SystemClock(), places.shared).sweep(
                age=30 * DAY, originals=True
            )


def test_a_store_with_pictures_that_nobody_marked_is_neither_claimed_nor_swept(
    tmp_path: Path,
) -> None:
    shared, url = tmp_path / "shared", f"file://{tmp_path}/shared"
    paths, places, _ = open_home(tmp_path / "north", url)
    digest = places.images.put(b"bought with some ledger")
    grow_old(shared)
    before = sorted(shared.rglob("*"))
    assert isinstance(places.images, PrunableStore)
    with opened(tmp_path / "one.sqlite") as engine:
        write(engine, a_row())
        keeping = Keeping(places.images, paths, engine, None, SystemClock(), places.shared)

        with pytest.raises(RetentionError, match="no mark says of which ledger; `nbp run`"):
            keeping.plan(age=30 * DAY, originals=False)
        with pytest.raises(RetentionError, match="nothing is removed"):
            keeping.sweep(age=30 * DAY, originals=True)

    assert sorted(shared.rglob("*")) == before
    assert places.images.has(digest)


def test_a_look_at_an_empty_store_leaves_it_to_who_uses_it_first(tmp_path: Path) -> None:
    paths, places, _ = open_home(tmp_path / "north", f"file://{tmp_path}/shared")
    assert isinstance(places.images, PrunableStore)
    with opened(tmp_path / "one.sqlite") as one, opened(tmp_path / "two.sqlite") as two:
        keeping = Keeping(places.images, paths, one, None, SystemClock(), places.shared)
        assert keeping.plan(age=30 * DAY, originals=False).amounts == {}

        claim(paths, places, two)
