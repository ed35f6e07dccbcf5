"""A set's folder is complete at every moment, and only its own earlier files ever leave it."""

import base64
import hashlib
import json
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.studio.imaging.contact_sheet import MOST_ON_A_SHEET
from nbp_dagster.studio.imaging.decode import UndecodableImage, decode_image
from nbp_dagster.studio.imaging.thumbnails import THUMBNAIL_SIDE, thumbnail
from nbp_dagster.studio.manifest.manifest import Picture, from_json, set_digest
from nbp_dagster.studio.manifest.value_types import LogoFacts
from nbp_dagster.studio.sets.gallery import COVERS
from nbp_dagster.studio.sets.index_page import CARD, ListError, find_sets, write_index
from nbp_dagster.studio.sets.set_files import INLINE_SETS, SetError
from nbp_dagster.studio.sets.set_writer import WrittenSet, list_files, write_set
from nbp_dagster.studio.sets.staged_index import FILE_INDEX
from nbp_dagster.studio.storage.files import StoreError
from tests.rigs.sets import SampleSet, build_large_set, build_set, shrink

SAMPLE = build_set(scale=0.05)
SMALLER = build_set(scale=0.05, shots=("kitchen",), channels=("linkedin_post",))


def write(folder: Path, sample: SampleSet = SAMPLE) -> WrittenSet:
    return write_set(folder, sample.manifest, rendition=sample.rendition, sheet=sample.sheet)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_set_is_a_page_a_manifest_a_sheet_and_its_pictures(tmp_path: Path) -> None:
    written = write(tmp_path / "spring")
    expected = {row.file for row in SAMPLE.manifest.pictures}
    assert files_in(written.folder) == expected | {
        "index.html",
        "delivery.csv",
        "manifest.json",
        "contact_sheet.jpg",
        CARD,
        FILE_INDEX,
    }
    first = SAMPLE.manifest.pictures[0]
    assert written.pictures[0].read_bytes() == SAMPLE.data[first.sha256]
    assert written.pictures[0].name == "kitchen_en_4x5_v1.jpg"
    assert from_json(written.manifest_path.read_text("utf-8")) == SAMPLE.manifest
    assert decode_image(written.contact_sheet.read_bytes(), what="sheet").format == "JPEG"
    assert written.digest == set_digest(SAMPLE.manifest)


def test_the_page_shows_thumbnails_of_pictures_and_sheets_inline(tmp_path: Path) -> None:
    page = write(tmp_path).index.read_text("utf-8")
    assert page.count('src="data:image/jpeg;base64,') == len(SAMPLE.data) - len(
        SAMPLE.manifest.missing
    )
    assert "Character sheet of Mira" in page


def test_without_a_source_of_sheets_the_page_has_none(tmp_path: Path) -> None:
    written = write_set(tmp_path, SAMPLE.manifest, rendition=SAMPLE.rendition)
    assert "Character sheet of" not in written.index.read_text("utf-8")


