"""Repository calls as they go over the wire."""

from email import message_from_bytes
from email.message import Message

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    NotFound,
    OxenError,
    RateLimited,
    Unauthorized,
)
from nbp_dagster.oxen.responses import Repository
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedTransport, Step, json_answer, json_body

AUTHOR = {"author_name": "Ada", "author_email": "ada@acme.test"}
COMMITTED = json_answer({"status": "success", "commit": {"id": "c0ffee", "message": "set"}})


def make_client(*script: Step) -> tuple[OxenClient, ScriptedTransport]:
    transport = ScriptedTransport(script)
    client = OxenClient(
        "https://hub.test",
        api_key="sk-1",
        transport=transport,
        clock=FakeClock(),
        retry=RetryPolicy(attempts=2),
    )
    return client, transport


def parts_of(request: HttpRequest) -> list[tuple[str | None, str | None, bytes]]:
    """Return name, file name and bytes of each part of a multipart request."""
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message: Message = message_from_bytes(head + (request.body or b""))
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.get_payload()
    ]


def test_files_go_in_one_put_with_message_and_author() -> None:
    client, transport = make_client(COMMITTED)

    commit = client.put_files(
        "acme/launch",
        "main",
        "sets/spring",
        [("a.png", b"\x89PNG\r\n\x00"), ("manifest.json", b"{}")],
        message="spring set",
        **AUTHOR,
    )

    [request] = transport.requests
    assert commit is not None
    assert commit.id == "c0ffee"
    assert request.endpoint == "PUT https://hub.test/api/repos/acme/launch/file/main/sets/spring"
    assert parts_of(request) == [
        ("message", None, b"spring set"),
        ("name", None, b"Ada"),
        ("email", None, b"ada@acme.test"),
        ("files[]", "a.png", b"\x89PNG\r\n\x00"),
        ("files[]", "manifest.json", b"{}"),
    ]


@pytest.mark.parametrize(
    ("branch", "directory", "path"),
    [
        ("main", "", "main"),
        ("main", "/sets/", "main/sets"),
        ("team/x", "a b", "team/x/a%20b"),
        ("main", "50%?", "main/50%25%3F"),
    ],
)
def test_branch_and_directory_are_quoted(branch: str, directory: str, path: str) -> None:
    client, transport = make_client(COMMITTED)

    client.put_files("acme/launch", branch, directory, [("a", b"x")], message="m", **AUTHOR)

    assert transport.requests[0].url.endswith(f"/file/{path}")


def test_the_same_bytes_again_are_no_commit_and_no_error() -> None:
    client, _ = make_client(json_answer({"error": {"type": "no_changes"}}, status=422))

    assert client.put_files("a/b", "main", "d", [("x", b"1")], message="m", **AUTHOR) is None


def test_nothing_to_store_asks_nothing() -> None:
    client, transport = make_client()

    assert client.put_files("a/b", "main", "d", [], message="m", **AUTHOR) is None
    assert transport.requests == ()


def test_a_put_that_broke_is_repeated_since_the_same_bytes_make_no_second_commit() -> None:
    client, transport = make_client(
        HttpResponse(status=502), json_answer({"error": {"type": "no_changes"}}, status=422)
    )

    assert client.put_files("a/b", "main", "d", [("x", b"1")], message="m", **AUTHOR) is None
    assert transport.requests[0].body == transport.requests[1].body


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([json_answer({"error": {"type": "conflict"}}, status=409)], BadRequest),
        ([json_answer({"error": {"type": "invalid"}}, status=422)], BadRequest),
        ([HttpResponse(status=404, body=b"no branch")], NotFound),
        ([HttpResponse(status=429, body=b"lock_timeout")] * 2, RateLimited),
        ([HttpResponse(status=413)], BadRequest),
    ],
)
def test_a_put_that_is_refused_is_an_error(
    answers: list[HttpResponse], kind: type[OxenError]
) -> None:
    client, _ = make_client(*answers)

    with pytest.raises(kind):
        client.put_files("a/b", "main", "d", [("x", b"1")], message="m", **AUTHOR)


@pytest.mark.parametrize("repo", ["", "launch", "a/b/c", "/b", "a/", "../b", "a/.."])
def test_a_repository_that_is_not_namespace_and_name_is_refused(repo: str) -> None:
    client, transport = make_client()

    with pytest.raises(BadRequest, match="not sent"):
        client.get_repository(repo)

    assert transport.requests == ()


@pytest.mark.parametrize(
    ("directory", "name"), [("a/../b", "x"), ("a//b", "x"), ("d", "../x"), ("d", ""), ("d", "/")]
)
def test_a_path_that_would_leave_its_place_is_refused(directory: str, name: str) -> None:
    client, transport = make_client()

    with pytest.raises(BadRequest, match="no path in a repository"):
        client.put_files("a/b", "main", directory, [(name, b"1")], message="m", **AUTHOR)

    assert transport.requests == ()


