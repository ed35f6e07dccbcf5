"""Versioned repositories of files; knows neither HTTP nor pictures."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from nbp_dagster.simulator.errors import not_found, typed_error
from nbp_dagster.simulator.state.blobs import BlobStore
from nbp_dagster.simulator.state.journal import Journal

DEFAULT_BRANCH = "main"


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One state of a branch; `files` maps each path to the digest of its content."""

    id: str
    parent_ids: tuple[str, ...]
    message: str
    author: str
    email: str
    timestamp: str
    files: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return the commit as the service shows it, without its files."""
        return {
            "id": self.id,
            "parent_ids": list(self.parent_ids),
            "message": self.message,
            "author": self.author,
            "email": self.email,
            "timestamp": self.timestamp,
        }


@dataclass(kw_only=True)
class Repository:
    """A repository; `branches` maps each name to the id of its newest commit."""

    namespace: str
    name: str
    description: str
    is_public: bool
    branches: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the repository as the service shows it."""
        return {
            "namespace": self.namespace,
            "name": self.name,
            "description": self.description,
            "is_public": self.is_public,
            "is_empty": not self.commits,
        }

    def find_commit(self, revision: str) -> Commit | None:
        """Return the commit a branch name or a commit id stands for, or None."""
        return self.commits.get(self.branches.get(revision, revision))


@dataclass(frozen=True, kw_only=True)
class Signature:
    """Author and message of a commit."""

    message: str
    name: str
    email: str


class RepositoryStore:
    """All repositories by namespace and name.

    Args:
        blobs: Keeps the content of the files.
        journal: Records every new repository, branch and commit.
        now: Returns seconds since the epoch.
    """

    def __init__(self, blobs: BlobStore, journal: Journal, *, now: Callable[[], float]) -> None:
        self._blobs = blobs
        self._journal = journal
        self._now = now
        self._repositories: dict[tuple[str, str], Repository] = {}

    def find(self, namespace: str, name: str) -> Repository | None:
        """Return a repository, or None when there is none of that name."""
        return self._repositories.get((namespace, name))

    def get(self, namespace: str, name: str) -> Repository:
        """Return a repository.

        Raises:
            ApiError: There is none of that name (404).
        """
        repository = self.find(namespace, name)
        if repository is None:
            raise not_found(f"Repository {namespace}/{name}")
        return repository

    def create(self, namespace: str, name: str, *, description: str, is_public: bool) -> Repository:
        """Create a repository that does not exist yet."""
        record = {"description": description, "is_public": is_public}
        self._journal.write("repository", {"namespace": namespace, "name": name, **record})
        return self._insert(namespace, name, description=description, is_public=is_public)

    def create_branch(self, repository: Repository, name: str, *, from_name: str) -> str:
        """Create a branch, or leave the one already there, and return its commit id.

        Raises:
            ApiError: The branch to start from does not exist (404).
        """
        if name in repository.branches:
            return repository.branches[name]
        if from_name not in repository.branches:
            raise not_found(f"Branch {from_name}")
        self._set_branch(repository, name, repository.branches[from_name])
        return repository.branches[name]

    def put_files(
        self,
        repository: Repository,
        branch: str,
        *,
        files: Mapping[str, bytes],
        signature: Signature,
    ) -> Commit:
        """Add or replace files by path and return the commit that did it.

        Raises:
            ApiError: The branch does not exist (404), unless the repository is empty; or the
                files are already there with the same content (422 `no_changes`).
        """
        if repository.commits and branch not in repository.branches:
            raise not_found(f"Branch {branch}")
        parent = repository.find_commit(branch)
        before = {} if parent is None else parent.files
        after = {**before, **{path: self._blobs.put(data) for path, data in files.items()}}
        if after == before:
            raise typed_error(422, "no_changes", "The files are already there, unchanged.")
        commit = self._make_commit(parent, after, signature)
        names = {"namespace": repository.namespace, "name": repository.name}
        record = {**names, "commit": {**commit.to_json(), "files": after}}
        self._journal.write("commit", record)
        repository.commits[commit.id] = commit
        self._set_branch(repository, branch, commit.id)
        return commit

    def restore(self, record: Mapping[str, Any]) -> None:
        """Replay one journal record of kind `repository`, `commit` or `branch`."""
        namespace, name = record["namespace"], record["name"]
        if record["kind"] == "repository":
            flags = {"description": record["description"], "is_public": record["is_public"]}
            self._insert(namespace, name, **flags)
            return
        repository = self._repositories[(namespace, name)]
        if record["kind"] == "branch":
            repository.branches[record["branch"]] = record["commit_id"]
            return
        commit = record["commit"]
        fields = {**commit, "parent_ids": tuple(commit["parent_ids"])}
        repository.commits[commit["id"]] = Commit(**fields)

    def clear(self) -> None:
        """Forget every repository."""
        self._repositories.clear()

    def _insert(
        self, namespace: str, name: str, *, description: str, is_public: bool
    ) -> Repository:
        repository = Repository(
            namespace=namespace, name=name, description=description, is_public=is_public
        )
        self._repositories[(namespace, name)] = repository
        return repository

    def _set_branch(self, repository: Repository, branch: str, commit_id: str) -> None:
        names = {"namespace": repository.namespace, "name": repository.name}
        self._journal.write("branch", {**names, "branch": branch, "commit_id": commit_id})
        repository.branches[branch] = commit_id

    def _make_commit(
        self, parent: Commit | None, files: Mapping[str, str], signature: Signature
    ) -> Commit:
        parents = () if parent is None else (parent.id,)
        timestamp = datetime.fromtimestamp(self._now(), tz=UTC).isoformat()
        identity = repr((parents, sorted(files.items()), signature, timestamp))
        return Commit(
            id=hashlib.sha256(identity.encode()).hexdigest()[:32],
            parent_ids=parents,
            message=signature.message,
            author=signature.name,
            email=signature.email,
            timestamp=timestamp,
            files=files,
        )
