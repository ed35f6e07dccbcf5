"""Repositories, branches and commits."""

from pathlib import Path

import pytest

from nbp_dagster.simulator.errors import ApiError
from nbp_dagster.simulator.state.blobs import BlobStore
from nbp_dagster.simulator.state.journal import Journal
from nbp_dagster.simulator.state.repos import Commit, Repository, RepositoryStore, Signature

SIGNATURE = Signature(message="Add", name="Ann", email="ann@example.com")


@pytest.fixture
def store(tmp_path: Path) -> RepositoryStore:
    return RepositoryStore(
        BlobStore(tmp_path / "blobs"), Journal(tmp_path / "journal.jsonl"), now=lambda: 1000.0
    )


def create(store: RepositoryStore) -> Repository:
    return store.create("acme", "assets", description="", is_public=False)


def put(store: RepositoryStore, repository: Repository, branch: str, **files: bytes) -> Commit:
    return store.put_files(repository, branch, files=files, signature=SIGNATURE)


def test_the_first_commit_makes_its_branch_and_later_ones_need_it(store: RepositoryStore) -> None:
    repository = create(store)
    first = put(store, repository, "main", a=b"1")

    assert repository.branches == {"main": first.id}
    with pytest.raises(ApiError) as caught:
        put(store, repository, "other", a=b"2")
    assert caught.value.status == 404


def test_a_commit_keeps_the_other_files_and_names_its_parent(store: RepositoryStore) -> None:
    repository = create(store)
    first = put(store, repository, "main", a=b"1")
    second = put(store, repository, "main", b=b"2")

    assert second.parent_ids == (first.id,)
    assert set(second.files) == {"a", "b"}
    assert set(first.files) == {"a"}
    assert repository.find_commit(first.id) is first


def test_the_same_bytes_again_are_no_changes(store: RepositoryStore) -> None:
    repository = create(store)
    put(store, repository, "main", a=b"1")

    with pytest.raises(ApiError) as caught:
        put(store, repository, "main", a=b"1")

    assert caught.value.status == 422
    assert caught.value.body["status_message"] == "no_changes"


def test_a_branch_starts_where_another_stands_and_is_left_alone_when_there(
    store: RepositoryStore,
) -> None:
    repository = create(store)
    first = put(store, repository, "main", a=b"1")

    assert store.create_branch(repository, "draft", from_name="main") == first.id
    put(store, repository, "main", a=b"2")
    assert store.create_branch(repository, "draft", from_name="main") == first.id


def test_repositories_survive_a_restart(store: RepositoryStore, tmp_path: Path) -> None:
    repository = create(store)
    put(store, repository, "main", a=b"1")
    store.create_branch(repository, "draft", from_name="main")

    restored = RepositoryStore(BlobStore(tmp_path / "blobs"), Journal(None), now=lambda: 1000.0)
    for record in Journal(tmp_path / "journal.jsonl").read():
        restored.restore(record)

    assert restored.find("acme", "assets") == repository
