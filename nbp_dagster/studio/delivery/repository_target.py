"""Publishes sets as commits to an Oxen repository."""

from collections.abc import Callable
from dataclasses import dataclass

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import DownloadFailed, NotFound
from nbp_dagster.studio.delivery.parcel import Parcel
from nbp_dagster.studio.delivery.publish_target import Delivered


@dataclass(frozen=True)
class Destination:
    """Where commits go: `namespace/name`, a branch, and the author of the commit."""

    repository: str
    branch: str
    author_name: str
    author_email: str


class RepositoryTarget:
    """A branch of an Oxen repository, each campaign a folder of it.

    Args:
        destination: The repository.
        client: The service.
    """

    def __init__(self, destination: Destination, client: Callable[[], OxenClient]) -> None:
        self._to = destination
        self._client = client

    @property
    def name(self) -> str:
        """Branch and repository."""
        return f"{self._to.branch} of {self._to.repository}"

    @property
    def destination(self) -> Destination:
        """Where commits go."""
        return self._to

    @property
    def is_trial(self) -> bool:
        """Never: what is committed stays in the history."""
        return False

    def read(self, campaign_id: str, file: str) -> bytes | None:
        """Return a file of the branch's campaign folder; None where there is none."""
        client = self._client()
        try:
            url = client.presign_file(self._to.repository, self._to.branch, f"{campaign_id}/{file}")
            return client.download(url)
        except (NotFound, DownloadFailed) as error:
            if error.status != 404:
                raise
            return None

    def deliver(self, parcel: Parcel) -> Delivered:
        """Commit a set.

        Raises:
            OxenError: The repository refused or can't be reached; a commit is whole.
        """
        commit = self._client().put_files(
            self._to.repository,
            self._to.branch,
            parcel.campaign,
            [(file.path, file.source.read_bytes()) for file in parcel.files],
            message=f"{parcel.manifest.name} ({len(parcel.manifest.pictures)} pictures)",
            author_name=self._to.author_name,
            author_email=self._to.author_email,
        )
        return Delivered(
            self.name,
            f"{self._to.repository}/{parcel.campaign}",
            is_new=commit is not None,
            commit=None if commit is None else commit.id,
        )
