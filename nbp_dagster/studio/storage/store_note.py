"""A note in a home's cache: which store, behind which URL, the home has sent its pictures to."""

import json
from pathlib import Path

from nbp_dagster.studio.storage.files import write_atomically

_NOTE = "shared.json"


def note_path(folder: Path) -> Path:
    """Return where the note of a cache is, for messages."""
    return folder / _NOTE


def read_note(folder: Path) -> str | None:
    """Return the store's name, without user and password; None where there is no note."""
    try:
        note = json.loads(note_path(folder).read_bytes())
    except (OSError, ValueError):
        return None
    name = note.get("store") if isinstance(note, dict) else None
    return name if isinstance(name, str) else None


def write_note(folder: Path, name: str) -> None:
    """Write down that all pictures of the cache are at this store, or marked to be sent there.

    Raises:
        StoreError: The note can't be written.
    """
    note = json.dumps({"store": name}).encode()
    write_atomically(note_path(folder), note, private_in=folder)
