"""Where finished sets are published, as a Dagster resource: a repository, folders, URLs."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from nbp_dagster.addresses import find_path_fault, has_cut_password
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.studio.delivery.edition_target import EditionStore, EditionTarget
from nbp_dagster.studio.delivery.folder_store import FolderStore
from nbp_dagster.studio.delivery.parcel import NotPublishable
from nbp_dagster.studio.delivery.publish_target import PublishTarget
from nbp_dagster.studio.delivery.repository_target import Destination, RepositoryTarget
from nbp_dagster.studio.delivery.url_store import UrlStore

# What a commit needs besides its repository.
_COMMIT_FIELDS = ("branch", "author_name", "author_email")

_PASSWORD = re.compile(r"[^/]*://[^/?#]*:[^/?#]*@")


class PublishDestination(dg.ConfigurableResource[Any]):
    """An Oxen repository with its branch and author, and any number of folders and URLs.

    Every field may be empty until `published_sets` is materialized: most projects never publish.

    Example:
        >>> PublishDestination(to=["/srv/sets", "s3://acme-sets/published"])
    """

    repository: str = Field(default="", description="The Oxen repository, as `namespace/name`.")
    branch: str = Field(default="main", description="The branch that gets the commit.")
    author_name: str = Field(default="", description="Name on the commit; the service demands one.")
    author_email: str = Field(
        default="", description="E-mail on the commit; the service demands one."
    )
    to: list[str] = Field(
        default=[], description="Folders and URLs (s3://, gs://, az://) that get sets too."
    )
    trial_to: list[str] = Field(
        default=[], description="The same for trials: they take simulated pictures as well."
    )

    def open_targets(self, client: Callable[[], OxenClient]) -> tuple[PublishTarget, ...]:
        """Return every target, the repository first.

        Args:
            client: Returns the service that has the repository; asked only when it is needed.

        Raises:
            NotPublishable: There is none, the repository lacks a field (all of them are named), or
                a folder can't be one.
        """
        return tuple(self._list_targets(client))

    def _list_targets(self, client: Callable[[], OxenClient]) -> Iterator[PublishTarget]:
        places = [*((each, False) for each in self.to), *((each, True) for each in self.trial_to)]
        if self.repository or not places:
            yield RepositoryTarget(self._require_repository(), client)
        for place, is_trial in places:
            yield EditionTarget(_open_store(place), is_trial=is_trial)

    def _require_repository(self) -> Destination:
        names = ("repository", *_COMMIT_FIELDS)
        empty = [name for name in names if not getattr(self, name)]
        if empty:
            variables = ", ".join(f"NBP_PUBLISH_{name.upper()}" for name in empty)
            raise NotPublishable(
                f"there is nowhere to publish to: set {variables}, or {', '.join(empty)} below "
                "`publish` of the component; folders and URLs are named by NBP_PUBLISH_TO"
            )
        return Destination(self.repository, self.branch, self.author_name, self.author_email)


def _open_store(place: str) -> EditionStore:
    if "://" in place and not place.startswith("file://"):
        if has_cut_password(place):
            raise NotPublishable(
                f"NBP_PUBLISH_TO: {place.partition('://')[0]}://... - has an @ behind a /, ? or #, "
                "which a password may have that Dagster shows; give it by the driver's own "
                "variables or files"
            )
        store = UrlStore(place)
        if _PASSWORD.match(place):
            raise NotPublishable(
                f"NBP_PUBLISH_TO: {store.name} - written with a password, which Dagster shows; "
                "give it by the driver's own variables or files"
            )
        return store
    path = place.removeprefix("file://")
    fault = find_path_fault(path)
    if fault is not None:
        raise NotPublishable(f"NBP_PUBLISH_TO: {place[:80]!r} - {fault}")
    return FolderStore(Path(path).absolute())
