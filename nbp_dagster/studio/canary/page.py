"""The page of a comparison: each shot once, its two pictures side by side; buys nothing."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

from markupsafe import Markup

from nbp_dagster.studio.canary.comparison import CanaryPicture, CanarySide
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.imaging.thumbnails import thumbnail
from nbp_dagster.studio.sets.html_templates import (
    hash_inline,
    inline_picture,
    open_templates,
    read_part,
)
from nbp_dagster.studio.storage.files import write_atomically
from nbp_dagster.studio.storage.image_store import ImageStore

# Pixels of the longer side of a picture on the page.
_SIDE = 1024


def write_canary_page(
    home: Path, campaign: str, sides: Sequence[CanarySide], *, store: ImageStore, simulated: bool
) -> Path:
    """Write the page of a comparison and return its path, below the home's `canary/`.

    Args:
        home: The folder of all state.
        campaign: Id of the campaign.
        sides: The campaign's own model, then the other; as many pictures each.
        store: Holds the originals.
        simulated: Whether the simulator drew them.

    Raises:
        NbpError: An original can't be read, or the page can't be written.
    """
    style = read_part("sheet.css")
    rows = zip(*(side.pictures for side in sides), strict=True)
    text = (
        open_templates()
        .get_template("canary.html.j2")
        .render(
            campaign=campaign,
            simulated=simulated,
            sides=[_total(side) for side in sides],
            shots=[
                {
                    "name": row[0].prompt_key.split("/")[1],
                    "pictures": [
                        _picture(side.model, item, store)
                        for side, item in zip(sides, row, strict=True)
                    ],
                }
                for row in rows
            ],
            policy=f"default-src 'none'; img-src data:; style-src {hash_inline(style)}",
            style=Markup(style),
        )
    )
    page = home / "canary" / campaign / f"{quote(sides[-1].model, safe='')}.html"
    # Pictures that nobody has released.
    write_atomically(page, text.encode(), private_in=home / "canary")
    return page


def _total(side: CanarySide) -> dict[str, Any]:
    return {
        "model": side.model,
        "left_out": ", ".join(side.left_out),
        "made": len(side.made),
        "of": len(side.pictures),
        "failing": side.failing,
        "usd": f"{sum((item.price_usd for item in side.made), Decimal(0)):.2f}",
        "spent": f"{side.spent_usd:.2f}",
    }


def _picture(model: str, item: CanaryPicture, store: ImageStore) -> dict[str, Any]:
    source = ""
    if item.original is not None:
        image = decode_image(store.get(item.original), what=f"{item.prompt_key} of {model}").image
        source = inline_picture(thumbnail(image, _SIDE))
    return {
        "model": model,
        "key": item.prompt_key,
        "source": source,
        "price": f"{item.price_usd:.4f}".rstrip("0").rstrip("."),
        "bought": "bought now" if item.is_new else "paid before",
        "problem": item.problem,
        "failed": item.failed,
        "likenesses": item.likenesses,
    }
