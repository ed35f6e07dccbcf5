"""The service and the studio as Dagster resources."""
