"""Adds accounts, the account and origin of each purchase and pin, and the ledger's identity."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add them; existing rows have no account, so every account takes them for its own."""
    for table in ("purchases", "sheet_pins"):
        op.add_column(
            table, sa.Column("account", sa.String(100), nullable=False, server_default="")
        )
    op.add_column(
        "purchases", sa.Column("origin", sa.String(200), nullable=False, server_default="")
    )
    # With the account, for the sum of a cap to read no row.
    op.drop_index("purchases_by_cost", "purchases")
    op.create_index(
        "purchases_by_cost",
        "purchases",
        [
            *("provider", "scope", "run_id", "intended_at"),
            *("state", "billed", "price_micros", "account"),
        ],
    )
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("key_hash", sa.String(32), nullable=False),
        sa.Column("origin", sa.String(200), nullable=False),
        sa.Column("added_at", sa.Float, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.UniqueConstraint("key_hash", name="one_account_a_key"),
    )
    identity = op.create_table(
        "identity",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("ledger_id", sa.String(32), nullable=False),
    )
    op.bulk_insert(identity, [{"ledger_id": uuid.uuid4().hex}])
