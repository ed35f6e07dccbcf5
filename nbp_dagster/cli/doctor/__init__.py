"""What `nbp doctor` looks at: each module one part of an installation; none changes it."""
