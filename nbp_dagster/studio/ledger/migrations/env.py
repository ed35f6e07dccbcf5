"""Runs migrations on the connection it is handed; opens no database and commits nothing itself."""

from alembic import context

from nbp_dagster.studio.ledger.schema import metadata

# Whoever opened the ledger owns the transaction around all of this: it ends as a whole or not at
# all, and no other process is inside one at the same time.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
