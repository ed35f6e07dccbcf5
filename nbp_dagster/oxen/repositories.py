"""Repository calls: look up, create, store files in one commit, presign.

Must not know: images, campaigns, or what the files are for.
"""

from collections.abc import Sequence
from urllib.parse import quote

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from nbp_dagster.oxen.errors import BadRequest, NotFound
from nbp_dagster.oxen.executor import Executor
from nbp_dagster.oxen.responses import Commit, Repository, parse_commit, parse_nothing, parse_url

UPLOAD_TIMEOUT = 300.0
"""Seconds of silence allowed while the service commits."""


class Repositories:
    """The repository half of the API; `repo` is always `namespace/name`."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def get(self, repo: str) -> Repository | None:
        """Return a repository, or None when there is none."""
        try:
            self._executor.call("GET", _repo_path(repo), parse=parse_nothing)
        except NotFound:
            return None
        return _repository(repo)

    def create(
        self,
        repo: str,
        *,
        author_name: str,
        author_email: str,
        description: str,
        is_public: bool,
    ) -> Repository:
        """Create a repository, or return the one that is there (409, or 422 for a name clash)."""
        created = _repository(repo)
        payload = {
            "namespace": created.namespace,
            "name": created.name,
            "user": {"name": author_name, "email": author_email},
            "description": description,
            "is_public": is_public,
            "visibility": "public" if is_public else "private",
        }
        try:
            self._executor.call("POST", "/api/repos", parse=parse_nothing, payload=payload)
        except BadRequest as error:
            if error.status not in {409, 422} or self.get(repo) is None:
                raise
        return created

    def put_files(
        self,
        repo: str,
        branch: str,
        directory: str,
        files: Sequence[tuple[str, bytes]],
        *,
        message: str,
        author_name: str,
        author_email: str,
    ) -> Commit | None:
        """Store files in one commit; None when they are there already."""
        if not files:
            return None
        texts = {"message": message, "name": author_name, "email": author_email}
        body, content_type = encode_multipart_formdata(
            [*texts.items(), *(_part(name, data) for name, data in files)]
        )
        target = _join(branch, directory) if directory.strip("/") else _join(branch)
        request = self._executor.request(
            "PUT",
            f"{_repo_path(repo)}/file/{target}",
            headers={"Content-Type": content_type},
            body=body,
            read_timeout=UPLOAD_TIMEOUT,
        )
        try:
            return self._executor.call_raw(request, parse=parse_commit)
        except BadRequest as error:
            if error.error_type != "no_changes":
                raise
            return None

    def open_workspace(self, repo: str, branch: str, workspace_id: str) -> None:
        """Open a workspace on a branch, or the one of this id that is open; nothing is committed.

        An empty repository gets the branch.
        """
        payload = {"branch_name": branch, "workspace_id": workspace_id}
        self._executor.call(
            "PUT", f"{_repo_path(repo)}/workspaces", parse=parse_nothing, payload=payload
        )

    def stage_files(
        self,
        repo: str,
        workspace_id: str,
        directory: str,
        files: Sequence[tuple[str, bytes]],
    ) -> None:
        """Put files into a workspace; the same again replace themselves.

        Raises:
            NotFound: The workspace is not open any more.
        """
        body, content_type = encode_multipart_formdata(
            [_part(name, data, field="file[]") for name, data in files]
        )
        request = self._executor.request(
            "POST",
            f"{_workspace_path(repo, workspace_id)}/files/{_join(directory)}",
            headers={"Content-Type": content_type},
            body=body,
            read_timeout=UPLOAD_TIMEOUT,
        )
        self._executor.call_raw(request, parse=parse_nothing, is_repeatable=True)

    def commit_workspace(
        self,
        repo: str,
        workspace_id: str,
        branch: str,
        *,
        message: str,
        author_name: str,
        author_email: str,
    ) -> Commit | None:
        """Commit what a workspace holds to a branch; None when the branch has all of it.

        A repeated call that finds the workspace closed or empty may have committed the first time.

        Raises:
            NotFound: The workspace is not open any more.
            BadRequest: Somebody changed the same files on the branch meanwhile (409).
        """
        try:
            return self._executor.call(
                "POST",
                f"{_workspace_path(repo, workspace_id)}/merge/{_join(branch)}",
                parse=parse_commit,
                payload={"message": message, "author": author_name, "email": author_email},
                read_timeout=UPLOAD_TIMEOUT,
                is_repeatable=True,
            )
        except BadRequest as error:
            if error.error_type != "no_changes" and "no changes" not in error.detail.lower():
                raise
            return None

    def drop_workspace(self, repo: str, workspace_id: str) -> None:
        """Close a workspace with what it holds; one that is closed stays so."""
        try:
            self._executor.call("DELETE", _workspace_path(repo, workspace_id), parse=parse_nothing)
        except NotFound:
            return

    def presign(self, repo: str, branch: str, path: str) -> str:
        """Return a URL that opens a file without a key for a while."""
        target = f"{_repo_path(repo)}/file/presigned_url/{_join(branch, path)}"
        return self._executor.call("GET", target, parse=parse_url)


def _part(name: str, data: bytes, *, field: str = "files[]") -> RequestField:
    """Return one part of a form; `files[]` says that the path is a directory."""
    _join(name)
    part = RequestField(field, data, filename=name)
    part.make_multipart(content_type="application/octet-stream")
    return part


def _repository(repo: str) -> Repository:
    namespace, _, name = repo.partition("/")
    if not namespace or not name or "/" in name:
        raise BadRequest(
            f"not sent, the repository is {repo!r}, not namespace/name", endpoint="repository"
        )
    return Repository(namespace=namespace, name=name)


def _repo_path(repo: str) -> str:
    found = _repository(repo)
    return f"/api/repos/{_join(found.namespace)}/{_join(found.name)}"


def _workspace_path(repo: str, workspace_id: str) -> str:
    return f"{_repo_path(repo)}/workspaces/{_join(workspace_id)}"


def _join(*parts: str) -> str:
    """Quote path parts; a segment that is empty or dots would name another place."""
    path = "/".join(part.strip("/") for part in parts)
    if any(segment.strip(".") == "" for segment in path.split("/")):
        raise BadRequest(f"not sent, {path!r} is no path in a repository", endpoint="repository")
    return quote(path, safe="/")
