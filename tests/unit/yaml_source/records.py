"""Reads small texts as records of a test's own."""

from pathlib import Path

from pydantic import BaseModel

from nbp_dagster.yaml_source.document import parse_document
from nbp_dagster.yaml_source.validation import check_record


def list_problems(record: type[BaseModel], text: str) -> list[str]:
    """Return every problem of a text: of its YAML alone, where that can't be read."""
    parsed, problems = parse_document(f"{text}\n".encode(), file="x", path=Path("x"))
    if parsed is None:
        return [str(problem) for problem in problems]
    _, more = check_record(record, parsed)
    return [str(problem) for problem in (*problems, *more)]
