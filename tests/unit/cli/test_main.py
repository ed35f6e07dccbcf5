"""What each command imports: a command that needs no Dagster starts without it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbp_dagster.cli.main import main
from tests.rigs.briefs import campaign, shot, write_briefs

# Packages that take 50 ms or more to import; Dagster alone takes more than a second.
HEAVY = {
    "PIL",
    "alembic",
    "dagster",
    "fontTools",
    "jinja2",
    "numpy",
    "requests",
    "rich",
    "sqlalchemy",
    "starlette",
}
# Each with what it may import of them; a new ledger is brought up to date by Alembic.
MAY_IMPORT = {
    ("gallery",): set[str](),
    ("validate",): {"PIL", "fontTools"},
    ("ledger",): {"sqlalchemy", "alembic"},
    ("whois", "note.txt"): {"sqlalchemy", "alembic", "PIL", "numpy"},
    ("sheets",): {"sqlalchemy", "alembic", "PIL", "fontTools", "requests"},
    ("sheets", "show", "hilltop/ada"): HEAVY - {"dagster", "rich", "numpy", "starlette"},
    ("plan",): HEAVY - {"dagster", "rich"},
}
_SCRIPT = """
import sys
from nbp_dagster.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("imported", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_briefs(tmp_path / "briefs", campaign(shot("kitchen"), locales=["en"]))
    (tmp_path / "note.txt").write_text("no picture", encoding="utf-8")
    return tmp_path


def imported_by(folder: Path, *words: str) -> set[str]:
    """Run `nbp` in a process of its own and return the top-level packages it imported."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *words],
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("NBP_")},
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "NBP_CONFIG": str(folder / "briefs"),
            "NBP_HOME": str(folder / "home"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    last = done.stderr.splitlines()[-1].split()
    assert last[0] == "imported", done.stderr
    return set(last)


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), *((name, "--help") for name in sorted(main.commands))]
)
def test_help_imports_nothing_heavy(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert not imported_by(tmp_path, *words) & HEAVY


@pytest.mark.parametrize("words", MAY_IMPORT)
def test_a_command_imports_only_what_it_uses(folder: Path, words: tuple[str, ...]) -> None:
    assert not imported_by(folder, *words) & HEAVY - MAY_IMPORT[words]


@pytest.mark.parametrize("amount", ["nan", "-nan", "inf", "1e400", "0", "-1", "ten"])
def test_a_budget_is_an_amount(amount: str) -> None:
    done = CliRunner().invoke(main, ["run", f"--budget={amount}"])

    assert done.exit_code == 2
    assert "--budget" in done.stderr
    assert amount.strip("-") in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--port", "70000"),
        ("--port", "-1"),
        ("--latency", "nan"),
        ("--latency", "inf"),
        ("--rate-limit", "nan"),
        ("--rate-limit", "inf"),
        ("--state", "s3://bucket/jobs"),
        ("--state", "a" * 256),
    ],
)
def test_the_simulator_does_not_start_with_what_can_t_be(option: str, value: str) -> None:
    done = CliRunner().invoke(main, ["simulator", f"{option}={value}"])

    assert done.exit_code in (1, 2)
    assert isinstance(done.exception, SystemExit)
    assert option.strip("-").replace("-", "_") in done.stderr.replace("-", "_")


def test_ctrl_c_while_the_commands_load_is_no_traceback(tmp_path: Path) -> None:
    """The commands' module is one that interrupts, as somebody at the keyboard does."""
    script = """
import sys
from importlib.abc import MetaPathFinder

class Interrupting(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "nbp_dagster.cli.main":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
from nbp_dagster.__main__ import run
run()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_ctrl_c_after_a_command_was_interrupted_is_no_traceback(tmp_path: Path) -> None:
    """Python still has threads to wait for, and functions of libraries to call."""
    script = """
import atexit, os, signal, time
from nbp_dagster.__main__ import run
from nbp_dagster.cli import main as commands

def interrupted():
    raise SystemExit(130)

def press_again():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(60)

commands.main = interrupted
atexit.register(press_again)
run()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
