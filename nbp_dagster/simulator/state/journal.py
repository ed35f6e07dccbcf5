"""An append-only file of JSON lines, from which a restarted simulator restores its state."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO


class Journal:
    """Writes one JSON object a line; without a path it keeps nothing.

    A line is handed to the operating system at once, so it survives the death of the process.
    It is not synced to the disk: a simulator needs no more.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield what earlier runs wrote; a last line cut short by a kill is dropped for good."""
        if self._path is None or not self._path.is_file():
            return
        lines = self._path.read_bytes().split(b"\n")
        if lines[-1]:
            self._path.write_bytes(b"".join(line + b"\n" for line in lines[:-1]))
        for line in lines[:-1]:
            yield json.loads(line)

    def write(self, kind: str, record: Mapping[str, Any]) -> None:
        """Append one record under a kind."""
        if self._path is None:
            return
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
        self._file.write(json.dumps({"kind": kind, **record}, separators=(",", ":")) + "\n")
        self._file.flush()

    def clear(self) -> None:
        """Forget everything written."""
        self.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file; a later write opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None
