"""The table of purchases as the first ledgers had it, before there were migrations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "purchases",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("scope", sa.String(200), nullable=False),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("price_micros", sa.BigInteger, nullable=False),
        sa.Column("billed", sa.Boolean, nullable=False),
        sa.Column("generation_id", sa.String(100), nullable=True),
        sa.Column("intended_at", sa.Float, nullable=False),
        sa.Column("enqueued_at", sa.Float, nullable=True),
        sa.Column("started_at", sa.Float, nullable=True),
        sa.Column("completed_at", sa.Float, nullable=True),
        sa.Column("settled_at", sa.Float, nullable=True),
        sa.Column("reason", sa.Text, nullable=True),
        sa.Column("image", sa.JSON, nullable=True),
        sa.UniqueConstraint("fingerprint", "attempt", name="one_row_an_attempt"),
        sa.UniqueConstraint("generation_id", name="one_owner_a_generation"),
    )
    for column in ("scope", "key", "state"):
        op.create_index(f"purchases_by_{column}", "purchases", [column])
