"""What a run may be told: about money, and about checks that can't look."""

from decimal import Decimal

import dagster as dg
from pydantic import Field


class BuyingConfig(dg.Config):
    """Run config of the paid steps."""

    budget_usd: float | None = Field(
        default=None,
        description="Most USD this run may spend, beside the campaign's and the day's budgets.",
    )
    fresh: bool = Field(
        default=False,
        description="Buy again what earlier runs have made. The ledger says that it was meant.",
    )

    @property
    def budget(self) -> Decimal | None:
        """The budget as exact money."""
        return None if self.budget_usd is None else Decimal(str(self.budget_usd))


class PromptConfig(BuyingConfig):
    """Run config of the step that makes and checks the pictures of prompts."""

    strict: bool = Field(
        default=False,
        description="Whether a check that is skipped because an extra is not installed has "
        "failed; NBP_STRICT says so for every run.",
    )
