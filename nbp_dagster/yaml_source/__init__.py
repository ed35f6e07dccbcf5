"""YAML files as data with line numbers, and errors with file and line."""
