"""Adds what machines share beside purchases: records and other documents, and rate limits."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the tables; each home hands the files it has over when it opens the ledger."""
    op.create_table(
        "shared_documents",
        sa.Column("kind", sa.String(40), primary_key=True),
        sa.Column("name", sa.String(400), primary_key=True),
        sa.Column("folder", sa.String(200), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("flagged", sa.Boolean, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("written_at", sa.Float, nullable=False),
    )
    op.create_index("documents_by_folder", "shared_documents", ["kind", "folder", "name", "digest"])
    op.create_index("documents_by_flag", "shared_documents", ["kind", "flagged", "name"])
    op.create_table(
        "rate_states",
        sa.Column("payer", sa.String(64), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
