"""Adds the columns owner, parent, provider, shot and fresh of a purchase."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns; existing rows have no owner, so any run may resume them."""
    for column in (
        sa.Column("owner", sa.String(32), nullable=False, server_default=""),
        sa.Column("fresh", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("parent", sa.String(64), nullable=True),
        sa.Column("provider", sa.String(20), nullable=False, server_default="oxen"),
        sa.Column("shot", sa.String(200), nullable=False, server_default=""),
    ):
        op.add_column("purchases", column)
    op.create_index("purchases_by_intent", "purchases", ["intended_at"])
