"""Dagster's console logger that writes the events and logs of runs as JSON."""

import logging
from collections.abc import Iterable

import dagster as dg

from nbp_dagster.telemetry.json_logs import JsonHandler


def build_json_logger(secrets: Iterable[str]) -> dg.LoggerDefinition:
    """Return a logger for `Definitions(loggers={"console": ...})`.

    Args:
        secrets: Values that no line may hold.
    """
    hidden = tuple(secrets)

    @dg.logger(
        config_schema={
            "log_level": dg.Field(str, default_value="INFO", description="The least level told.")
        },
        description="Writes the events and logs of runs to the error stream, one JSON line each.",
    )
    def json_console(context: dg.InitLoggerContext) -> logging.Logger:
        # Not one of the process's tree: its records would be written by the root's handler, too.
        made = logging.Logger("dagster", level=context.logger_config["log_level"].upper())
        made.addHandler(JsonHandler(hidden))
        return made

    return json_console
