"""`nbp ledger` and `nbp ledger reopen`, as a person types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.engine import Engine

from nbp_dagster.cli.main import main
from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from tests.rigs.workbench import order


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The ledger's database in the home that commands use."""
    monkeypatch.setenv("NBP_HOME", str(tmp_path))
    database = open_ledger(tmp_path / "ledger.sqlite")
    yield database
    database.dispose()


@pytest.fixture
def refused(database: Engine) -> str:
    """The key of a refused prompt."""
    books = Ledger(database, clock=SystemClock())
    books.refuse(books.claim(order(1), owner="a" * 32, run_id="run", request={}), "a page")
    return order(1).key


def test_a_refusal_is_reopened_in_one_line_and_shown_by_the_ledger(refused: str) -> None:
    done = CliRunner().invoke(main, ["ledger", "reopen", refused, "--reason", "the proxy's page"])
    shown = CliRunner().invoke(main, ["ledger"])

    assert done.exit_code == 0, done.output
    first, second = done.output.splitlines()
    assert first.startswith(refused)
    assert first.endswith(": the proxy's page (was refused: a page)")
    assert second == "`nbp run` asks for it again, and may be billed for it"
    assert "reopened: submitted again by the next run (1)" in shown.output
    assert "refused: not submitted again unchanged" not in shown.output


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--reason", "x"], "the ledger has no such prompt or fingerprint"),
        ([], "Missing option '--reason'"),
    ],
)
def test_what_is_wrong_with_it_is_one_error(refused: str, words: list[str], says: str) -> None:
    done = CliRunner().invoke(main, ["ledger", "reopen", "spring/none", *words])

    assert done.exit_code != 0
    assert says in done.output
    assert "Traceback" not in done.output


@pytest.mark.usefixtures("refused")
def test_controls_in_rows_of_older_programs_do_not_reach_the_terminal(database: Engine) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE purchases SET reason = ?", ("\x1b[2J\x1b]0;title\x07 no\r\n\u202e way\x00",)
        )

    shown = CliRunner().invoke(main, ["ledger"])

    assert shown.exit_code == 0
    assert not set(shown.output) & set("\x1b\x07\r\u202e\x00")
    assert "attempt 1: [2J]0;title no way" in shown.output


def test_a_purchase_with_a_job_is_named_with_its_attempt_and_its_job_apart(
    database: Engine,
) -> None:
    books = Ledger(database, clock=SystemClock())
    claimed = books.claim(order(1), owner="a" * 32, run_id="run", request={})
    books.fail(books.record_enqueued(claimed, "2151-7f"), "it broke", billed=False)

    shown = CliRunner().invoke(main, ["ledger"])

    assert f"  {order(1).key}  attempt 1 generation 2151-7f: it broke" in shown.output.splitlines()