def test_a_repository_is_seen_or_not() -> None:
    client, transport = make_client(
        json_answer({"repository": {"namespace": "acme", "name": "launch"}}),
        HttpResponse(status=404),
    )

    assert client.get_repository("acme/launch") == Repository(namespace="acme", name="launch")
    assert client.get_repository("acme/launch") is None
    assert transport.requests[0].endpoint == "GET https://hub.test/api/repos/acme/launch"


def test_a_repository_hidden_from_the_key_is_not_taken_for_absent() -> None:
    client, _ = make_client(HttpResponse(status=403))

    with pytest.raises(Unauthorized):
        client.get_repository("acme/launch")


def test_a_repository_is_created_private_unless_asked_otherwise() -> None:
    client, transport = make_client(json_answer({}, status=201), json_answer({}, status=201))

    made = client.create_repository("acme/launch", description="sets", **AUTHOR)
    client.create_repository("acme/open", is_public=True, **AUTHOR)

    private, public = (json_body(request) for request in transport.requests)
    assert made == Repository(namespace="acme", name="launch")
    assert private == {
        "namespace": "acme",
        "name": "launch",
        "user": {"name": "Ada", "email": "ada@acme.test"},
        "description": "sets",
        "is_public": False,
        "visibility": "private",
    }
    assert isinstance(public, dict)
    assert (public["is_public"], public["visibility"]) == (True, "public")


@pytest.mark.parametrize("status", [409, 422])
def test_creating_what_exists_returns_it(status: int) -> None:
    client, transport = make_client(
        HttpResponse(status=status, body=b"name is taken"), json_answer({})
    )

    assert client.create_repository("a/b", **AUTHOR) == Repository(namespace="a", name="b")
    assert [request.method for request in transport.requests] == ["POST", "GET"]


def test_a_creation_that_is_refused_for_another_reason_is_an_error() -> None:
    client, _ = make_client(
        HttpResponse(status=422, body=b"bad description"), HttpResponse(status=404)
    )

    with pytest.raises(BadRequest, match="bad description"):
        client.create_repository("a/b", **AUTHOR)


def test_a_creation_that_may_have_happened_is_not_repeated() -> None:
    client, transport = make_client(HttpResponse(status=500))

    with pytest.raises(AmbiguousPost):
        client.create_repository("a/b", **AUTHOR)

    assert len(transport.requests) == 1


def test_a_file_is_presigned() -> None:
    client, transport = make_client(json_answer({"url": "https://hub.test/f?sig=1"}))

    assert client.presign_file("a/b", "main", "sets/x 1.png") == "https://hub.test/f?sig=1"
    assert transport.requests[0].url == (
        "https://hub.test/api/repos/a/b/file/presigned_url/main/sets/x%201.png"
    )


def test_a_workspace_is_opened_filled_and_committed() -> None:
    client, transport = make_client(json_answer({}), json_answer({}), COMMITTED)
    repositories = client.repositories

    repositories.open_workspace("acme/launch", "main", "nbp-1")
    repositories.stage_files("acme/launch", "nbp-1", "spring", [("images/a.jpg", b"a")])
    commit = repositories.commit_workspace(
        "acme/launch", "nbp-1", "main", message="spring set", **AUTHOR
    )

    root = "https://hub.test/api/repos/acme/launch/workspaces"
    assert [request.endpoint for request in transport.requests] == [
        f"PUT {root}",
        f"POST {root}/nbp-1/files/spring",
        f"POST {root}/nbp-1/merge/main",
    ]
    opened, staged, merged = transport.requests
    assert json_body(opened) == {"branch_name": "main", "workspace_id": "nbp-1"}
    assert parts_of(staged) == [("file[]", "images/a.jpg", b"a")]
    assert json_body(merged) == {
        "message": "spring set",
        "author": "Ada",
        "email": "ada@acme.test",
    }
    assert commit is not None
    assert commit.id == "c0ffee"


def test_files_are_staged_again_after_a_fault_because_nothing_is_billed() -> None:
    client, transport = make_client(json_answer({}, status=503), json_answer({}))

    client.repositories.stage_files("acme/launch", "nbp-1", "spring", [("a.jpg", b"a")])

    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"type": "no_changes"}, "status": "error"},
        {"error": {"type": "unknown_error", "detail": "No changes to commit"}},
    ],
)
def test_a_workspace_without_changes_makes_no_commit(body: dict[str, object]) -> None:
    client, _ = make_client(json_answer(body, status=422))

    commit = client.repositories.commit_workspace(
        "acme/launch", "nbp-1", "main", message="m", **AUTHOR
    )

    assert commit is None


def test_a_closed_workspace_stays_closed() -> None:
    client, transport = make_client(json_answer({}, status=404))

    client.repositories.drop_workspace("acme/launch", "nbp-1")

    [request] = transport.requests
    assert request.endpoint == "DELETE https://hub.test/api/repos/acme/launch/workspaces/nbp-1"
