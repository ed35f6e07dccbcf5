"""What each prompt's pictures are right now: one small file a prompt, read by sets and plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from pydantic import TypeAdapter, ValidationError

from nbp_dagster.studio.files import write_atomically
from nbp_dagster.studio.manifest import Picture


@dataclass(frozen=True, kw_only=True)
class PromptRecord:
    """The pictures of one prompt.

    Attributes:
        prompt_key: The partition key.
        fingerprint: The request the original was made by.
        recipe: Hash of everything the renditions were made from; equal means nothing to redo.
        pictures: One row a rendition, with its whole lineage.
        preview: Markdown image under 1000 characters, shown inline by the Dagster UI.
        thumbs: Digest of each rendition's thumbnail in the store, by the rendition's own; records
            of earlier versions name none.
    """

    prompt_key: str
    fingerprint: str
    recipe: str
    pictures: tuple[Picture, ...]
    preview: str
    thumbs: Mapping[str, str] = field(default_factory=dict)


_ADAPTER = TypeAdapter(PromptRecord)

# Inode, size and time of change (ns): a record is replaced by a new file, never written into.
_Stamp = tuple[int, int, int]


class RecordFolder:
    """Prompt records under `<root>/<prompt key>.json`, each parsed once while it stays as it is."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parsed: dict[str, tuple[_Stamp, PromptRecord | None]] = {}

    def read(self, prompt_key: str) -> PromptRecord | None:
        """Return a prompt's record; None when there is none, or one this version can't read.

        A record is derived from the store and the ledger, so an unreadable one is simply redone.
        """
        path = self._path(prompt_key)
        stamp = _stamp(path)
        if stamp is None:
            return None
        parsed = self._parsed.get(prompt_key)
        if parsed is None or parsed[0] != stamp:
            parsed = self._parsed[prompt_key] = (stamp, _parse(path))
        return parsed[1]

    def write(self, record: PromptRecord) -> None:
        """Keep a prompt's record in place of the one before.

        Raises:
            StoreError: The folder can't be written.
        """
        write_atomically(self._path(record.prompt_key), _ADAPTER.dump_json(record, indent=1))

    def _path(self, prompt_key: str) -> Path:
        return self._root / f"{prompt_key}.json"


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns) if S_ISREG(found.st_mode) else None


def _parse(path: Path) -> PromptRecord | None:
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except ValidationError:
        return None
