"""Prompt records: what is read is what lies in the folder now, however often it was read before."""

from dataclasses import replace
from pathlib import Path

from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord, PromptRecords
from nbp_dagster.studio.storage.documents import DocumentFolder

RECORD = PromptRecord(
    prompt_key="spring/kitchen/en/1x1/v1",
    fingerprint="f" * 64,
    recipe="one",
    pictures=(),
    preview="![](data:image/webp;base64,)",
)


def test_a_record_reads_as_it_was_written(tmp_path: Path) -> None:
    folder = PromptRecords(DocumentFolder(tmp_path))
    folder.write(RECORD)

    assert folder.read(RECORD.prompt_key) == RECORD
    assert folder.read(RECORD.prompt_key) == RECORD
    assert folder.read("spring/kitchen/en/1x1/v2") is None


def test_a_record_is_kept_parsed_only_where_it_is_asked_for_again(tmp_path: Path) -> None:
    folder = PromptRecords(DocumentFolder(tmp_path))
    folder.write(RECORD)

    once = folder.read(RECORD.prompt_key, keeps=False)

    assert once == RECORD
    kept = folder.read(RECORD.prompt_key)
    assert kept is not once
    assert folder.read(RECORD.prompt_key, keeps=False) is kept


def test_a_record_that_another_run_replaces_is_read_anew(tmp_path: Path) -> None:
    folder = PromptRecords(DocumentFolder(tmp_path))
    folder.write(RECORD)
    folder.read(RECORD.prompt_key)
    later = replace(RECORD, recipe="two")

    PromptRecords(DocumentFolder(tmp_path)).write(later)

    assert folder.read(RECORD.prompt_key) == later


def test_a_record_that_is_gone_or_unreadable_counts_as_none(tmp_path: Path) -> None:
    folder = PromptRecords(DocumentFolder(tmp_path))
    folder.write(RECORD)
    folder.read(RECORD.prompt_key)
    file = tmp_path / f"{RECORD.prompt_key}.json"

    file.write_text("{}")
    assert folder.read(RECORD.prompt_key) is None
    file.unlink()
    assert folder.read(RECORD.prompt_key) is None


def test_records_that_fall_short_are_listed_until_they_do_not(tmp_path: Path) -> None:
    folder = PromptRecords(DocumentFolder(tmp_path))
    failed = CheckFacts(
        name="asked_size", verdict="failed", sentence="too small", severity="warn", figures={}
    )
    long = replace(RECORD, prompt_key="/".join(["a" * 120] * 4), checks=(failed,))
    assert folder.list_falling_short() == ()

    folder.write(replace(RECORD, checks=(failed,)))
    folder.write(long)
    assert PromptRecords(DocumentFolder(tmp_path)).list_falling_short() == (
        long.prompt_key,
        RECORD.prompt_key,
    )

    folder.write(replace(RECORD, checks=(replace(failed, verdict="passed"),)))
    assert folder.list_falling_short() == (long.prompt_key,)
