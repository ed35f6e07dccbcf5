"""Opens the image store of a home: its folder, or what it shares behind a URL."""

from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.addresses import require_url
from nbp_dagster.studio.storage.files import StoreError
from nbp_dagster.studio.storage.image_store import FolderStore, ImageStore
from nbp_dagster.studio.storage.url_folder import UrlFolder

# Beside those of the driver: a restart of the service is over within them.
_ATTEMPTS = 4


@dataclass(frozen=True)
class StorePlaces:
    """Where a home keeps its pictures.

    Attributes:
        images: Image bytes by digest.
        shared: The place that machines share; None where the home is one machine's own.
    """

    images: ImageStore
    shared: UrlFolder | None = None


def open_places(folder: Path, url: str, *, cache_gb: float) -> StorePlaces:
    """Return the places of a home; nothing is sent yet.

    Args:
        folder: The store, or the cache of what is behind the URL.
        url: The place that machines share; empty for none.
        cache_gb: Size of that cache in GB (10^9 bytes).

    Raises:
        StoreError: The URL is none that machines can share: what is paid would be kept where none
            of them finds it again.
    """
    if not url:
        return StorePlaces(FolderStore(folder))
    try:
        require_url(url)
    except ValueError as error:
        # Not the URL itself: it may hold a password.
        raise StoreError(f"the URL of the store that machines share: {error}") from None
    # Late: a home of its own starts without it.
    from nbp_dagster.studio.storage.shared_store import SharedStore

    shared = UrlFolder(url, attempts=_ATTEMPTS)
    return StorePlaces(SharedStore(folder, shared, most_bytes=int(cache_gb * 1e9)), shared)