def test_pictures_are_copied_so_that_an_edit_never_reaches_the_store(tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    for digest, data in SMALLER.data.items():
        (store / digest).write_bytes(data)

    def rendition(picture: Picture) -> Path:
        return store / picture.sha256

    written = write_set(tmp_path / "set", SMALLER.manifest, rendition=rendition)
    written.pictures[0].write_bytes(b"edited")
    digest = SMALLER.manifest.pictures[0].sha256
    assert (store / digest).read_bytes() == SMALLER.data[digest]


def test_files_an_earlier_version_left_are_removed_and_no_others(tmp_path: Path) -> None:
    write(tmp_path)
    notes = tmp_path / "notes.txt"
    notes.write_text("ours")
    beside = tmp_path / "images" / "instagram_story" / "retouched.psd"
    beside.write_text("theirs")
    written = write(tmp_path, SMALLER)
    assert files_in(tmp_path / "images") == {
        *(row.file.removeprefix("images/") for row in SMALLER.manifest.pictures),
        "instagram_story/retouched.psd",
    }
    assert notes.exists()
    assert len(written.removed) == len(SAMPLE.manifest.pictures) - 2
    assert not (tmp_path / "images" / "instagram_feed").exists()


def test_files_of_an_interrupted_version_are_removed_by_the_next(tmp_path: Path) -> None:
    """The bytes of a late picture are missing, so no manifest ever names those before it."""
    last = SAMPLE.manifest.pictures[-1]

    def rendition(picture: Picture) -> Path | bytes:
        return tmp_path / "nowhere" if picture is last else SAMPLE.rendition(picture)

    with pytest.raises(SetError, match="is not there; materialize it again"):
        write_set(tmp_path / "set", SAMPLE.manifest, rendition=rendition)
    assert (tmp_path / "set" / SAMPLE.manifest.pictures[0].file).exists()
    assert not (tmp_path / "set" / "index.html").exists()
    write(tmp_path / "set", SMALLER)
    kept = {name for name in files_in(tmp_path / "set") if name.startswith("images/")}
    assert kept == {row.file for row in SMALLER.manifest.pictures}


def test_an_earlier_set_stays_whole_when_a_new_one_cannot_be_written(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / SMALLER.manifest.pictures[0].file).unlink()
    before = files_in(tmp_path)
    with pytest.raises(SetError):
        write_set(tmp_path, SMALLER.manifest, rendition=lambda _: b"other bytes")
    assert files_in(tmp_path) == before
    assert from_json((tmp_path / "manifest.json").read_text("utf-8")) == SAMPLE.manifest


def test_a_picture_that_is_there_already_is_left_as_it_is(tmp_path: Path) -> None:
    first = write(tmp_path).pictures[0].stat()
    again = write(tmp_path)
    assert again.pictures[0].stat().st_ino == first.st_ino
    assert again.removed == ()


def test_a_picture_someone_changed_is_written_again(tmp_path: Path) -> None:
    path = write(tmp_path).pictures[0]
    path.write_bytes(b"changed")
    write(tmp_path)
    assert path.read_bytes() == SAMPLE.data[SAMPLE.manifest.pictures[0].sha256]


@pytest.mark.parametrize(
    "inventory",
    [
        '{"files": ["../outside.txt"]}',
        '{"files": ["images/a/../../../outside.txt"]}',
        '{"files": [7]}',
        '{"files": 7}',
        "[]",
        "not json",
    ],
)
def test_a_strange_inventory_removes_nothing(
    tmp_path: Path, inventory: str, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "set"
    write(folder, SMALLER)
    outside = tmp_path / "outside.txt"
    outside.write_text("kept")
    (folder / FILE_INDEX).write_text(inventory)
    with caplog.at_level(logging.WARNING):
        written = write(folder, SMALLER)
    assert outside.exists()
    assert written.removed == ()
    assert "no earlier file is removed" in caplog.text


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere"
    outside.mkdir()
    (outside / "x.jpg").write_text("kept")
    folder = tmp_path / "set"
    write(folder, SMALLER)
    (folder / "images" / "linked").symlink_to(outside)
    names = json.loads((folder / FILE_INDEX).read_text())["files"]
    (folder / FILE_INDEX).write_text(json.dumps({"files": [*names, "images/linked/x.jpg"]}))
    write(folder, SMALLER)
    assert (outside / "x.jpg").exists()


def test_bytes_that_are_not_the_manifests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetError, match=r"kitchen/en/16x9/v1: its picture has sha256 .* names"):
        write_set(tmp_path, SMALLER.manifest, rendition=lambda _: b"other bytes")


def test_a_sheet_that_is_no_picture_is_named(tmp_path: Path) -> None:
    with pytest.raises(UndecodableImage, match="sheet of Mira"):
        write_set(tmp_path, SMALLER.manifest, rendition=SMALLER.rendition, sheet=lambda _: b"other")


def test_two_pictures_cannot_share_a_file(tmp_path: Path) -> None:
    first, second = SMALLER.manifest.pictures
    clash = replace(SMALLER.manifest, pictures=(first, replace(second, file=first.file)))
    with pytest.raises(SetError, match=r"is claimed by .*/en/16x9/v1 and by .*/de/16x9/v1"):
        write_set(tmp_path, clash, rendition=SMALLER.rendition)


def test_an_undecodable_picture_is_named(tmp_path: Path) -> None:
    text = b"<html>no picture</html>"
    row = SMALLER.manifest.pictures[0]
    digest = hashlib.sha256(text).hexdigest()
    manifest = replace(SMALLER.manifest, pictures=(replace(row, sha256=digest),))
    with pytest.raises(UndecodableImage, match=r"images/linkedin_post/kitchen_en_16x9_v1\.jpg"):
        write_set(tmp_path, manifest, rendition=lambda _: text)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot write"):
        write(tmp_path / "file" / "set", SMALLER)


def test_thumbnails_are_as_large_as_the_page_shows_them(tmp_path: Path) -> None:
    large = build_set(scale=1.0, shots=("market",), channels=("linkedin_post",))
    page = write(tmp_path, large).index.read_text("utf-8")
    source = page.split('class="frame channel-0"><img src="data:image/jpeg;base64,')[1]
    encoded = source.split('"')[0]
    thumb = decode_image(base64.b64decode(encoded), what="thumbnail")
    assert 0.8 * THUMBNAIL_SIDE <= max(thumb.width, thumb.height) <= THUMBNAIL_SIDE


def large(pictures: int = INLINE_SETS + 1) -> SampleSet:
    return build_large_set(pictures)


def test_the_thumbnails_of_a_large_set_lie_beside_its_page(tmp_path: Path) -> None:
    sample = large()
    written = write_set(tmp_path, sample.manifest, rendition=sample.rendition)
    page = written.index.read_text("utf-8")
    expected = {f"thumbs/{row.sha256}.jpg" for row in sample.manifest.pictures}
    assert {name for name in files_in(tmp_path) if name.startswith("thumbs/")} == expected
    assert "data:image" not in page
    for name in expected:
        assert f'<img src="{name}"' in page
        assert decode_image((tmp_path / name).read_bytes(), what=name).format == "JPEG"
    assert files_in(tmp_path) == {*list_files(sample.manifest), CARD, FILE_INDEX}


def test_thumbnails_leave_with_the_set_that_needed_them_beside_its_page(tmp_path: Path) -> None:
    sample = large()
    write_set(tmp_path, sample.manifest, rendition=sample.rendition)
    write(tmp_path, SMALLER)
    assert not (tmp_path / "thumbs").exists()
    assert files_in(tmp_path) == {*list_files(SMALLER.manifest), CARD, FILE_INDEX}


def test_a_set_of_more_pictures_than_a_sheet_holds_has_several(tmp_path: Path) -> None:
    sample = large(MOST_ON_A_SHEET + 1)
    small = thumbnail(Image.new("RGB", (8, 8)))
    written = write_set(
        tmp_path, sample.manifest, rendition=sample.rendition, thumb=lambda _: small
    )
    page = written.index.read_text("utf-8")
    for name in ("contact_sheet.jpg", "contact_sheet_2.jpg"):
        assert decode_image((tmp_path / name).read_bytes(), what=name).format == "JPEG"
        assert f'href="{name}"' in page
    write(tmp_path, SMALLER)
    assert not (tmp_path / "contact_sheet_2.jpg").exists()


def test_a_thumbnail_that_is_kept_is_not_drawn_again(tmp_path: Path) -> None:
    kept = thumbnail(Image.new("RGB", (64, 64), "#00C000"))
    written = write_set(
        tmp_path, SMALLER.manifest, rendition=SMALLER.rendition, thumb=lambda _: kept
    )
    assert base64.b64encode(kept).decode() in written.index.read_text("utf-8")


def test_writing_an_unchanged_set_again_reads_no_picture(tmp_path: Path) -> None:
    kept = thumbnail(Image.new("RGB", (64, 64)))
    sample = large()

    def rendition(picture: Picture) -> bytes:
        asked.append(picture.file)
        return sample.rendition(picture)

    for pictures in (len(sample.manifest.pictures), 0):
        asked: list[str] = []
        write_set(tmp_path, sample.manifest, rendition=rendition, thumb=lambda _: kept)
        assert len(asked) == pictures


def test_an_unchanged_contact_sheet_is_left_and_another_title_draws_it_again(
    tmp_path: Path,
) -> None:
    first = write(tmp_path, SMALLER).contact_sheet.stat().st_ino
    assert write(tmp_path, SMALLER).contact_sheet.stat().st_ino == first
    renamed = replace(SMALLER, manifest=replace(SMALLER.manifest, name="Another"))
    assert write(tmp_path, renamed).contact_sheet.stat().st_ino != first


@pytest.mark.parametrize("name", ["contact_sheet.jpg", "thumbs"])
def test_a_drawn_file_someone_changed_is_drawn_again(tmp_path: Path, name: str) -> None:
    sample = large()
    write_set(tmp_path, sample.manifest, rendition=sample.rendition)
    path = tmp_path / name
    if path.is_dir():
        path = sorted(path.iterdir())[0]
    before = path.read_bytes()
    path.write_bytes(b"changed")
    write_set(tmp_path, sample.manifest, rendition=sample.rendition)
    assert path.read_bytes() == before


def test_an_inventory_of_an_earlier_version_is_understood(tmp_path: Path) -> None:
    """It was a list of names."""
    write(tmp_path)
    names = list(json.loads((tmp_path / FILE_INDEX).read_text())["files"])
    (tmp_path / FILE_INDEX).write_text(json.dumps({"files": names}))
    written = write(tmp_path, SMALLER)
    assert len(written.removed) == len(SAMPLE.manifest.pictures) - 2
    assert files_in(tmp_path) == {*list_files(SMALLER.manifest), CARD, FILE_INDEX}


def test_the_list_shows_the_same_with_and_without_the_sets_card(tmp_path: Path) -> None:
    folder = write(tmp_path / "spring", SAMPLE).folder
    with_card = write_index(tmp_path, find_sets(tmp_path)).read_text("utf-8")
    (folder / CARD).unlink()
    without = write_index(tmp_path, find_sets(tmp_path)).read_text("utf-8")
    assert _words(without) == _words(with_card)
    assert without.count("data:image/jpeg") == with_card.count("data:image/jpeg") == COVERS


@pytest.mark.parametrize("card", ["not json", "[]", "{}", '{"manifest_sha256": 7}'])
def test_a_strange_card_is_ignored(tmp_path: Path, card: str) -> None:
    folder = write(tmp_path / "spring", SMALLER).folder
    (folder / CARD).write_text(card)
    assert "spring/index.html" in write_index(tmp_path, find_sets(tmp_path)).read_text("utf-8")


def test_a_card_of_another_manifest_is_not_shown(tmp_path: Path) -> None:
    folder = write(tmp_path / "spring", SMALLER).folder
    manifest = (folder / "manifest.json").read_text("utf-8")
    objective = SMALLER.manifest.campaign.objective
    (folder / "manifest.json").write_text(manifest.replace(objective, "Something else"))
    page = write_index(tmp_path, find_sets(tmp_path)).read_text("utf-8")
    assert "Something else" in page


def _words(page: str) -> str:
    return re.sub(r"data:image/jpeg;base64,[^\"]+", "", page)


def test_the_list_links_every_set_newest_first(tmp_path: Path) -> None:
    write(tmp_path / "spring", SMALLER)
    later = SMALLER.manifest.created.replace(year=2027)
    autumn = replace(SMALLER, manifest=replace(SMALLER.manifest, created=later))
    write(tmp_path / "autumn_2027", autumn)
    index = write_index(tmp_path, find_sets(tmp_path))
    page = index.read_text("utf-8")
    assert 0 < page.index("autumn_2027/index.html") < page.index("spring/index.html")
    assert page.count("data:image/jpeg;base64,") == 2 * min(COVERS, len(SMALLER.manifest.pictures))


def test_an_unreadable_set_does_not_hide_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "spring", SMALLER)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "manifest.json").write_text('{"schema_version": 0}')
    page = write_index(tmp_path, find_sets(tmp_path)).read_text("utf-8")
    assert "spring/index.html" in page
    assert "old/index.html" not in page
    assert "old is left out of the list" in caplog.text


