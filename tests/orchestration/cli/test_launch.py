"""What a command says of a run that failed is what went wrong in it."""

import io
from pathlib import Path

import dagster as dg
import pytest

from nbp_dagster.cli.launch import Launcher
from nbp_dagster.errors import NbpError
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
