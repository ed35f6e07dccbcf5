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

    def presign(self, repo: str, branch: str, path: str) -> str:
        """Return a URL that opens a file without a key for a while."""
        target = f"{_repo_path(repo)}/file/presigned_url/{_join(branch, path)}"
        return self._executor.call("GET", target, parse=parse_url)


def _part(name: str, data: bytes) -> RequestField:
    """Return one `files[]` part: the spelling under which the path is a directory."""
    _join(name)
    field = RequestField("files[]", data, filename=name)
    field.make_multipart(content_type="application/octet-stream")
    return field


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


def _join(*parts: str) -> str:
    """Quote path parts; a segment that is empty or dots would name another place."""
    path = "/".join(part.strip("/") for part in parts)
    if any(segment.strip(".") == "" for segment in path.split("/")):
        raise BadRequest(f"not sent, {path!r} is no path in a repository", endpoint="repository")
    return quote(path, safe="/")
