"""The event log under the name that the `dagster.yaml` of existing homes gives it."""

from nbp_dagster.instance.event_log import KeptOpenEventLog

__all__ = ["KeptOpenEventLog"]
