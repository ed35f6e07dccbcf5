"""Records of each prompt's present pictures: one small JSON file per prompt."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import CheckFacts, Picture
from nbp_dagster.studio.manifest.value_types import Reading, WordBox
from nbp_dagster.studio.storage.files import Stamp, stamp_of, translate_errors, write_atomically


@dataclass(frozen=True, kw_only=True)
class PromptRecord:
    """The pictures of one prompt.

    Attributes:
        prompt_key: The partition key.
        fingerprint: The request the original was bought with.
        recipe: Hash of everything the renditions were made from; equal means up to date.
        pictures: One row a rendition, with its lineage.
        preview: Markdown image under 1000 characters, shown inline by the Dagster UI.
        thumbs: Digest of each rendition's thumbnail in the store, by the rendition's own; records
            of earlier versions name none.
        measured: Hash of everything the original was measured by; equal means up to date, empty
            that nothing was measured.
        checks: The checks of the original, once for all its renditions.
        likenesses: One row a character of the shot, in the shot's order.
        words: Boxes of copy on the original that no crop may cut, in fractions of its sides.
        reading: The text read on the original; None where it was not read.
        places: Heads and subject of the original; None where nobody looked for them.
        sketch: Descriptors of the original, base64; see `descriptors`. Empty in older records.
    """

    prompt_key: str
    fingerprint: str
    recipe: str
    pictures: tuple[Picture, ...]
    preview: str
    thumbs: Mapping[str, str] = field(default_factory=dict)
    measured: str = ""
    checks: tuple[CheckFacts, ...] = ()
    likenesses: tuple[LikenessFacts, ...] = ()
    words: tuple[WordBox, ...] = ()
    reading: Reading | None = None
    places: Places | None = None
    sketch: str = ""

    @property
    def data_version(self) -> str:
        """The data version for Dagster: of the renditions and of what was measured."""
        return version_of(self.recipe, self.measured)

    @property
    def failed_checks(self) -> tuple[CheckFacts, ...]:
        """The checks of the original that it did not pass."""
        return tuple(check for check in self.checks if check.verdict == "failed")

    @property
    def all_checks(self) -> Iterator[CheckFacts]:
        """The checks of the original and of every rendition."""
        yield from self.checks
        for row in self.pictures:
            yield from row.checks

    @property
    def falls_short(self) -> bool:
        """Whether its original or a rendition of it failed a check."""
        return bool(self.failed_checks) or any(row.failed_checks for row in self.pictures)


_SHORT = ".falling_short"

_ADAPTER = TypeAdapter(PromptRecord)


def version_of(recipe: str, measured: str) -> str:
    """Return the data version of a prompt's renditions, measured or not."""
    return f"{recipe[:32]}-{measured[:32]}" if measured else recipe


def judge_strictly(check: CheckFacts) -> CheckFacts:
    """Return a check as strict runs judge it: skipped for lack of an extra is an error."""
    if check.verdict != "skipped" or not check.missing_extra:
        return check
    return replace(check, verdict="failed", severity="error")


class RecordFolder:
    """Prompt records under `<root>/<prompt key>.json`, each parsed once while it is unchanged.

    A file of `<root>/.falling_short` stands for each record with a failed check, so that
    those are found without reading all.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._parsed: dict[str, tuple[Stamp, PromptRecord | None]] = {}

    def read(self, prompt_key: str) -> PromptRecord | None:
        """Return a prompt's record; None when there is none, or one this version can't read.

        A record is derived from the store and the ledger, so an unreadable one is made again.
        """
        path = self._path(prompt_key)
        stamp = stamp_of(path)
        if stamp is None:
            return None
        parsed = self._parsed.get(prompt_key)
        if parsed is None or parsed[0] != stamp:
            parsed = self._parsed[prompt_key] = (stamp, _parse(path))
        return parsed[1]

    def write(self, record: PromptRecord) -> None:
        """Write a prompt's record in place of the one before.

        It is not synced to disk: one that a power cut destroys is made again, like a missing one.

        Raises:
            StoreError: The folder can't be written.
        """
        data = _ADAPTER.dump_json(record, indent=1)
        path = self._path(record.prompt_key)
        write_atomically(path, data, sync=False, private_in=self._root)
        key = record.prompt_key.encode()
        # A key is longer than a file's name may be.
        mark = self._root / _SHORT / hashlib.sha256(key).hexdigest()
        if record.falls_short:
            write_atomically(mark, key, sync=False, private_in=self._root)
        else:
            with translate_errors(mark):
                mark.unlink(missing_ok=True)

    def list_falling_short(self) -> tuple[str, ...]:
        """Return the keys of the prompts whose record has a failed check, sorted."""
        keys = []
        for mark in (self._root / _SHORT).glob("*"):
            # Another run may take it away meanwhile.
            with suppress(OSError, UnicodeDecodeError):
                keys.append(mark.read_text("utf-8"))
        return tuple(sorted(keys))

    def _path(self, prompt_key: str) -> Path:
        return self._root / f"{prompt_key}.json"


def _parse(path: Path) -> PromptRecord | None:
    try:
        return _ADAPTER.validate_json(path.read_bytes())
    except ValidationError:
        return None
