"""Opens the pictures and the finished sets of a home, also where machines share them."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from nbp_dagster.clock import SystemClock
from nbp_dagster.settings import Settings, reveal
from nbp_dagster.studio.storage.data_paths import StudioPaths

if TYPE_CHECKING:
    from nbp_dagster.studio.sharing.shared_sets import SharedSets
    from nbp_dagster.studio.storage.image_store import ImageStore
    from nbp_dagster.studio.storage.open_store import StorePlaces


def open_places(settings: Settings) -> "StorePlaces":
    """Open where a home keeps its pictures; nothing is asked of a service yet."""
    from nbp_dagster.studio.storage import open_store

    url = reveal(settings.store_url)
    folder = StudioPaths(settings.home.absolute()).store
    return open_store.open_places(folder, url, cache_gb=settings.store_cache_gb)


def open_store(settings: Settings) -> "ImageStore":
    """Open the store of pictures; needs no briefs, no service and no key."""
    return open_places(settings).images


def open_sets(settings: Settings, places: "StorePlaces | None" = None) -> "SharedSets":
    """Open the finished sets, to bring what other machines wrote.

    Args:
        settings: Home and store.
        places: The store, where it is open already.
    """
    from nbp_dagster.studio.sharing.shared_sets import SharedSets

    paths = StudioPaths(settings.home.absolute())
    return SharedSets(paths, places or open_places(settings), clock=SystemClock())


def bring_sets(settings: Settings, campaign: str | None = None, *, whole: bool = True) -> None:
    """Bring the set of a campaign, or all sets, that other machines wrote.

    A home of its own has nothing to bring, and loads nothing for it.

    Raises:
        StoreError: The store can't be asked, or the home can't be written.
    """
    if settings.store_url is None:
        return
    sets = open_sets(settings)
    if campaign is None:
        sets.bring_all(whole=whole)
    else:
        sets.bring(campaign, whole=whole)


def look_for_sets(settings: Settings) -> Callable[[], object]:
    """Return what brings the sets of other machines now and then, for a server of their pages."""
    if settings.store_url is None:
        return lambda: None
    return partial(open_sets(settings).look, whole=True)
