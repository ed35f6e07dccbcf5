"""The components of this package, as `dg` finds them; the one place with a second import path."""

from nbp_dagster.components.component import BrandCampaigns

__all__ = ["BrandCampaigns"]
