"""What `nbp gc` removes, and what it never does: whatever refers to a file keeps it."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.schema import (
    corrections,
    decisions,
    pictures,
    purchases,
    shared_documents,
    sheet_pins,
)
from nbp_dagster.studio.retention.needed_files import find_digests
from nbp_dagster.studio.retention.sweep import Keeping, RetentionError
from nbp_dagster.studio.storage.data_paths import StudioPaths
from nbp_dagster.studio.storage.files import StoreError, write_atomically
from nbp_dagster.studio.storage.image_store import FolderStore

DAY = 86_400.0


@cache
def empty_ledger() -> bytes:
    """A new ledger's file: its migrations take longer than anything here."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.sqlite"
        engine = open_ledger(path)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return path.read_bytes()


class Home:
    """A home whose ledger has one purchase, so that it is nobody's empty one."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.paths = StudioPaths(folder)
        self.store = FolderStore(self.paths.store)
        if not url:
            write_atomically(self.paths.ledger, empty_ledger(), sync=False)
        self.database: Engine = open_ledger(url or self.paths.ledger)
        self.keeping = Keeping(
            self.store, self.paths, self.database, folder / "dagster", SystemClock()
        )
        self._number = 0
        self.buy()

    def put(self, *, days: float = 100) -> str:
        """Keep a file that was last used some days ago; return its digest."""
        self._number += 1
        digest = self.store.put(f"file {self._number}".encode())
        self.age(self.store.path(digest), days)
        return digest

    @staticmethod
    def age(path: Path, days: float = 100) -> None:
        stamp = time.time() - days * DAY
        os.utime(path, (stamp, stamp))

    def insert(self, table: sa.Table, **values: Any) -> None:
        """Insert a row whose other columns mean nothing."""
        self._number += 1
        filled: dict[str, Any] = {}
        for column in table.columns:
            if column.name == "id" or column.nullable:
                continue
            kind = column.type.python_type
            filled[column.name] = f"{self._number}" if kind is str else kind()
        with self.database.begin() as connection:
            connection.execute(table.insert(), {**filled, **values})

    def buy(self, digest: str | None = None, **values: Any) -> None:
        image = None if digest is None else {"sha256": digest, "bytes": 1}
        state = "failed" if digest is None else "made"
        self.insert(
            purchases,
            **{"state": state, "image": image, "provider": "oxen", "account": "", **values},
        )

    def note(self, name: str, content: object) -> None:
        write_atomically(self.paths.home / name, json.dumps(content).encode())

    def remains(self, digest: str) -> bool:
        return self.store.has(digest)

    def sweep(self, *, days: float = 90, originals: bool = False) -> dict[str, int]:
        _, removed = self.keeping.sweep(age=days * DAY, originals=originals)
        return {kind: amount.files for kind, amount in removed.items()}


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home(tmp_path)


# Each makes something refer to a file.
REFERENCES: dict[str, Callable[[Home, str], None]] = {
    "rendition of a record": lambda home, digest: home.note(
        "records/winter/park/all/1x1/v1.json", {"pictures": [{"sha256": digest}]}
    ),
    "thumbnail of a record": lambda home, digest: home.note(
        "records/winter/lake/all/1x1/v1.json", {"thumbs": {"a" * 64: digest}}
    ),
    "a set": lambda home, digest: home.note(
        "sets/winter/manifest.json", {"logos": [{"source_sha256": digest}]}
    ),
    "a delivery": lambda home, digest: home.note("deliveries/winter/manifest.json", [digest]),
    "a comparison of models": lambda home, digest: home.note(
        "canary/winter/a.json", {"original": digest}
    ),
    "a pin": lambda home, digest: home.insert(sheet_pins, digest=digest),
    "what a correction replaced": lambda home, digest: home.insert(corrections, original=digest),
    "what an edit starts from": lambda home, digest: home.insert(corrections, base=digest),
    "an approval": lambda home, digest: home.insert(decisions, sha256=digest, verdict="approved"),
    "a choice of another variant": lambda home, digest: home.insert(
        decisions, sha256=digest, verdict="passed_over"
    ),
    "a reference of an open purchase": lambda home, digest: home.buy(
        state="enqueued", request={"references": [{"digest": digest}]}, intended_at=time.time()
    ),
    "a candidate for a sheet": lambda home, digest: home.buy(digest, scope="brand:hilltop"),
    "a record that machines share": lambda home, digest: home.insert(
        shared_documents, kind="records", body=json.dumps({"thumbs": {"x": digest}}).encode()
    ),
    "the newest picture of a prompt": lambda home, digest: home.buy(digest),
}


@pytest.mark.parametrize("kind", REFERENCES)
def test_what_something_refers_to_stays(place: Home, kind: str) -> None:
    named, lost = place.put(), place.put()
    REFERENCES[kind](place, named)

    assert place.sweep(originals=True) == {"thumbnails and the like": 1}

    assert place.remains(named)
    assert not place.remains(lost)


@settings(max_examples=40, deadline=None)
@given(
    links=st.lists(st.tuples(st.sampled_from(sorted(REFERENCES)), st.integers(0, 11)), max_size=12),
    young=st.sets(st.integers(0, 11)),
    originals=st.booleans(),
)
def test_nothing_that_is_referred_to_or_young_is_ever_removed(
    links: list[tuple[str, int]], young: set[int], originals: bool
) -> None:
    with TemporaryDirectory() as folder:
        home = Home(Path(folder))
        files = [home.put(days=1 if number in young else 100) for number in range(12)]
        by_kind = dict(links)
        for kind, number in by_kind.items():
            REFERENCES[kind](home, files[number])

        home.sweep(originals=originals)

        kept = {number for number in range(12) if home.remains(files[number])}
        assert kept == young | set(by_kind.values())
        home.database.dispose()


def test_a_superseded_original_stays_until_originals_are_asked_for(place: Home) -> None:
    old, new = place.put(), place.put()
    place.buy(old, key="winter/park/all/1x1/v1")
    place.buy(new, key="winter/park/all/1x1/v1")

    found = place.keeping.plan(age=90 * DAY, originals=False)
    assert (found.kept_originals.files, found.amounts) == (1, {})
    assert place.sweep() == {}
    assert place.remains(old)
    assert place.sweep(originals=True) == {"originals": 1}
    assert not place.remains(old)
    assert place.remains(new)


def test_an_original_that_is_used_again_while_others_are_removed_stays(
    place: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, back, new = place.put(), place.put(), place.put()
    for digest in (old, back, new):
        place.buy(digest, key="winter/park/all/1x1/v1")
    removing = place.store.remove

    def remove(digest: str, *, unused_since: float) -> bool:
        # The brief was edited back, and a run uses what it once bought.
        assert place.store.bring(back, size=len(place.store.get(back)))
        return removing(digest, unused_since=unused_since)

    monkeypatch.setattr(place.store, "remove", remove)

    assert place.sweep(originals=True) == {"originals": 1}
    assert place.remains(back)


def test_the_original_of_an_approved_file_stays(place: Home) -> None:
    approved, original, newer = place.put(), place.put(), place.put()
    key = "winter/park/all/1x1/v1"
    place.buy(original, key=key, generation_id="g1")
    place.buy(newer, key=key, generation_id="g2")
    place.insert(pictures, sha256=approved, channel="story", prompt_key=key, generation_id="g1")
    place.insert(decisions, sha256=approved, verdict="approved", prompt_key=key)

    assert place.sweep(originals=True) == {}


def test_a_rejected_or_withdrawn_file_that_no_set_shows_goes(place: Home) -> None:
    rejected, withdrawn = place.put(), place.put()
    for digest in (rejected, withdrawn):
        place.insert(pictures, sha256=digest, channel="story")
    place.insert(decisions, sha256=rejected, verdict="rejected")
    for number, verdict in enumerate(("approved", "withdrawn"), start=1):
        where = {"prompt_key": "k", "channel": "story", "locale": "en", "number": number}
        place.insert(decisions, sha256=withdrawn, verdict=verdict, **where)

    assert place.sweep() == {"renditions": 2}


def test_a_file_that_may_be_the_picture_of_an_open_purchase_stays(place: Home) -> None:
    """A run that is killed between the two has kept a paid picture and not settled it."""
    before, since = place.put(days=200), place.put(days=150)
    place.buy(state="enqueued", intended_at=time.time() - 160 * DAY)

    assert place.sweep(originals=True) == {"thumbnails and the like": 1}
    assert place.remains(since)
    assert not place.remains(before)


def test_another_ledger_than_the_stores_removes_nothing(place: Home, tmp_path: Path) -> None:
    lost = place.put()
    url = f"sqlite:///{tmp_path}/other.sqlite"
    keeping = Keeping(place.store, place.paths, open_ledger(url), None, SystemClock())

    with pytest.raises(RetentionError, match=r"nothing is removed: the ledger .* is empty"):
        keeping.sweep(age=90 * DAY, originals=True)

    assert place.remains(lost)


def test_files_of_the_last_day_can_not_be_asked_for(place: Home) -> None:
    with pytest.raises(RetentionError, match="give 1d or more"):
        place.keeping.plan(age=3600, originals=False)


def test_a_plan_removes_nothing(place: Home) -> None:
    lost = place.put()

    assert place.keeping.plan(age=90 * DAY, originals=True).amounts
    assert place.remains(lost)


def test_what_a_run_puts_again_is_used_from_then_on(place: Home) -> None:
    digest = place.put()
    found = place.keeping.plan(age=90 * DAY, originals=False)
    assert place.store.put(place.store.get(digest)) == digest

    assert not place.store.remove(digest, unused_since=found.before)
    assert place.remains(digest)


def test_what_is_put_is_there_whatever_is_removed_at_the_same_time(place: Home) -> None:
    """A run in one thread, a clean-up in another, over the same old file."""
    digest = place.put()
    data, path = place.store.get(digest), place.store.path(digest)
    found: list[bool] = []
    removed = threading.Event()

    def clean() -> None:
        while not removed.is_set():
            place.store.remove(digest, unused_since=time.time() - DAY)

    cleaner = threading.Thread(target=clean)
    cleaner.start()
    try:
        for _ in range(300):
            place.store.put(data)
            found.append(place.store.get(digest) == data)
            with suppress(FileNotFoundError):
                place.age(path)
    finally:
        removed.set()
        cleaner.join()

    assert all(found)


def test_unfinished_files_and_logs_go_when_they_are_old(place: Home) -> None:
    home = place.paths.home
    old = (
        home / "records" / "winter" / ".v1.json.0a1b2c3d",
        home / "dagster" / "storage" / "run" / "compute_logs" / "step.err",
    )
    others = (
        home / "records" / "winter" / ".falling_short",
        home / "dagster" / ".opening.lock",
        home / "dagster" / "history" / "runs.db",
        home / "simulator" / ".v1.json.0a1b2c3d",
    )
    for path in (*old, *others):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
        place.age(path)
    young = old[0].with_name(".v2.json.0a1b2c3d")
    young.write_bytes(b"x")

    assert place.sweep() == {"unfinished files": 1, "logs": 1}

    assert not any(path.exists() for path in old)
    assert all(path.exists() for path in (*others, young))


def test_pictures_staged_for_a_set_that_was_never_written_go_and_its_own_files_stay(
    place: Home,
) -> None:
    folder = place.paths.sets / "winter"
    names = ("images/story/a.jpg", "images/story/b.jpg")
    for name in names:
        write_atomically(folder / name, b"x")
    place.note("sets/winter/.set.json", {"files": {names[0]: None}})
    index = folder / ".set.staged"
    lines = [*names, "../../ledger.sqlite", "notes.txt"]
    index.write_text("".join(json.dumps([name, None]) + "\n" for name in lines), "utf-8")
    (folder / "notes.txt").write_bytes(b"mine")

    assert place.sweep() == {}
    place.age(index)
    assert place.sweep() == {"staged pictures": 2}

    assert (folder / names[0]).exists()
    assert (folder / "notes.txt").exists()
    assert place.paths.ledger.exists()
    assert not (folder / names[1]).exists()
    assert not index.exists()


def test_a_ledger_on_either_database_tells_what_is_needed(tmp_path: Path, ledger_url: str) -> None:
    home = Home(tmp_path / "home", ledger_url)
    files = {kind: home.put() for kind in REFERENCES}
    for kind, digest in files.items():
        REFERENCES[kind](home, digest)
    lost = home.put()

    home.sweep(originals=True)

    assert {kind for kind, digest in files.items() if not home.remains(digest)} == set()
    assert not home.remains(lost)
    home.database.dispose()


def test_a_folder_that_cannot_be_read_is_an_error_and_nothing_is_removed(
    place: Home, tmp_path: Path
) -> None:
    """What it holds may need anything. A link in a circle can't be read by root either."""
    lost = place.put()
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / "a.json").symlink_to("a.json")

    with pytest.raises(StoreError, match=r"a\.json"):
        place.sweep()

    assert place.remains(lost)


def test_a_digest_is_found_wherever_it_stands() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    text = json.dumps({"a": [digest], f"original:{digest}": f"x{digest}y"}) + "0" * 65

    assert list(find_digests(text)) == [digest] * 3
