"""The commands for writing briefs: `nbp new`, `nbp schema`, `nbp watch`, and how they ask."""
