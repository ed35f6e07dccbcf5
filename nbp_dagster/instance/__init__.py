"""Dagster's own home: the event-log class and the packaged `dagster.yaml`."""
