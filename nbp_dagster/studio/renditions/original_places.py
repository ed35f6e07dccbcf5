"""Finds heads and subject of an original once, and answers from its record afterwards."""

import logging

from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.studio.imaging.places import (
    PLACES_VERSION,
    Places,
    can_find_places,
    find_places,
)
from nbp_dagster.studio.imaging.resize import Pyramid
from nbp_dagster.studio.ledger.orders import Made
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.options import ReadWhen

logger = logging.getLogger(__name__)

_LOOKED_AT_SIDE = 448  # pixels of the longer side of the copy that the subject is found on


def settle_places(
    request: ImageRequest,
    made: Made,
    original: Pyramid,
    record: PromptRecord | None,
    *,
    when: ReadWhen = "auto",
) -> Places | None:
    """Return the places of an original: the record's, else found now.

    What was found once is kept, so that removing the extra changes no crop. The simulator's own
    figures have no faces that a network knows: its pictures are looked at where that is asked for.

    Args:
        request: The request it was bought with.
        made: The original.
        original: Its pixels.
        record: The prompt's record; its places may be of another original.
        when: See `StudioOptions.places`.

    Returns:
        None where they were never found, and can't be here.
    """
    known = None if record is None else record.places
    if known is not None and known.original != made.image.sha256:
        known = None
    if known is not None and known.version == PLACES_VERSION:
        return known
    is_wanted = when == "on" or (when == "auto" and request.provider != "simulator")
    if not is_wanted or not can_find_places():
        return known
    small = original.reduced(longer=_LOOKED_AT_SIDE)
    try:
        return find_places(original.levels[0], small, original=made.image.sha256)
    except Exception as error:  # noqa: BLE001 - a network's crash costs no paid picture
        logger.warning("crops follow saliency alone: %s", error)
        return known
