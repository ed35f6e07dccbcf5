"""Records of each prompt's present pictures: one small JSON document per prompt."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pydantic import TypeAdapter, ValidationError

from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.manifest.likeness_facts import LikenessFacts
from nbp_dagster.studio.manifest.manifest import CheckFacts, Picture
from nbp_dagster.studio.manifest.value_types import Reading, WordBox
from nbp_dagster.studio.storage.documents import Documents


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


_ADAPTER = TypeAdapter(PromptRecord)


def version_of(recipe: str, measured: str) -> str:
    """Return the data version of a prompt's renditions, measured or not."""
    return f"{recipe[:32]}-{measured[:32]}" if measured else recipe


def judge_strictly(check: CheckFacts) -> CheckFacts:
    """Return a check as strict runs judge it: skipped for lack of an extra is an error."""
    if check.verdict != "skipped" or not check.missing_extra:
        return check
    return replace(check, verdict="failed", severity="error")


class PromptRecords:
    """The record of each prompt, by its key, parsed once while it is unchanged.

    Args:
        documents: Where they are kept; a record with a failed check is flagged, so that those are
            found without reading all.
    """

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._parsed: dict[str, tuple[Hashable, PromptRecord | None]] = {}

    def read(self, prompt_key: str, *, keeps: bool = True) -> PromptRecord | None:
        """Return a prompt's record; None when there is none, or one this version can't read.

        A record is derived from the store and the ledger, so an unreadable one is made again.

        Args:
            prompt_key: The partition key.
            keeps: Whether it is asked for again; not where many are looked through once.
        """
        found = self._documents.find(prompt_key)
        if found is None:
            return None
        parsed = self._parsed.get(prompt_key)
        if parsed is None or parsed[0] != found.stamp:
            data = found.read()
            parsed = (found.stamp, None if data is None else _parse(data))
            if keeps:
                self._parsed[prompt_key] = parsed
        return parsed[1]

    def write(self, record: PromptRecord) -> None:
        """Write a prompt's record in place of the one before.

        It is not synced to disk: one that a power cut destroys is made again, like a missing one.

        Raises:
            StoreError: The folder can't be written.
            LedgerDatabaseError: The database that machines share can't be written.
        """
        data = _ADAPTER.dump_json(record, indent=1)
        self._documents.write(record.prompt_key, data, is_flagged=record.falls_short)

    def refresh(self) -> None:
        """Have records that other machines wrote until now found from here on."""
        self._documents.refresh()

    def list_keys(self) -> tuple[str, ...]:
        """Return the keys of all records, those of edited briefs too, sorted."""
        return self._documents.list_names()

    def list_falling_short(self) -> tuple[str, ...]:
        """Return the keys of the prompts whose record has a failed check, sorted."""
        return self._documents.list_flagged()

    def written_at(self, prompt_key: str) -> float:
        """Return when a record was written, in seconds since the epoch."""
        return self._documents.written_at(prompt_key)


def _parse(data: bytes) -> PromptRecord | None:
    try:
        return _ADAPTER.validate_json(data)
    except ValidationError:
        return None
