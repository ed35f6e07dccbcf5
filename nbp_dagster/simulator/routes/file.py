"""The routes of repositories: creating them, committing files, downloading files and results."""

import asyncio
import io
import mimetypes
from collections.abc import Mapping, Sequence

from PIL import Image
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from nbp_dagster.simulator.errors import forbidden, invalid_params, not_found, typed_error
from nbp_dagster.simulator.routes.multipart import Part
from nbp_dagster.simulator.routes.request_context import (
    base_url_of,
    has_key,
    read_form,
    read_json,
    require_key,
    simulator_of,
)
from nbp_dagster.simulator.state.generation_request import ACCOUNT
from nbp_dagster.simulator.state.jobs import Job
from nbp_dagster.simulator.state.repos import DEFAULT_BRANCH, Commit, Repository, Signature
from nbp_dagster.simulator.state.signed_links import is_signed
from nbp_dagster.simulator.state.simulator import Simulator
from nbp_dagster.simulator.state.traffic import Connections

# A presigned link to a repository file is seen to last about an hour.
PRESIGNED_SECONDS = 3600.0

_HTML_PAGE = "<!doctype html><title>Simulator</title><p>This is not the picture you wanted.</p>"


async def show_account(request: Request) -> Response:
    """GET /api/users/me: whose key it is; all keys belong to the one simulated user."""
    require_key(request)
    return JSONResponse({"user": {"username": ACCOUNT, "name": "Simulated User"}})


