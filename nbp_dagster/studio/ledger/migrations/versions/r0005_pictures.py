"""Adds the index of picture files, with the descriptor by which copies are found."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "pictures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("prompt_key", sa.String(400), nullable=False),
        sa.Column("brand", sa.String(200), nullable=False),
        sa.Column("campaign", sa.String(200), nullable=False),
        sa.Column("channel", sa.String(200), nullable=False),
        sa.Column("locale", sa.String(40), nullable=False),
        sa.Column("width", sa.Integer, nullable=False),
        sa.Column("height", sa.Integer, nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("provider", sa.String(20), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("generation_id", sa.String(100), nullable=False),
        sa.Column("made_at", sa.Float, nullable=True),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
        sa.UniqueConstraint("sha256", "prompt_key", name="one_row_a_file"),
    )
    op.create_index("pictures_by_prompt", "pictures", ["prompt_key"])
