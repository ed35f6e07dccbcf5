"""Ledgers on both databases; a test that asks for `ledger_url` runs once on each."""

from pathlib import Path

import pytest

from tests.fakes.postgres import PostgresServer, postgres

__all__ = ["postgres"]


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a ledger that does not exist yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/home/ledger.sqlite"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.make_database()
