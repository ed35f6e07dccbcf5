"""What a folder can't do is told in one line that names it."""

from pathlib import Path

import pytest

from nbp_dagster.studio.delivery.folder_store import FolderStore
from nbp_dagster.studio.delivery.publish_target import DeliveryError


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")

    with pytest.raises(DeliveryError) as caught:
        FolderStore(tmp_path / "taken").replace("a/b.jpg", b"x")

    words = str(caught.value)
    assert "cannot write a/b.jpg" in words
    assert str(tmp_path / "taken") in words
    assert "Error" not in words


def test_a_source_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match="materialize campaign_sets again"):
        FolderStore(tmp_path).write("a.jpg", tmp_path / "gone")


def test_sizes_of_nothing_are_none(tmp_path: Path) -> None:
    assert FolderStore(tmp_path / "nowhere").sizes("a") == {}


def test_sizes_are_by_the_path_below_the_prefix(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.replace("a/images/x.jpg", b"123")
    store.replace("b/y.jpg", b"1")

    assert store.sizes("a") == {"images/x.jpg": 3}
