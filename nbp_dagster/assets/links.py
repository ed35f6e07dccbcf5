"""Links from a partition to those it was made from, as the Dagster UI follows them."""

from collections.abc import Iterable, Mapping
from urllib.parse import quote

import dagster as dg

from nbp_dagster.assets.names import Names


def link_brand(names: Names, brand: str) -> str:
    """Return the link to a brand's kit, as Markdown."""
    return _link(names.brand_kits, brand, f"brand kit of {brand}")


def link_sheets(names: Names, sheets: Iterable[str]) -> list[str]:
    """Return the links to character sheets (`brand/character`), as Markdown."""
    return [_link(names.character_sheets, key, f"character sheet of {key}") for key in sheets]


def link_request(names: Names, prompt: str) -> str:
    """Return the link to a prompt's request, as Markdown."""
    return _link(names.image_requests, prompt, "request")


def link_image(names: Names, prompt: str) -> str:
    """Return the link to a prompt's paid original, as Markdown."""
    return _link(names.generated_images, prompt, "original")


def made_from(*links: str) -> Mapping[str, dg.MetadataValue]:
    """Return the metadata that shows the links, the nearest first."""
    return {"made_from": dg.MetadataValue.md(", ".join(links))}


def _link(asset: dg.AssetKey, partition: str, text: str) -> str:
    # From the root of the webserver: a definition does not know its address.
    page = "/".join(quote(part, safe="") for part in asset.path)
    return f"[{text}](/assets/{page}?view=partitions&partition={quote(partition, safe='')})"