def test_a_set_elsewhere_cannot_be_listed(tmp_path: Path) -> None:
    written = write(tmp_path / "spring", SMALLER)
    with pytest.raises(ListError, match="no relative link reaches it"):
        write_index(tmp_path / "sets", [written.folder])


def test_a_folder_without_sets_has_an_empty_list(tmp_path: Path) -> None:
    assert find_sets(tmp_path) == ()
    page = write_index(tmp_path, ()).read_text("utf-8")
    assert "No set has been made yet." in page


def test_the_page_marks_what_changed_since_the_set_before(tmp_path: Path) -> None:
    assert "Since the set of" not in write(tmp_path).index.read_text("utf-8")
    first, second, *rest = SAMPLE.manifest.pictures
    replaced = replace(SAMPLE.manifest, pictures=(replace(first, sha256=second.sha256), *rest))
    write_set(tmp_path, replaced, rendition=lambda row: SAMPLE.data[row.sha256])
    page = write(tmp_path).index.read_text("utf-8")
    assert f"</time>: 1 new, 1 changed, {len(rest)} unchanged, 0 gone." in page
    assert page.count('data-change="changed"') == page.count("Changed since the last set") == 1
    assert page.count('data-change="new"') == page.count("New since the last set") == 1


def test_a_set_written_again_has_no_change(tmp_path: Path) -> None:
    write(tmp_path)
    page = write(tmp_path).index.read_text("utf-8")
    assert f"</time>: 0 new, 0 changed, {len(SAMPLE.manifest.pictures)} unchanged, 0 gone." in page
    assert "data-change" not in page
    assert "New or changed" not in page


