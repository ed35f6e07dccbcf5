"""Which runs share a rate limit."""

from pathlib import Path

import pytest

from nbp_dagster.resources.oxen import OxenResource, SimulatedOxenResource
from tests.fakes.clock import FakeClock


def hold_and_wait(one: OxenResource, other: OxenResource, folder: Path) -> float:
    """The seconds a run waits after a 429 that another run met."""
    clock = FakeClock()
    first, second = one.rate_limiter(clock, folder), other.rate_limiter(clock, folder)
    first.record_throttle(5.0, first.acquire(), is_post=False)
    second.acquire()
    return sum(clock.sleeps)


def oxen(key: str) -> OxenResource:
    return OxenResource(api_key=key, base_url="https://hub.test")


def test_runs_with_one_key_share_their_rate_limit(tmp_path: Path) -> None:
    assert hold_and_wait(oxen("a"), oxen("a"), tmp_path / "pace") == pytest.approx(5.0)


def test_runs_with_different_keys_do_not(tmp_path: Path) -> None:
    assert hold_and_wait(oxen("a"), oxen("b"), tmp_path / "pace") == 0


def test_a_simulator_is_asked_by_its_own_run_alone_and_leaves_no_file(tmp_path: Path) -> None:
    folder = tmp_path / "pace"

    assert hold_and_wait(SimulatedOxenResource(), SimulatedOxenResource(), folder) == 0
    assert not folder.exists()
