"""A note in a home's cache: which store, behind which URL, the home has sent its pictures to."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from nbp_dagster.studio.storage.files import write_atomically

_NOTE = "shared.json"


@dataclass(frozen=True)
class StoreNote:
    """What a home knows of its store; names are URLs without user and password.

    Attributes:
        store: The store to which all pictures of the cache went, or are marked to be sent.
        marked: The store that was seen with the mark of the home's ledger.
        epoch: What the ledger called that store's time; another one since it was said to be new.
    """

    store: str = ""
    marked: str = ""
    epoch: str = ""


def note_path(folder: Path) -> Path:
    """Return where the note of a cache is."""
    return folder / _NOTE


def read_note(folder: Path) -> StoreNote:
    """Return the note of a cache; an empty one where there is none, or none that can be read."""
    try:
        found = json.loads(note_path(folder).read_bytes())
        return StoreNote(*(str(found.get(name, "")) for name in ("store", "marked", "epoch")))
    except (OSError, ValueError, AttributeError):
        return StoreNote()


def write_note(folder: Path, **news: str) -> None:
    """Write what is known now beside what was.

    Args:
        folder: The cache.
        news: Attributes of `StoreNote`.

    Raises:
        StoreError: The note can't be written.
    """
    known = read_note(folder)
    note = replace(known, **news)
    if note != known:
        write_atomically(note_path(folder), json.dumps(asdict(note)).encode(), private_in=folder)
