"""What a command says of a run that failed is what went wrong in it; Ctrl-C launches no other."""

import io
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.cli.launch import Launcher
from nbp_dagster.errors import NbpError
from nbp_dagster.interrupts import noted_interrupts
from nbp_dagster.studio.ledger.database import LedgerDatabaseError
from nbp_dagster.studio.ledger.owner_leases import take_file_lease


class _FellThrough(NbpError):
    """An error of ours that came of another one."""


def fail_as_pillow_does() -> None:
    """An encoder that fails on a buffer names, as the cause, that a buffer is no file."""
    try:
        raise io.UnsupportedOperation("fileno")
    except io.UnsupportedOperation as cause:
        raise OSError("encoder error -2 when writing image file") from cause


def fail_as_ours_do() -> None:
    try:
        fail_as_pillow_does()
    except OSError as cause:
        raise _FellThrough("set winter: the sheet cannot be written") from cause


@pytest.mark.parametrize(
    ("fail", "said"),
    [
        (fail_as_pillow_does, "OSError: encoder error -2 when writing image file"),
        (fail_as_ours_do, "set winter: the sheet cannot be written"),
    ],
)
def test_a_failed_run_is_told_by_its_error_and_not_by_what_lies_below_it(
    fail: object, said: str, tmp_path: Path
) -> None:
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a"]))
    def broken() -> None:
        assert callable(fail)
        fail()

    with dg.DagsterInstance.ephemeral() as instance, take_file_lease(tmp_path) as lease:
        launcher = Launcher(dg.Definitions([broken]), instance, lease)
        launch = launcher.run([dg.AssetKey("broken")], ["a"])
    assert not launch.succeeded
    assert launch.error.endswith(said)


def test_an_error_of_ours_is_told_without_its_class(tmp_path: Path) -> None:
    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a"]))
    def broken() -> None:
        raise LedgerDatabaseError("cannot use the ledger l.sqlite: another process keeps it locked")

    with dg.DagsterInstance.ephemeral() as instance, take_file_lease(tmp_path) as lease:
        launcher = Launcher(dg.Definitions([broken]), instance, lease)
        launch = launcher.run([dg.AssetKey("broken")], ["a"])
    assert launch.error == "cannot use the ledger l.sqlite: another process keeps it locked"


class _InterruptAtTheEnd(logging.Handler):
    """Interrupts this process once a run has ended, as whoever watches its log could."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self._number = number

    def emit(self, record: logging.LogRecord) -> None:
        if "RUN_SUCCESS" in record.getMessage():
            os.kill(os.getpid(), self._number)


def interrupting(number: signal.Signals) -> dg.LoggerDefinition:
    """The console logger of a code location whose runs end with a signal."""

    @dg.logger(config_schema={"log_level": str})
    def console(_: dg.InitLoggerContext) -> logging.Logger:
        logger = logging.Logger("ending", logging.DEBUG)
        logger.addHandler(_InterruptAtTheEnd(number))
        return logger

    return console


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As `nbp run` is."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with noted_interrupts():
            yield
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_at_the_end_of_a_run_ends_the_command_and_launches_no_other(
    tmp_path: Path, number: signal.Signals
) -> None:
    """After the last step Dagster holds it back, and then forgets it."""
    made: list[str] = []

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a"]))
    def sheets() -> None: ...

    @dg.asset(partitions_def=dg.StaticPartitionsDefinition(["a"]))
    def pictures() -> None:
        made.append("a picture")

    definitions = dg.Definitions([sheets, pictures], loggers={"console": interrupting(number)})
    with dg.DagsterInstance.ephemeral() as instance, take_file_lease(tmp_path) as lease:
        launcher = Launcher(definitions, instance, lease)
        with pytest.raises(KeyboardInterrupt):
            launcher.run([dg.AssetKey("sheets")], ["a"])
        with pytest.raises(KeyboardInterrupt):
            launcher.run([dg.AssetKey("pictures")], ["a"])
        runs = instance.get_runs()

    assert [run.status for run in runs] == [dg.DagsterRunStatus.SUCCESS]
    assert not made
