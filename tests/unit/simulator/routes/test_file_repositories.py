"""Repositories over HTTP."""

import pytest
import requests

from tests.unit.simulator.conftest import Api

REPO = "/api/repos/acme/assets"
FORM = {"message": "Add", "name": "Ann", "email": "ann@example.com"}


@pytest.fixture
def repo(api: Api) -> Api:
    api.post("/api/repos", namespace="acme", name="assets").raise_for_status()
    return api


def put(api: Api, path: str, files: object, **form: str) -> requests.Response:
    return api.call("PUT", f"{REPO}/file/{path}", files=files, data=FORM | form)


def test_a_repository_is_created_and_found(api: Api) -> None:
    assert api.call("GET", REPO).status_code == 404

    created = api.post("/api/repos", namespace="acme", name="assets", description="Ads")

    assert created.status_code == 201
    assert created.json()["repository"]["name"] == "assets"
    assert api.read(REPO)["repository"]["is_empty"] is True


@pytest.mark.parametrize("body", [{}, {"name": 5}, {"name": "a", "namespace": ["b"]}])
def test_a_repository_needs_a_name_that_is_text(api: Api, body: dict[str, object]) -> None:
    assert api.post("/api/repos", **body).status_code == 400


@pytest.mark.parametrize(
    ("fields", "status"), [({"user": {"name": "Ann", "email": "a@b.c"}}, 409), ({}, 422)]
)
def test_a_clash_is_told_as_each_form_has_it(
    repo: Api, fields: dict[str, object], status: int
) -> None:
    answer = repo.post("/api/repos", namespace="acme", name="assets", **fields)

    assert answer.status_code == status


def test_one_file_makes_one_commit_and_comes_back(repo: Api) -> None:
    answer = put(repo, "main/sheets/mira.png", {"file": b"\x89PNG\r\n"})
    commit = answer.json()["commit"]
    found = repo.call("GET", f"{REPO}/file/main/sheets/mira.png")

    assert (commit["message"], commit["author"], commit["parent_ids"]) == ("Add", "Ann", [])
    assert found.content == b"\x89PNG\r\n"
    assert found.headers["Content-Type"] == "image/png"
    assert found.headers["oxen-revision-id"] == commit["id"]


def test_several_files_make_one_commit_in_a_folder(repo: Api) -> None:
    files = [("files[]", ("a.txt", b"1")), ("files[]", ("b.txt", b"2"))]
    commit = put(repo, "main/set", files).json()["commit"]

    assert repo.call("GET", f"{REPO}/file/main/set/b.txt").content == b"2"
    assert repo.call("GET", f"{REPO}/file/{commit['id']}/set/a.txt").content == b"1"


def test_several_files_can_go_to_the_root(repo: Api) -> None:
    put(repo, "main", [("files[]", ("a.txt", b"1"))]).raise_for_status()

    assert repo.call("GET", f"{REPO}/file/main/a.txt").content == b"1"


def test_a_file_put_on_a_folder_goes_inside(repo: Api) -> None:
    put(repo, "main/set/a.txt", {"file": b"1"})
    put(repo, "main/set", {"file": ("b.txt", b"2")}).raise_for_status()

    assert repo.call("GET", f"{REPO}/file/main/set/b.txt").content == b"2"


def test_the_same_bytes_again_are_no_changes(repo: Api) -> None:
    put(repo, "main/a.txt", {"file": b"1"})
    answer = put(repo, "main/a.txt", {"file": b"1"})

    assert answer.status_code == 422
    assert answer.json()["error"]["type"] == "no_changes"


@pytest.mark.parametrize(
    ("files", "form", "words"),
    [
        ({"file": b"1"}, {"name": ""}, "name must be given"),
        ({"file": b"1"}, {"email": ""}, "email must be given"),
        ({"other": b"1"}, {}, "either one file or several"),
        ([("file", b"1"), ("files[]", b"2")], {}, "either one file or several"),
        ([("file", b"1"), ("file", b"2")], {}, "single part"),
    ],
)
def test_a_form_that_lacks_something_is_refused(
    repo: Api, files: object, form: dict[str, str], words: str
) -> None:
    answer = put(repo, "main/a.txt", files, **form)

    assert answer.status_code == 400
    assert words in answer.json()["error"]["detail"]


def test_a_body_that_is_no_form_is_refused(repo: Api) -> None:
    assert repo.call("PUT", f"{REPO}/file/main/a.txt", data=b"1").status_code == 400


def test_a_commit_needs_a_branch_that_exists(repo: Api) -> None:
    put(repo, "main/a.txt", {"file": b"1"})

    assert put(repo, "draft/a.txt", {"file": b"2"}).status_code == 404
    made = repo.post(f"{REPO}/branches", new_name="draft", from_name="main")
    assert made.json()["branch"]["name"] == "draft"
    assert put(repo, "draft/a.txt", {"file": b"2"}).status_code == 200
    names = [branch["name"] for branch in repo.read(f"{REPO}/branches")["branches"]]
    assert names == ["main", "draft"]


def test_private_files_need_the_key_or_a_presigned_link(repo: Api) -> None:
    put(repo, "main/a.txt", {"file": b"1"})
    link = repo.read(f"{REPO}/file/presigned_url/main/a.txt")["url"]

    assert requests.get(f"{repo.url}{REPO}/file/main/a.txt", timeout=10).status_code == 403
    assert requests.get(link, timeout=10).content == b"1"


def test_public_files_need_no_key(api: Api) -> None:
    api.post("/api/repos", namespace="acme", name="assets", visibility="public")
    put(api, "main/a.txt", {"file": b"1"})

    assert requests.get(f"{api.url}{REPO}/file/main/a.txt", timeout=10).content == b"1"


def test_missing_files_revisions_and_repositories_are_not_found(repo: Api) -> None:
    put(repo, "main/a.txt", {"file": b"1"})

    for path in (
        f"{REPO}/file/main/b.txt",
        f"{REPO}/file/old/a.txt",
        f"{REPO}/file/presigned_url/main/b.txt",
        "/api/repos/acme/other/file/main/a.txt",
    ):
        assert repo.call("GET", path).status_code == 404
