"""Empty: `dg` looks for a project's definitions here; ours are in the root's definitions.py."""