async def create_repository(request: Request) -> Response:
    """POST /api/repos: two forms, distinguished by the `user` block, each with its own clash."""
    require_key(request)
    body = await read_json(request)
    name = body.get("name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise invalid_params("name is required")
    namespace = body.get("namespace") or ACCOUNT
    if not isinstance(namespace, str):
        raise invalid_params("namespace must be a string")
    store = simulator_of(request).repositories
    if store.find(namespace, name) is not None:
        if "user" in body:
            raise typed_error(409, "conflict", f"Repository {namespace}/{name} already exists.")
        raise invalid_params(f"name: {name} has already been taken", status=422)
    repository = store.create(
        namespace,
        name,
        description=str(body.get("description", "")),
        is_public=body.get("visibility") == "public" or body.get("is_public") is True,
    )
    return _success("resource_created", {"repository": repository.to_json()}, status=201)


async def show_repository(request: Request) -> Response:
    """GET /api/repos/{namespace}/{name}."""
    repository = _find_repository(request)
    _require_access(request, repository)
    return _success("resource_found", {"repository": repository.to_json()})


async def list_branches(request: Request) -> Response:
    """GET /api/repos/{namespace}/{name}/branches."""
    repository = _find_repository(request)
    _require_access(request, repository)
    branches = [_show_branch(name, head) for name, head in repository.branches.items()]
    return _success("resource_found", {"branches": branches})


async def create_branch(request: Request) -> Response:
    """POST /api/repos/{namespace}/{name}/branches: a new branch, or the one already there."""
    require_key(request)
    repository = _find_repository(request)
    body = await read_json(request)
    name = body.get("new_name") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name:
        raise invalid_params("new_name is required")
    store = simulator_of(request).repositories
    source = str(body.get("from_name", DEFAULT_BRANCH))
    head = store.create_branch(repository, name, from_name=source)
    return _success("resource_created", {"branch": _show_branch(name, head)})


async def put_files(request: Request) -> Response:
    """PUT .../file/{branch}/{path}: commit one file (`file`) or several (`files[]`)."""
    require_key(request)
    repository = _find_repository(request)
    parts = await read_form(request)
    branch = request.path_params["branch"]
    commit = simulator_of(request).repositories.put_files(
        repository,
        branch,
        files=_place_files(
            parts, request.path_params.get("path", ""), repository.find_commit(branch)
        ),
        signature=_read_signature(parts),
    )
    return _success("resource_created", {"oxen_version": "simulator", "commit": commit.to_json()})


async def get_file(request: Request) -> Response:
    """GET .../file/{branch or commit}/{path}: the bytes of a file."""
    repository = _find_repository(request)
    _require_access(request, repository)
    revision, path = request.path_params["branch"], request.path_params["path"]
    commit = repository.find_commit(revision)
    digest = None if commit is None else commit.files.get(path)
    if commit is None or digest is None:
        raise not_found(f"File {path} at {revision}")
    data = await asyncio.to_thread(simulator_of(request).blobs.path(digest).read_bytes)
    return Response(data, media_type=_guess_type(path), headers={"oxen-revision-id": commit.id})


async def presign_file(request: Request) -> Response:
    """GET .../file/presigned_url/{branch}/{path}: a link that needs no key for an hour."""
    require_key(request)
    repository = _find_repository(request)
    branch, path = request.path_params["branch"], request.path_params["path"]
    commit = repository.find_commit(branch)
    if commit is None or path not in commit.files:
        raise not_found(f"File {path} at {branch}")
    target = f"/api/repos/{repository.namespace}/{repository.name}/file/{branch}/{path}"
    signer = simulator_of(request).signer
    link = signer.sign(base_url_of(request), target, lifetime=PRESIGNED_SECONDS)
    return JSONResponse({"url": link})


async def get_result(request: Request) -> Response:
    """GET a job's picture: painted now, whatever happened when the job was done."""
    simulator = simulator_of(request)
    job = simulator.jobs.find(request.path_params["generation_id"])
    if job is None or not job.has_picture or job.namespace != request.path_params["namespace"]:
        raise not_found("File")
    if not _may_read(request, simulator):
        raise forbidden("The link has expired or its signature is wrong.")
    trouble = simulator.take_download_fault(job, request.url.path)
    if trouble == "expire":
        raise forbidden("The link has expired.")
    if trouble == "html":
        return HTMLResponse(_HTML_PAGE)
    return await _paint_result(simulator, job, trouble)


_REPOSITORY = "/api/repos/{namespace}/{name}"

ROUTES = (
    Route(
        "/api/repos/{namespace}/playground/file/main/generations/{generation_id}.{suffix}",
        get_result,
        methods=["GET"],
    ),
    Route(f"{_REPOSITORY}/file/presigned_url/{{branch}}/{{path:path}}", presign_file),
    Route(f"{_REPOSITORY}/file/{{branch}}/{{path:path}}", get_file, methods=["GET"]),
    Route(f"{_REPOSITORY}/file/{{branch}}/{{path:path}}", put_files, methods=["PUT"]),
    Route(f"{_REPOSITORY}/file/{{branch}}", put_files, methods=["PUT"]),
    Route(f"{_REPOSITORY}/branches", list_branches, methods=["GET"]),
    Route(f"{_REPOSITORY}/branches", create_branch, methods=["POST"]),
    Route(_REPOSITORY, show_repository, methods=["GET"]),
    Route("/api/repos", create_repository, methods=["POST"]),
    Route("/api/users/me", show_account, methods=["GET"]),
)


class _CutResponse(Response):
    """Promises the whole body, sends the first half and hangs up."""

    def __init__(self, content: bytes, *, media_type: str, connections: Connections) -> None:
        super().__init__(content, media_type=media_type)
        self._connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        half = bytes(self.body[: len(self.body) // 2])
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": half, "more_body": True})
        await self._connections.hang_up(scope, receive)


async def _paint_result(simulator: Simulator, job: Job, trouble: str | None) -> Response:
    order = simulator.order_picture(job, wrong_size=trouble == "wrong_size")
    data = await simulator.worker.paint(order)
    if trouble == "mislabelled":
        data = await asyncio.to_thread(_as_jpeg, data)
        return Response(data, media_type="image/png")
    if trouble == "truncate":
        kind = _media_type(data)
        return _CutResponse(data, media_type=kind, connections=simulator.connections)
    return Response(data, media_type=_media_type(data))


def _media_type(picture: bytes) -> str:
    """Return what a picture is by its first bytes, whatever its link ends in."""
    if picture.startswith(b"\xff\xd8"):
        return "image/jpeg"
    return "image/webp" if picture.startswith(b"RIFF") else "image/png"


def _as_jpeg(png: bytes) -> bytes:
    stream = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(stream, "JPEG", quality=95)
    return stream.getvalue()


def _may_read(request: Request, simulator: Simulator) -> bool:
    """Return whether a private file may be read: by its link, or without one by the key."""
    if is_signed(request.query_params):
        return simulator.signer.is_valid(request.url.path, request.query_params)
    return has_key(request)


def _require_access(request: Request, repository: Repository) -> None:
    if not repository.is_public and not _may_read(request, simulator_of(request)):
        raise forbidden(f"{repository.namespace}/{repository.name} is private.")


def _find_repository(request: Request) -> Repository:
    parameters = request.path_params
    return simulator_of(request).repositories.get(parameters["namespace"], parameters["name"])


def _read_signature(parts: Sequence[Part]) -> Signature:
    fields = {part.name: part.data.decode("utf-8", "replace") for part in parts}
    missing = [name for name in ("name", "email") if not fields.get(name)]
    if missing:
        raise invalid_params(f"{' and '.join(missing)} must be given")
    message = fields.get("message") or "Upload files"
    return Signature(message=message, name=fields["name"], email=fields["email"])


def _place_files(parts: Sequence[Part], path: str, commit: Commit | None) -> Mapping[str, bytes]:
    """Return the files of a form by the path each is committed under."""
    single = [part for part in parts if part.name == "file"]
    several = [part for part in parts if part.name == "files[]"]
    if bool(single) == bool(several):
        raise invalid_params("send either one file or several files[], not both and not none")
    if len(single) > 1:
        raise invalid_params("file is a single part; send several files as files[]")
    if several:
        return {_join(path, part.filename or "file"): part.data for part in several}
    is_folder = commit is not None and any(name.startswith(f"{path}/") for name in commit.files)
    name = _join(path, single[0].filename or "file") if is_folder or not path else path
    return {name: single[0].data}


def _join(folder: str, name: str) -> str:
    return f"{folder.strip('/')}/{name}".lstrip("/")


def _show_branch(name: str, commit_id: str) -> dict[str, str]:
    return {"name": name, "commit_id": commit_id}


def _success(message: str, content: Mapping[str, object], *, status: int = 200) -> Response:
    body = {"status": "success", "status_message": message, **content}
    return JSONResponse(body, status_code=status)


def _guess_type(path: str) -> str:
    return mimetypes.guess_type(path)[0] or "application/octet-stream"
