"""The stored records: set manifest and per-prompt record; data only."""
