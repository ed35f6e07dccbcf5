"""The `nbp` command: its commands, what they open, and how they print it."""
