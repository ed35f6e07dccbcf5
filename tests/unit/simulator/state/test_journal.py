"""The record of earlier runs."""

from pathlib import Path

from nbp_dagster.simulator.state.journal import Journal


def test_records_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.jsonl"
    journal = Journal(path)
    journal.write("job", {"id": 1})
    journal.write("end", {"id": 1})
    journal.close()

    assert list(Journal(path).read()) == [{"kind": "job", "id": 1}, {"kind": "end", "id": 1}]


def test_a_line_cut_short_by_a_kill_is_dropped_and_writing_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"kind":"job","id":1}\n{"kind":"jo')

    journal = Journal(path)
    assert list(journal.read()) == [{"kind": "job", "id": 1}]
    journal.write("job", {"id": 2})

    assert [record["id"] for record in Journal(path).read()] == [1, 2]


def test_a_journal_without_a_path_keeps_nothing() -> None:
    journal = Journal(None)
    journal.write("job", {"id": 1})

    assert list(journal.read()) == []
