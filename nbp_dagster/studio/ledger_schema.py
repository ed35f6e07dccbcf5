"""The ledger's one table, and how its database is opened; no rule about money lives here."""

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlalchemy.pool import ConnectionPoolEntry

metadata = sa.MetaData()

# One row is one attempt to buy one fingerprint. Rows are never deleted: they are the audit trail.
purchases = sa.Table(
    "purchases",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("key", sa.String(400), nullable=False),
    sa.Column("scope", sa.String(200), nullable=False),
    sa.Column("run_id", sa.String(100), nullable=False),
    sa.Column("model", sa.String(200), nullable=False),
    sa.Column("request", sa.JSON, nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    # Millionths of a US dollar: whole numbers add up exactly.
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
    # Two attempts of one number, or two owners of one job, can't both be written.
    sa.UniqueConstraint("fingerprint", "attempt", name="one_row_an_attempt"),
    sa.UniqueConstraint("generation_id", name="one_owner_a_generation"),
    sa.Index("purchases_by_scope", "scope"),
    sa.Index("purchases_by_key", "key"),
    sa.Index("purchases_by_state", "state"),
)


def open_sqlite(path: Path) -> Engine:
    """Open (and make, when new) the ledger file, safe for several threads and processes.

    Args:
        path: The SQLite file; its folder is made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 30})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    metadata.create_all(engine)
    return engine


def _prepare_sqlite(connection: object, _entry: ConnectionPoolEntry) -> None:
    """Readers beside one writer, and a commit that survives a power cut (seconds: 30 to wait)."""
    cursor = connection.cursor()  # type: ignore[attr-defined]  # the driver's own connection
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
