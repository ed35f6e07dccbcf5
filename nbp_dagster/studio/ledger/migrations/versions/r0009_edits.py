"""Adds what a person asked to be edited in a picture, and in which bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns; what was asked for before is drawn anew."""
    for name, kind in (("base", sa.String(64)), ("instruction", sa.Text())):
        op.add_column("corrections", sa.Column(name, kind, nullable=False, server_default=""))
    op.add_column("corrections", sa.Column("region", sa.JSON, nullable=True))
