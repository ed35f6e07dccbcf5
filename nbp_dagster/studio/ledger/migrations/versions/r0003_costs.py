"""Adds an index of all columns that the spend of a cap is summed from."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "purchases_by_cost",
        "purchases",
        ["provider", "scope", "run_id", "intended_at", "state", "billed", "price_micros"],
    )
