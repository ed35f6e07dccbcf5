"""Runs Alembic migrations on a given connection; opens no database and commits nothing itself."""

from alembic import context

from nbp_dagster.studio.ledger.schema import metadata

# `database.open_ledger` owns the transaction around all migrations: it commits all or none of them,
# and no other process migrates at the same time.
context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
