"""What each prompt's pictures are right now: one small file a prompt, read by sets and plans."""

from dataclasses import dataclass
from pathlib import Path

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
    """

    prompt_key: str
    fingerprint: str
    recipe: str
    pictures: tuple[Picture, ...]
    preview: str


_ADAPTER = TypeAdapter(PromptRecord)


class RecordFolder:
    """Prompt records under `<root>/<prompt key>.json`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, prompt_key: str) -> PromptRecord | None:
        """Return a prompt's record; None when there is none, or one this version can't read.

        A record is derived from the store and the ledger, so an unreadable one is simply redone.
        """
        path = self._path(prompt_key)
        if not path.is_file():
            return None
        try:
            return _ADAPTER.validate_json(path.read_bytes())
        except ValidationError:
            return None

    def write(self, record: PromptRecord) -> None:
        """Keep a prompt's record in place of the one before.

        Raises:
            StoreError: The folder can't be written.
        """
        write_atomically(self._path(record.prompt_key), _ADAPTER.dump_json(record, indent=1))

    def _path(self, prompt_key: str) -> Path:
        return self._root / f"{prompt_key}.json"
