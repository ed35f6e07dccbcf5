"""A machine that dies while it sends what it bought: another goes on, and nothing is paid twice."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from nbp_dagster.studio.purchasing.failpoints import FailpointName
from tests.crash.harness import Death, Service, Site, audit, recover, run, run_to_death
from tests.crash.worker import SENDING
from tests.rigs.postgres import PostgresServer, postgres
from tests.rigs.s3 import serve_s3

__all__ = ["postgres"]

BUCKET = "acme-pictures"


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    with Service() as service:
        yield service


@pytest.fixture(scope="module")
def s3() -> Iterator[None]:
    with serve_s3(BUCKET) as address, pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ENDPOINT_URL", address)
        environment.setenv("AWS_ACCESS_KEY_ID", "key")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-shown")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield


@pytest.fixture
def site(s3: None, service: Service, postgres: PostgresServer, tmp_path: Path) -> Site:
    """A machine, with what it shares with others."""
    service.reset()
    return Site(
        service,
        tmp_path / "north",
        postgres.make_database(),
        store_url=f"s3://{BUCKET}/{tmp_path.name}",
    )


@pytest.mark.parametrize("moment", SENDING)
def test_a_machine_killed_at_an_upload_is_followed_by_another_and_nothing_is_paid_twice(
    site: Site, moment: str
) -> None:
    ending = run(site, "--die-sending", moment, "--occurrence", "2")
    assert ending.status == -signal.SIGKILL

    recover(replace(site, home=site.home.with_name("south")))


@pytest.mark.parametrize("step", ["downloaded", "kept", "settled"])
def test_a_machine_killed_around_an_upload_comes_back_to_a_whole_store(
    site: Site, step: FailpointName
) -> None:
    [ending] = run_to_death(site, Death(step))
    assert ending.status == -signal.SIGKILL

    recover(site)


def test_two_machines_at_once_share_what_each_of_them_buys(site: Site) -> None:
    south = replace(site, home=site.home.with_name("south"))

    with ThreadPoolExecutor(2) as pool:
        endings = [pool.submit(run, site), pool.submit(run, south, "--backwards")]
        assert [ending.result().status for ending in endings] == [0, 0]

    audit(south)
