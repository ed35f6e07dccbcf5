"""The assets' keys, so that several instances can live in one code location under prefixes."""

from dataclasses import dataclass

import dagster as dg

# Names of the paid steps, as run config knows them (`ops: prompt_images: config: ...`).
PROMPT_STEP = "prompt_images"
SHEET_STEP = "character_sheets"
GROUP = "marketing"
POOL = "oxen"


@dataclass(frozen=True)
class Names:
    """Keys of every asset.

    Attributes:
        prefix: Put before every key; empty for none.
    """

    prefix: tuple[str, ...] = ()

    @property
    def brand_kits(self) -> dg.AssetKey:
        """Validated brands."""
        return self._key("brand_kits")

    @property
    def character_sheets(self) -> dg.AssetKey:
        """The images every picture of a character is anchored to."""
        return self._key("character_sheets")

    @property
    def image_requests(self) -> dg.AssetKey:
        """Compiled requests."""
        return self._key("image_requests")

    @property
    def generated_images(self) -> dg.AssetKey:
        """Paid originals."""
        return self._key("generated_images")

    @property
    def channel_images(self) -> dg.AssetKey:
        """Renditions."""
        return self._key("channel_images")

    @property
    def campaign_sets(self) -> dg.AssetKey:
        """Manifest, contact sheet and gallery."""
        return self._key("campaign_sets")

    @property
    def published_sets(self) -> dg.AssetKey:
        """Commits in an Oxen repository."""
        return self._key("published_sets")

    def _key(self, name: str) -> dg.AssetKey:
        return dg.AssetKey([*self.prefix, name])


def list_keys(names: Names) -> frozenset[dg.AssetKey]:
    """Return the keys of all assets."""
    return frozenset(
        {
            names.brand_kits,
            names.character_sheets,
            names.image_requests,
            names.generated_images,
            names.channel_images,
            names.campaign_sets,
            names.published_sets,
        }
    )


def scoped(names: Names, name: str) -> str:
    """Return the name of a step or a resource under the prefix, joined as Dagster joins its own."""
    return "__".join([*names.prefix, name])
