"""Adds the log of pinned character sheets."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table, and pin every sheet that pictures were made with before."""
    pins = op.create_table(
        "sheet_pins",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("made_for", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("key", sa.String(400), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("pinned_at", sa.Float, nullable=False),
        sa.UniqueConstraint("made_for", "number", name="one_row_a_decision"),
    )
    purchases = sa.table(
        "purchases",
        *(sa.column(name) for name in ("id", "fingerprint", "key", "scope", "state")),
        sa.column("image", sa.JSON),
        sa.column("intended_at", sa.Float),
    )
    sheets = sa.select(purchases).where(
        purchases.c.scope.like("brand:%"), purchases.c.state == "made"
    )
    # The last image of a request is the one that was in use.
    used = {row.fingerprint: row for row in op.get_bind().execute(sheets.order_by(purchases.c.id))}
    for row in used.values():
        decision = {
            "made_for": row.fingerprint,
            "number": 1,
            "key": row.key,
            "digest": row.image["sha256"],
            "action": "migrated",
            "who": "nbp-dagster",
            "reason": "in use before sheets were pinned",
            "pinned_at": row.intended_at,
        }
        op.get_bind().execute(pins.insert(), decision)
