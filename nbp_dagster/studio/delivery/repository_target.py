"""Publishes sets as commits to an Oxen repository: one commit a set, however many requests."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import BadRequest, DownloadFailed, NotFound
from nbp_dagster.oxen.responses import Commit
from nbp_dagster.studio.delivery.parcel import Parcel, ParcelFile
from nbp_dagster.studio.delivery.publish_target import Delivered, DeliveryError
from nbp_dagster.studio.manifest.manifest import ManifestError, from_json
from nbp_dagster.studio.manifest.manifest_file import MANIFEST

MOST_REQUEST_BYTES: Final = 50 * 1024 * 1024
"""Largest body of one request: what the service's form reader takes by default."""

# Headers of a part and its boundary, beside the file's name.
_PART_BYTES: Final = 512
# What else a form holds: message, author, the last boundary.
_FORM_BYTES: Final = 4096
# Each try starts from the branch as it is then; a third conflict in a row is no accident.
_ATTEMPTS: Final = 3


@dataclass(frozen=True)
class Destination:
    """Where commits go: `namespace/name`, a branch, and the author of the commit."""

    repository: str
    branch: str
    author_name: str
    author_email: str


class RepositoryTarget:
    """A branch of an Oxen repository, each campaign a folder of it.

    The repository is made, private, where there is none. Pictures that the branch's manifest lists
    with their digest are not sent again.

    Args:
        destination: The repository.
        client: Returns the service; asked when something is read or sent.
        most_bytes: Largest body of one request.
    """

    def __init__(
        self,
        destination: Destination,
        client: Callable[[], OxenClient],
        *,
        most_bytes: int = MOST_REQUEST_BYTES,
    ) -> None:
        self._to = destination
        self._client = client
        self._most_bytes = most_bytes

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
            path = f"{campaign_id}/{file}"
            url = client.presign_file(self._to.repository, self._to.branch, path)
            return client.download(url)
        except (NotFound, DownloadFailed) as error:
            if error.status != 404:
                raise
            return None

    def deliver(self, parcel: Parcel) -> Delivered:
        """Commit a set.

        Raises:
            OxenError: The repository refused or can't be reached; a commit is whole.
            DeliveryError: A file is larger than a request may be.
        """
        published = self.read(parcel.campaign, MANIFEST)
        place = f"{self._to.repository}/{parcel.campaign}"
        if published == _manifest_of(parcel):
            return Delivered(self.name, place, is_new=False)
        self._require_repository()
        there = _list_pictures(published)
        files = [file for file in parcel.files if there.get(file.path) != file.sha256]
        commit = self._commit(parcel, list(self._divide(files)))
        return Delivered(
            self.name, place, is_new=True, commit=None if commit is None else commit.id
        )

    def _require_repository(self) -> None:
        client = self._client()
        if client.get_repository(self._to.repository) is None:
            client.create_repository(
                self._to.repository,
                author_name=self._to.author_name,
                author_email=self._to.author_email,
                description="Sets of marketing images",
            )

    def _divide(self, files: Sequence[ParcelFile]) -> Iterator[list[ParcelFile]]:
        """Yield files in groups whose forms are small enough."""
        group: list[ParcelFile] = []
        size = _FORM_BYTES
        for file in files:
            cost = file.size + _PART_BYTES + len(file.path.encode())
            if cost + _FORM_BYTES > self._most_bytes:
                raise DeliveryError(
                    f"{self.name}: {file.path} has {file.size:,} bytes, and a request at most "
                    f"{self._most_bytes:,}; set max_bytes for its channel"
                )
            if group and size + cost > self._most_bytes:
                yield group
                group, size = [], _FORM_BYTES
            group.append(file)
            size += cost
        if group:
            yield group

    def _commit(self, parcel: Parcel, batches: Sequence[Sequence[ParcelFile]]) -> Commit | None:
        """Commit files, starting anew after a conflict; None where the commit's id is not told."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._commit_once(parcel, batches)
            except BadRequest as error:
                is_lost = isinstance(error, NotFound) and len(batches) > 1
                if error.status != 409 and not is_lost:
                    raise
                # An answer that was lost may have been that of the commit.
                if self.read(parcel.campaign, MANIFEST) == _manifest_of(parcel):
                    return None
                if attempt == _ATTEMPTS:
                    raise
                self._client().repositories.drop_workspace(
                    self._to.repository, _workspace_of(parcel)
                )
        raise AssertionError("every attempt returns or raises")

    def _commit_once(
        self, parcel: Parcel, batches: Sequence[Sequence[ParcelFile]]
    ) -> Commit | None:
        to, signature = self._to, self._sign(parcel)
        repositories = self._client().repositories
        if len(batches) == 1:
            return repositories.put_files(
                to.repository, to.branch, parcel.campaign, _load(batches[0]), **signature
            )
        workspace = _workspace_of(parcel)
        repositories.open_workspace(to.repository, to.branch, workspace)
        for batch in batches:
            repositories.stage_files(to.repository, workspace, parcel.campaign, _load(batch))
        return repositories.commit_workspace(to.repository, workspace, to.branch, **signature)

    def _sign(self, parcel: Parcel) -> dict[str, str]:
        return {
            "message": f"{parcel.manifest.name} ({len(parcel.manifest.pictures)} pictures)",
            "author_name": self._to.author_name,
            "author_email": self._to.author_email,
        }


def _workspace_of(parcel: Parcel) -> str:
    """Return the same id for the same set, so that what a killed publisher staged is replaced."""
    return f"nbp-{parcel.digest[:32]}"


def _load(files: Sequence[ParcelFile]) -> list[tuple[str, bytes]]:
    return [(file.path, file.source.read_bytes()) for file in files]


def _manifest_of(parcel: Parcel) -> bytes:
    [file] = [each for each in parcel.files if each.path == MANIFEST]
    return file.source.read_bytes()


def _list_pictures(published: bytes | None) -> Mapping[str, str]:
    """Return the digest of each picture by its path, as the branch's manifest lists them.

    One of another version of ours lists none that can be read: everything is sent.
    """
    if published is None:
        return {}
    try:
        manifest = from_json(published.decode("utf-8", "replace"))
    except ManifestError:
        return {}
    return {picture.file: picture.sha256 for picture in manifest.pictures}
