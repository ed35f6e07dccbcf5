"""A large set that was prepared while it was waited for is the set it would have been anyway."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.studio.imaging.contact_sheet import MOST_ON_A_SHEET
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.sets.set_files import INLINE_SETS
from nbp_dagster.studio.sets.set_writer import WrittenSet, write_set
from nbp_dagster.studio.sets.staged_index import FILE_INDEX, STAGED_INDEX, StagedIndex
from nbp_dagster.studio.sets.staging import SetOutline, SetStager
from nbp_dagster.studio.storage.image_store import FolderStore
from tests.rigs.processes import wait_for
from tests.rigs.sets import build_large_set

PICTURES = MOST_ON_A_SHEET + 10


class StagedSet:
    """A store with the pictures of a large set of two pictures a prompt, and its folder."""

    def __init__(self, folder: Path, pictures: int = PICTURES) -> None:
        self.sample = build_large_set(pictures, per_prompt=2)
        self.store = FolderStore(folder / "store")
        self.folder = folder / "set"
        for data in self.sample.data.values():
            self.store.put(data)
        # What follows the end of a JPEG is no part of the picture.
        self.thumb = self.store.put(data + b"thumbnail")
        rows = self.sample.manifest.pictures
        self.records = [self.record(rows[n : n + 2]) for n in range(0, pictures, 2)]

    def record(self, rows: Sequence[Picture]) -> PromptRecord:
        return PromptRecord(
            prompt_key=rows[0].prompt_key,
            fingerprint="f",
            recipe="r",
            pictures=tuple(rows),
            preview="",
            thumbs={row.sha256: self.thumb for row in rows},
        )

    def stage(self, *, is_idle: Callable[[], bool] = lambda: True) -> SetStager:
        manifest = self.sample.manifest
        return SetStager(
            self.folder,
            SetOutline(
                manifest.name,
                {record.prompt_key: len(record.pictures) for record in self.records},
                {channel.id: channel.name for channel in manifest.channels},
            ),
            rendition=lambda picture: self.store.path(picture.sha256),
            thumb=self.store.get,
            is_idle=is_idle,
        )

    def prepare(self, records: Iterable[PromptRecord], *, until: str) -> None:
        """Stage records until a file is in the folder."""
        with self.stage() as stage:
            for record in records:
                stage.add(record)
            wait_for(lambda: (self.folder / until).exists(), what=until)

    def write(self, folder: Path | None = None, *, without: int = 0) -> WrittenSet:
        manifest = self.sample.manifest
        return write_set(
            folder or self.folder,
            replace(manifest, pictures=manifest.pictures[without:]),
            rendition=lambda picture: self.store.path(picture.sha256),
            thumb=lambda _: self.store.get(self.thumb),
        )


def content_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != FILE_INDEX
    }


def inodes_of(folder: Path) -> dict[str, int]:
    return {
        path.relative_to(folder).as_posix(): path.stat().st_ino
        for path in folder.rglob("*.jpg")
        if path.is_file()
    }


@pytest.fixture
def staged(tmp_path: Path) -> StagedSet:
    return StagedSet(tmp_path)


def test_a_prepared_set_is_the_set_that_is_written_without(
    staged: StagedSet, tmp_path: Path
) -> None:
    staged.prepare(staged.records, until="contact_sheet_2.jpg")
    before = inodes_of(staged.folder)
    assert len(before) == 2 * PICTURES + 2, "pictures, thumbnails and both contact sheets"

    staged.write()
    staged.write(tmp_path / "plain")

    assert content_of(staged.folder) == content_of(tmp_path / "plain")
    assert inodes_of(staged.folder) == before, "nothing was written twice"


def test_a_sheet_is_drawn_as_soon_as_its_own_pictures_are_there(staged: StagedSet) -> None:
    half = len(staged.records) // 2
    staged.prepare(staged.records[half:], until="contact_sheet_2.jpg")
    assert not (staged.folder / "contact_sheet.jpg").exists()


def test_a_set_that_comes_out_smaller_has_its_own_contact_sheets(
    staged: StagedSet, tmp_path: Path
) -> None:
    staged.prepare(staged.records, until="contact_sheet_2.jpg")
    staged.write(without=2)
    staged.write(tmp_path / "plain", without=2)
    assert content_of(staged.folder) == content_of(tmp_path / "plain")


def test_a_file_that_is_there_is_left_to_whoever_writes_the_set(
    staged: StagedSet, tmp_path: Path
) -> None:
    first = staged.sample.manifest.pictures[0]
    path = staged.folder / first.file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody's")

    staged.prepare(staged.records, until="contact_sheet.jpg")
    assert path.read_bytes() == b"somebody's"
    staged.write()
    assert path.read_bytes() == staged.sample.data[first.sha256]


def test_what_was_prepared_for_another_brief_leaves_with_the_next_set(staged: StagedSet) -> None:
    staged.prepare(staged.records, until="contact_sheet_2.jpg")
    assert (staged.folder / STAGED_INDEX).is_file()

    keep = 4
    staged.write(without=PICTURES - keep)

    assert not (staged.folder / STAGED_INDEX).exists()
    assert len(list((staged.folder / "images").rglob("*.jpg"))) == keep
    assert not (staged.folder / "thumbs").exists()
    assert not (staged.folder / "contact_sheet_2.jpg").exists()


def test_a_claim_without_its_file_and_a_line_cut_short_do_no_harm(
    staged: StagedSet, tmp_path: Path
) -> None:
    """A process may be killed between any two of its writes."""
    staged.prepare(staged.records[:10], until=staged.records[9].pictures[1].file)
    last = staged.sample.manifest.pictures[-1]
    index = StagedIndex(staged.folder)
    index.claim(last.file)
    (staged.folder / last.file).write_bytes(b"half")
    with (staged.folder / STAGED_INDEX).open("a") as file:
        file.write('["images/linkedin_po')

    staged.write()
    staged.write(tmp_path / "plain")

    assert content_of(staged.folder) == content_of(tmp_path / "plain")


def test_a_small_set_is_not_staged(tmp_path: Path) -> None:
    staged = StagedSet(tmp_path, INLINE_SETS)
    with staged.stage() as stage:
        for record in staged.records:
            stage.add(record)
    assert not staged.folder.exists()


def test_it_waits_for_an_idle_moment_and_ends_at_once(staged: StagedSet) -> None:
    with staged.stage(is_idle=lambda: False) as stage:
        stage.add(staged.records[0])
        wait_for(staged.folder.exists, what="the folder")
    assert not list(staged.folder.rglob("*.jpg"))


def test_with_many_records_it_waits_no_longer(staged: StagedSet) -> None:
    with staged.stage(is_idle=lambda: False) as stage:
        for record in staged.records:
            stage.add(record)
        wait_for((staged.folder / staged.records[0].pictures[0].file).exists, what="a picture")


def test_an_error_is_left_to_write_set(staged: StagedSet, caplog: pytest.LogCaptureFixture) -> None:
    staged.store.path(staged.sample.manifest.pictures[0].sha256).unlink()
    with caplog.at_level(logging.INFO), staged.stage() as stage:
        for record in staged.records:
            stage.add(record)
        wait_for(lambda: "not staged any further" in caplog.text, what="the message")
    assert "materialize it again" in caplog.text
