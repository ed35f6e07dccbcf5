"""Fixtures that the tests of the ledger share."""

from collections.abc import Iterator

import pytest
from sqlalchemy.engine import Engine

from tests.unit.studio.ledger.databases import (
    opened,
)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Engine]:
    with opened(ledger_url) as engine:
        yield engine
