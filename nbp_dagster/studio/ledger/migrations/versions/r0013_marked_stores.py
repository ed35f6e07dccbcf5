"""Adds the stores that were seen with this ledger's mark, whichever home saw them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the table; each store is in it from its next run on."""
    op.create_table(
        "marked_stores",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("epoch", sa.String(32), nullable=False),
    )
