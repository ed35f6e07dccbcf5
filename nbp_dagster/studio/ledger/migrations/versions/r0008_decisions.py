"""Adds what people decided about the pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the table; every picture of an older ledger is pending."""
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("prompt_key", sa.String(400), nullable=False),
        sa.Column("brand", sa.String(200), nullable=False),
        sa.Column("campaign", sa.String(200), nullable=False),
        sa.Column("channel", sa.String(200), nullable=False),
        sa.Column("locale", sa.String(40), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(20), nullable=False),
        sa.Column("fault", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("seen", sa.JSON, nullable=False),
        sa.Column("decided_at", sa.Float, nullable=False),
        sa.UniqueConstraint(
            *("prompt_key", "channel", "locale", "sha256", "number"), name="one_row_a_verdict"
        ),
    )
    op.create_index("decisions_by_campaign", "decisions", ["campaign"])
