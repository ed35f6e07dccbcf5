"""Which set a folder holds."""

from dataclasses import replace
from pathlib import Path

from nbp_dagster.studio.campaign_set import holds_set
from nbp_dagster.studio.manifest.manifest import SetManifest, set_digest, to_json
from tests.rigs.sets import build_set


def write(folder: Path, manifest: SetManifest) -> None:
    (folder / "manifest.json").write_text(to_json(manifest), "utf-8")
    (folder / "index.html").write_text("", "utf-8")


def test_a_folder_holds_a_set_whose_pictures_it_lists_and_no_other(tmp_path: Path) -> None:
    manifest = build_set().manifest
    earlier = replace(manifest, pictures=manifest.pictures[:3])
    write(tmp_path, earlier)

    assert holds_set(tmp_path, set_digest(earlier))
    assert not holds_set(tmp_path, set_digest(manifest))


def test_a_folder_without_a_page_or_with_a_manifest_that_is_none_holds_no_set(
    tmp_path: Path,
) -> None:
    manifest = build_set().manifest
    version = set_digest(manifest)
    assert not holds_set(tmp_path, version)

    write(tmp_path, manifest)
    (tmp_path / "manifest.json").write_bytes(b"\xff{")
    assert not holds_set(tmp_path, version)

    write(tmp_path, manifest)
    (tmp_path / "index.html").unlink()
    assert not holds_set(tmp_path, version)
