"""The `nbp` command."""
