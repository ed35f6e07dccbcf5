"""The routes of workspaces: opened, filled over several requests, committed at once, closed."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from nbp_dagster.simulator.errors import invalid_params
from nbp_dagster.simulator.routes.request_context import (
    read_form,
    read_json,
    require_key,
    simulator_of,
)
from nbp_dagster.simulator.state.repos import Repository, Signature


async def open_workspace(request: Request) -> Response:
    """PUT .../workspaces: a workspace on a branch, or the one of that id."""
    require_key(request)
    body = await read_json(request)
    fields = body if isinstance(body, dict) else {}
    branch, workspace_id = fields.get("branch_name"), fields.get("workspace_id")
    if not isinstance(branch, str) or not isinstance(workspace_id, str):
        raise invalid_params("branch_name and workspace_id must be given")
    workspace = simulator_of(request).workspaces.open(_repository(request), branch, workspace_id)
    commit = None if workspace.base is None else workspace.base.to_json()
    shown = {"id": workspace_id, "name": None, "commit": commit}
    return JSONResponse({"status": "success", "workspace": shown})


async def stage_files(request: Request) -> Response:
    """POST .../workspaces/{id}/files/{directory}: parts whose file names may have folders."""
    require_key(request)
    repository = _repository(request)
    folder = request.path_params["path"].strip("/")
    parts = await read_form(request)
    files = {f"{folder}/{part.filename or 'file'}".lstrip("/"): part.data for part in parts}
    workspace_id = request.path_params["workspace_id"]
    paths = simulator_of(request).workspaces.stage(repository, workspace_id, files)
    return JSONResponse({"status": "success", "paths": list(paths)})


async def commit_workspace(request: Request) -> Response:
    """POST .../workspaces/{id}/merge/{branch}: one commit of all that is staged."""
    require_key(request)
    repository = _repository(request)
    body = await read_json(request)
    fields = body if isinstance(body, dict) else {}
    missing = [name for name in ("message", "author", "email") if not fields.get(name)]
    if missing:
        raise invalid_params(f"{' and '.join(missing)} must be given")
    commit = simulator_of(request).workspaces.commit(
        repository,
        request.path_params["workspace_id"],
        request.path_params["branch"],
        Signature(message=fields["message"], name=fields["author"], email=fields["email"]),
    )
    return JSONResponse({"status": "success", "commit": commit.to_json()})


async def drop_workspace(request: Request) -> Response:
    """DELETE .../workspaces/{id}."""
    require_key(request)
    workspace_id = request.path_params["workspace_id"]
    simulator_of(request).workspaces.drop(_repository(request), workspace_id)
    return JSONResponse({"status": "success"})


_WORKSPACES = "/api/repos/{namespace}/{name}/workspaces"

ROUTES = (
    Route(f"{_WORKSPACES}/{{workspace_id}}/files/{{path:path}}", stage_files, methods=["POST"]),
    Route(f"{_WORKSPACES}/{{workspace_id}}/merge/{{branch}}", commit_workspace, methods=["POST"]),
    Route(f"{_WORKSPACES}/{{workspace_id}}", drop_workspace, methods=["DELETE"]),
    Route(_WORKSPACES, open_workspace, methods=["PUT"]),
)


def _repository(request: Request) -> Repository:
    parameters = request.path_params
    return simulator_of(request).repositories.get(parameters["namespace"], parameters["name"])
