"""Workspaces of repositories: files that are staged over several requests and committed at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbp_dagster.simulator.errors import invalid_params, not_found, typed_error
from nbp_dagster.simulator.state.blobs import BlobStore
from nbp_dagster.simulator.state.repos import Commit, Repository, RepositoryStore, Signature


@dataclass(kw_only=True)
class Workspace:
    """Files staged upon a commit; `staged` maps each path to the digest of its content."""

    base: Commit | None
    staged: dict[str, str] = field(default_factory=dict)


class WorkspaceStore:
    """The open workspaces of all repositories; a restart forgets them.

    Args:
        repositories: Gets the commits.
        blobs: Keeps the content of the files.
    """

    def __init__(self, repositories: RepositoryStore, blobs: BlobStore) -> None:
        self._repositories = repositories
        self._blobs = blobs
        self._open: dict[tuple[str, str, str], Workspace] = {}

    def open(self, repository: Repository, branch: str, workspace_id: str) -> Workspace:
        """Open a workspace on a branch, or return the one that is open.

        Raises:
            ApiError: The branch does not exist and the repository is not empty (400).
        """
        if repository.commits and branch not in repository.branches:
            raise invalid_params(f"Branch not found: {branch}")
        base = repository.find_commit(branch)
        return self._open.setdefault(_key(repository, workspace_id), Workspace(base=base))

    def stage(
        self, repository: Repository, workspace_id: str, files: Mapping[str, bytes]
    ) -> tuple[str, ...]:
        """Stage files by path and return their paths.

        Raises:
            ApiError: The workspace is not open (404).
        """
        workspace = self._get(repository, workspace_id)
        workspace.staged.update({path: self._blobs.put(data) for path, data in files.items()})
        return tuple(files)

    def commit(
        self, repository: Repository, workspace_id: str, branch: str, signature: Signature
    ) -> Commit:
        """Commit what is staged, close the workspace, and return the commit.

        Raises:
            ApiError: The workspace is not open (404), a staged file was changed on the branch
                since (409), or nothing differs (422).
        """
        workspace = self._get(repository, workspace_id)
        base = {} if workspace.base is None else workspace.base.files
        head = repository.find_commit(branch)
        now = {} if head is None else head.files
        moved = [path for path in workspace.staged if base.get(path) != now.get(path)]
        if moved:
            raise typed_error(409, "conflict", f"{moved[0]} was changed on {branch} meanwhile.")
        files = {
            path: self._blobs.path(blob).read_bytes() for path, blob in workspace.staged.items()
        }
        commit = self._repositories.put_files(repository, branch, files=files, signature=signature)
        del self._open[_key(repository, workspace_id)]
        return commit

    def drop(self, repository: Repository, workspace_id: str) -> None:
        """Close a workspace with what it holds.

        Raises:
            ApiError: The workspace is not open (404).
        """
        self._get(repository, workspace_id)
        del self._open[_key(repository, workspace_id)]

    def clear(self) -> None:
        """Forget every workspace."""
        self._open.clear()

    def _get(self, repository: Repository, workspace_id: str) -> Workspace:
        workspace = self._open.get(_key(repository, workspace_id))
        if workspace is None:
            raise not_found(f"Workspace {workspace_id}")
        return workspace


def _key(repository: Repository, workspace_id: str) -> tuple[str, str, str]:
    return repository.namespace, repository.name, workspace_id
