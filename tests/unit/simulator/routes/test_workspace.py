"""Workspaces over HTTP: filled over several requests, committed at once."""

import pytest
import requests

from tests.unit.simulator.conftest import Api

REPO = "/api/repos/acme/assets"
SIGNED = {"message": "Add", "author": "Ann", "email": "ann@example.com"}
FORM = {"message": "Add", "name": "Ann", "email": "ann@example.com"}


@pytest.fixture
def repo(api: Api) -> Api:
    api.post("/api/repos", namespace="acme", name="assets").raise_for_status()
    return api


def open_one(api: Api, workspace: str = "w1", branch: str = "main") -> requests.Response:
    body = {"branch_name": branch, "workspace_id": workspace}
    return api.call("PUT", f"{REPO}/workspaces", json=body)


def stage(api: Api, name: str, data: bytes, workspace: str = "w1") -> requests.Response:
    files = [("file[]", (name, data))]
    return api.call("POST", f"{REPO}/workspaces/{workspace}/files/sets", files=files)


def merge(api: Api, workspace: str = "w1", **fields: str) -> requests.Response:
    return api.call("POST", f"{REPO}/workspaces/{workspace}/merge/main", json=SIGNED | fields)


def test_staged_files_show_only_after_the_commit(repo: Api) -> None:
    open_one(repo).raise_for_status()
    assert stage(repo, "a.png", b"a").json()["paths"] == ["sets/a.png"]
    stage(repo, "deep/b.png", b"b").raise_for_status()
    assert repo.call("GET", f"{REPO}/file/main/sets/a.png").status_code == 404

    commit = merge(repo).json()["commit"]

    assert commit["author"] == "Ann"
    assert repo.call("GET", f"{REPO}/file/main/sets/a.png").content == b"a"
    assert repo.call("GET", f"{REPO}/file/{commit['id']}/sets/deep/b.png").content == b"b"
    assert merge(repo).status_code == 404


def test_opening_it_again_keeps_what_is_staged(repo: Api) -> None:
    open_one(repo)
    stage(repo, "a.png", b"a")

    open_one(repo).raise_for_status()

    assert merge(repo).status_code == 200


def test_a_file_that_changed_on_the_branch_meanwhile_is_a_conflict(repo: Api) -> None:
    open_one(repo)
    stage(repo, "a.png", b"mine")
    form = {"files[]": ("a.png", b"theirs")}
    repo.call("PUT", f"{REPO}/file/main/sets", files=form, data=FORM).raise_for_status()

    assert merge(repo).status_code == 409

    assert repo.call("DELETE", f"{REPO}/workspaces/w1").status_code == 200
    assert merge(repo).status_code == 404


def test_another_file_that_changed_on_the_branch_is_none(repo: Api) -> None:
    open_one(repo)
    stage(repo, "a.png", b"mine")
    form = {"files[]": ("b.png", b"theirs")}
    repo.call("PUT", f"{REPO}/file/main/sets", files=form, data=FORM).raise_for_status()

    assert merge(repo).status_code == 200

    assert repo.call("GET", f"{REPO}/file/main/sets/b.png").content == b"theirs"


def test_nothing_new_is_told_as_no_changes(repo: Api) -> None:
    for _ in range(2):
        open_one(repo)
        stage(repo, "a.png", b"a")
        answer = merge(repo)

    assert answer.status_code == 422
    assert answer.json()["error"]["type"] == "no_changes"


def test_what_is_missing_is_refused(repo: Api) -> None:
    assert stage(repo, "a.png", b"a").status_code == 404
    assert repo.call("DELETE", f"{REPO}/workspaces/w1").status_code == 404
    assert repo.call("PUT", f"{REPO}/workspaces", json={"workspace_id": "w1"}).status_code == 400
    open_one(repo)
    assert merge(repo, email="").status_code == 400
    stage(repo, "a.png", b"a")
    merge(repo)
    assert open_one(repo, "w2", "other").status_code == 400


def test_a_form_above_50_mib_is_refused(repo: Api) -> None:
    open_one(repo)

    assert stage(repo, "a.bin", bytes(50 * 1024 * 1024)).status_code == 413
    assert stage(repo, "a.bin", bytes(50 * 1024 * 1024 - 4096)).status_code == 200
