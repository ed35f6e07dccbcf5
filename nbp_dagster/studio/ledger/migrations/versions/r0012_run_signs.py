"""Adds the runs: who works, on which machine, and when it last gave a sign of life."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the table; runs of an older version give no signs."""
    op.create_table(
        "run_signs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("run_id", sa.String(100), nullable=False),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("beat_at", sa.Float, nullable=False),
        sa.Column("ended_at", sa.Float, nullable=True),
        sa.Column("given_up_at", sa.Float, nullable=True),
        sa.Column("prompts_done_at", sa.Float, nullable=True),
        sa.Column("lacking", sa.JSON, nullable=True),
    )
    op.create_index("run_signs_by_run", "run_signs", ["run_id"])
    op.create_index("run_signs_by_beat", "run_signs", ["beat_at"])
