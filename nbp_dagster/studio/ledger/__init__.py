"""The purchase ledger: tables, one-transaction claims, budgets, pins, owners."""
