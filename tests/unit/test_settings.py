"""What the settings pass on."""

import os

import pytest

from nbp_dagster.settings import read_settings, write_event_batches


@pytest.mark.parametrize(("given", "passed"), [(None, "500"), ("7", "7"), ("0", "0")])
def test_dagster_writes_batches_unless_it_was_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: str | None, passed: str
) -> None:
    # Set first, so that it is put back whatever the code does.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", given or "")
    if given is None:
        monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")

    write_event_batches(read_settings())

    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == passed
