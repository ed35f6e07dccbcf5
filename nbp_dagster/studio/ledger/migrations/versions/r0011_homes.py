"""Adds the homes that use a shared ledger."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Make the table; each home adds itself when it opens the ledger."""
    op.create_table(
        "homes",
        sa.Column("home_id", sa.String(32), primary_key=True),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("folder", sa.Text, nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("opened_at", sa.Float, nullable=False),
    )
