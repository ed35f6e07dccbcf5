"""Log records as one JSON object a line, with ids and without secrets; must not know Dagster."""

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from nbp_dagster.foreign_text import redact
from nbp_dagster.telemetry.log_ids import current_ids

# Longer texts are cut: a line must stay one that collectors take.
_MOST_CHARS = 4_000


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON.

    Keys: `time` (UTC, ISO 8601), `level`, `logger`, `message`; where they are known `run_id`,
    `step`, `prompt` and `generation_id`; `error` with the traceback of an exception.

    Args:
        secrets: Values that no line may hold.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without a line break."""
        dagster: Mapping[str, Any] = getattr(record, "dagster_meta", None) or {}
        message = str(dagster.get("orig_message") or record.getMessage())
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(message),
            **_ids_of(dagster),
            **current_ids(),
        }
        if record.exc_info:
            line["error"] = self._redact(self.formatException(record.exc_info))
        elif dagster:
            error = _error_of(dagster)
            line |= {"error": self._redact(error)} if error else {}
        return json.dumps(line, ensure_ascii=False)

    def _redact(self, text: str) -> str:
        return redact(text, secrets=self._secrets, max_chars=_MOST_CHARS)


class JsonHandler(logging.StreamHandler[TextIO]):
    """Writes records to the error stream as JSON.

    Args:
        secrets: Values that no line may hold.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__(sys.stderr)
        self.setFormatter(JsonFormatter(secrets))


def set_up_json_logs(secrets: Iterable[str]) -> None:
    """Have all Python logs of this process written as JSON; once, however often it is called."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if isinstance(handler, JsonHandler):
            root.removeHandler(handler)
    root.addHandler(JsonHandler(secrets))
    ours = logging.getLogger("nbp_dagster")
    ours.setLevel(min(ours.getEffectiveLevel(), logging.INFO))


def _ids_of(dagster: Mapping[str, Any]) -> dict[str, str]:
    """Return the ids of a record that Dagster wrote for a run."""
    event = dagster.get("dagster_event")
    found = {
        "run_id": dagster.get("run_id"),
        "step": dagster.get("step_key"),
        "prompt": getattr(event, "partition", None),
        "event": getattr(event, "event_type_value", None),
    }
    return {name: str(value) for name, value in found.items() if value}


def _error_of(dagster: Mapping[str, Any]) -> str:
    data = getattr(dagster.get("dagster_event"), "event_specific_data", None)
    error = getattr(data, "error", None)
    return "" if error is None else str(error.to_string())
