"""What `nbp doctor` looks at: each module one part of an installation, all of it read-only."""
