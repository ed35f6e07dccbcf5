"""Adds the log of corrections: which pictures were regenerated, and which one is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent", sa.String(64), nullable=False),
        sa.Column("original", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("checks", sa.JSON, nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("asked_at", sa.Float, nullable=False),
        sa.Column("kept", sa.String(20), nullable=True),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("parent", "original", "number", name="one_row_a_correction"),
    )
    op.create_index("corrections_by_fingerprint", "corrections", ["fingerprint"])