def test_a_strange_manifest_in_the_folder_does_not_stop_the_next_set(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "manifest.json").write_text('{"pictures": 7}')
    page = write(tmp_path).index.read_text("utf-8")
    assert "Since the set of" not in page
    assert from_json((tmp_path / "manifest.json").read_text("utf-8")) == SAMPLE.manifest


def with_logo(sample: SampleSet = SMALLER) -> tuple[SampleSet, bytes]:
    data = shrink(next(iter(sample.data.values())), 64)
    logo = LogoFacts(
        file="logos/google_logo.png",
        platform="Google",
        width=64,
        height=64,
        bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        source_sha256="ab" * 32,
        scale=2.5,
        ground="transparent",
    )
    return replace(sample, manifest=replace(sample.manifest, logos=(logo,))), data


def test_logo_files_are_of_the_set_and_leave_with_it(tmp_path: Path) -> None:
    sample, data = with_logo()
    kept = tmp_path / "kept"
    kept.write_bytes(data)
    folder = tmp_path / "set"

    written = write_set(folder, sample.manifest, rendition=sample.rendition, stored=lambda _: kept)

    assert (folder / "logos" / "google_logo.png").read_bytes() == data
    assert "logos/google_logo.png" in list_files(sample.manifest)
    assert written.digest != set_digest(SMALLER.manifest)
    page = written.index.read_text("utf-8")
    assert 'src="logos/google_logo.png"' in page
    assert "Enlarged 2.5 times" in page
    row = (folder / "delivery.csv").read_text("utf-8").splitlines()[-1]
    assert row.startswith("logos/google_logo.png,logo,")
    again = write_set(folder, SMALLER.manifest, rendition=sample.rendition)
    assert again.removed == (folder / "logos" / "google_logo.png",)
    assert not (folder / "logos").exists()


def test_a_logo_file_of_other_bytes_is_never_written(tmp_path: Path) -> None:
    sample, _ = with_logo()
    kept = tmp_path / "kept"
    kept.write_bytes(b"something else")

    with pytest.raises(SetError, match=r"logos/google_logo\.png"):
        write_set(
            tmp_path / "set", sample.manifest, rendition=sample.rendition, stored=lambda _: kept
        )
