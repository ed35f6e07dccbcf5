"""What the settings pass on."""

import os

import pytest

from nbp_dagster.project import build_oxen
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


@pytest.mark.parametrize(("given", "allowed"), [(None, False), ("true", True), ("false", False)])
def test_http_elsewhere_is_allowed_by_its_setting_alone(
    monkeypatch: pytest.MonkeyPatch, given: str | None, allowed: bool
) -> None:
    monkeypatch.setenv("NBP_MODE", "live")
    monkeypatch.delenv("NBP_ALLOW_HTTP", raising=False)
    if given is not None:
        monkeypatch.setenv("NBP_ALLOW_HTTP", given)

    assert build_oxen(read_settings()).allow_http is allowed
