"""The ledger's table as it is now; how a database gets it, and the rules, live elsewhere."""

import sqlalchemy as sa

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
    # Stamps are seconds since the epoch.
    sa.Column("intended_at", sa.Float, nullable=False),
    sa.Column("enqueued_at", sa.Float, nullable=True),
    sa.Column("started_at", sa.Float, nullable=True),
    sa.Column("completed_at", sa.Float, nullable=True),
    sa.Column("settled_at", sa.Float, nullable=True),
    sa.Column("reason", sa.Text, nullable=True),
    # Without `none_as_null`, None would be written as the JSON text "null".
    sa.Column("image", sa.JSON(none_as_null=True), nullable=True),
    # The presence (uuid4 as hex) that works on the row; "" is nobody, as in rows of old ledgers.
    sa.Column("owner", sa.String(32), nullable=False, server_default=""),
    # Whether it was made already and is bought again on purpose.
    sa.Column("fresh", sa.Boolean, nullable=False, server_default=sa.false()),
    # The fingerprint whose refused request this one was rewritten from.
    sa.Column("parent", sa.String(64), nullable=True),
    # Who draws: what the simulator "costs" is not money.
    sa.Column("provider", sa.String(20), nullable=False, server_default="oxen"),
    sa.Column("shot", sa.String(200), nullable=False, server_default=""),
    # Two attempts of one number, or two owners of one job, can't both be written.
    sa.UniqueConstraint("fingerprint", "attempt", name="one_row_an_attempt"),
    sa.UniqueConstraint("generation_id", name="one_owner_a_generation"),
    sa.Index("purchases_by_scope", "scope"),
    sa.Index("purchases_by_key", "key"),
    sa.Index("purchases_by_state", "state"),
    sa.Index("purchases_by_intent", "intended_at"),
    # All that a cap asks for: it is summed up without a look at the rows, which hold prompts.
    sa.Index(
        "purchases_by_cost",
        *("provider", "scope", "run_id", "intended_at"),
        *("state", "billed", "price_micros"),
    ),
)
