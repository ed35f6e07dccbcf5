"""YAML files as data that remember their lines, and errors told with file and line."""
