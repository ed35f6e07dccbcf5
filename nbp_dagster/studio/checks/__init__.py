"""Every check table and what measures for it."""
