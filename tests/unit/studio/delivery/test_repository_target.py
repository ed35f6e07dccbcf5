"""A set is one commit of an Oxen repository, however many requests and faults lie between."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import BadRequest, OxenError
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse, RequestsTransport
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.delivery.parcel import Parcel
from nbp_dagster.studio.delivery.publish_target import DeliveryError
from nbp_dagster.studio.delivery.repository_target import (
    MOST_REQUEST_BYTES,
    Destination,
    RepositoryTarget,
)
from tests.fakes.clock import FakeClock
from tests.rigs.parcels import CAMPAIGN, pack_sample
from tests.rigs.service import ServiceProbe

Records = Callable[[str], list[dict[str, Any]]]
REPOSITORY = "simulated-user/campaigns"
DESTINATION = Destination(REPOSITORY, "main", "Marketing", "marketing@example.com")


@pytest.fixture
def simulator(tmp_path: Path) -> Iterator[SimulatorServer]:
    """A simulator that writes down every repository and commit."""
    with SimulatorServer(SimulatorOptions(state_dir=tmp_path / "state")) as server:
        yield server


@pytest.fixture
def service(simulator: SimulatorServer) -> ServiceProbe:
    return ServiceProbe(simulator.url)


@pytest.fixture
def records(simulator: SimulatorServer, tmp_path: Path) -> Records:
    """Return what the simulator wrote down of a kind."""

    def read(kind: str) -> list[dict[str, Any]]:
        lines = (tmp_path / "state" / "journal.jsonl").read_text(encoding="utf-8").splitlines()
        return [record for line in lines if (record := json.loads(line))["kind"] == kind]

    return read


@pytest.fixture
def client(simulator: SimulatorServer) -> OxenClient:
    return OxenClient(
        simulator.url,
        api_key="sk-1",
        transport=RequestsTransport(),
        clock=FakeClock(),
        retry=RetryPolicy(attempts=3),
    )


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return pack_sample(tmp_path / "set")


@pytest.fixture
def small(parcel: Parcel) -> int:
    """A limit of a request that two files of the set do not fit in."""
    return max(file.size for file in parcel.files) + 8192


def target_of(client: OxenClient, **options: Any) -> RepositoryTarget:
    return RepositoryTarget(DESTINATION, lambda: client, **options)


def require_whole(client: OxenClient, parcel: Parcel) -> None:
    """Check every file on the branch against the set."""
    target = target_of(client)
    for file in parcel.files:
        assert target.read(CAMPAIGN, file.path) == file.source.read_bytes(), file.path


def sent(service: ServiceProbe, method: str) -> list[str]:
    return [entry["path"] for entry in service.requests("/api/repos") if entry["method"] == method]


def test_a_missing_repository_is_made_and_gets_one_commit(
    client: OxenClient, records: Records, parcel: Parcel
) -> None:
    done = target_of(client).deliver(parcel)

    assert done.is_new
    assert done.commit
    require_whole(client, parcel)
    assert len(records("commit")) == 1
    [repository] = records("repository")
    assert not repository["is_public"]


def test_the_same_set_again_sends_nothing(
    client: OxenClient, service: ServiceProbe, parcel: Parcel
) -> None:
    target_of(client).deliver(parcel)
    before = len(sent(service, "PUT")) + len(sent(service, "POST"))

    again = target_of(client).deliver(parcel)

    assert not again.is_new
    assert again.commit is None
    assert len(sent(service, "PUT")) + len(sent(service, "POST")) == before


def test_many_files_are_several_small_requests_and_one_commit(
    client: OxenClient,
    records: Records,
    service: ServiceProbe,
    parcel: Parcel,
    small: int,
) -> None:
    done = target_of(client, most_bytes=small).deliver(parcel)

    assert done.commit
    assert len([path for path in sent(service, "POST") if "/files/" in path]) > 1
    assert len(records("commit")) == 1
    require_whole(client, parcel)


def test_a_picture_that_the_branch_has_is_not_sent_again(
    client: OxenClient, records: Records, parcel: Parcel, tmp_path: Path
) -> None:
    target_of(client).deliver(parcel)
    pictures = {row.file for row in parcel.manifest.pictures}
    later = pack_sample(tmp_path / "later", name="Another title")
    for file in later.files:
        if file.path in pictures:
            # Whoever reads it to send it fails.
            file.source.unlink()

    assert target_of(client).deliver(later).is_new

    assert len(records("commit")) == 2
    require_whole(client, parcel_without_pages(parcel))


def parcel_without_pages(parcel: Parcel) -> Parcel:
    files = tuple(file for file in parcel.files if file.path.startswith("images/"))
    return Parcel(parcel.campaign, parcel.digest, parcel.version, parcel.manifest, files)


FAULTS = [
    {"kind": "status", "status": 409, "path": "/merge/", "times": 1},
    {"kind": "status", "status": 429, "retry_after": 5, "path": "/merge/", "times": 1},
    {"kind": "status", "status": 503, "path": "/files/", "times": 2},
    {"kind": "status", "status": 500, "path": "/merge/", "times": 1},
    {"kind": "status", "status": 404, "path": "/files/", "times": 1},
    {"kind": "reset", "path": "/files/", "nth": 2},
    {"kind": "status_after", "status": 502, "path": "/files/", "nth": 2},
    {"kind": "status_after", "status": 502, "path": "/merge/", "times": 1},
    {"kind": "reset_after", "path": "/merge/", "times": 1},
    {"kind": "status", "status": 503, "path": "/workspaces", "times": 1},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())))
def test_a_fault_on_the_way_of_many_files_still_ends_in_one_whole_commit(
    client: OxenClient,
    records: Records,
    service: ServiceProbe,
    parcel: Parcel,
    small: int,
    fault: dict[str, Any],
) -> None:
    service.script(fault)

    assert target_of(client, most_bytes=small).deliver(parcel).is_new

    assert len(records("commit")) == 1
    require_whole(client, parcel)
    assert not target_of(client).deliver(parcel).is_new


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 409, "method": "PUT", "times": 1},
        {"kind": "status", "status": 429, "retry_after": 5, "method": "PUT", "times": 1},
        {"kind": "status", "status": 503, "method": "PUT", "times": 2},
        {"kind": "status_after", "status": 502, "method": "PUT", "times": 1},
        {"kind": "reset_after", "method": "PUT", "times": 1},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
def test_a_fault_on_the_way_of_one_request_still_ends_in_one_whole_commit(
    client: OxenClient,
    records: Records,
    service: ServiceProbe,
    parcel: Parcel,
    fault: dict[str, Any],
) -> None:
    service.script(fault)

    assert target_of(client).deliver(parcel).is_new

    assert len(records("commit")) == 1
    require_whole(client, parcel)


@pytest.mark.parametrize("status", [409, 503])
def test_a_fault_that_lasts_leaves_the_set_that_was_there(
    client: OxenClient,
    records: Records,
    service: ServiceProbe,
    parcel: Parcel,
    small: int,
    tmp_path: Path,
    status: int,
) -> None:
    target_of(client).deliver(parcel)
    newer = pack_sample(tmp_path / "newer", name="Another title", locales=("en",))
    service.script({"kind": "status", "status": status, "path": "/merge/"})

    with pytest.raises(OxenError) as caught:
        target_of(client, most_bytes=small).deliver(newer)

    assert str(status) in str(caught.value)
    assert len(records("commit")) == 1
    require_whole(client, parcel)


def test_a_branch_that_moved_meanwhile_is_built_upon(
    client: OxenClient, records: Records, parcel: Parcel, small: int
) -> None:
    """What another staged before it was killed, upon an older branch, is no obstacle."""
    target_of(client).deliver(parcel)
    client.repositories.open_workspace(REPOSITORY, "main", f"nbp-{parcel.digest[:32]}")
    client.put_files(
        REPOSITORY,
        "main",
        CAMPAIGN,
        [("manifest.json", b"{}"), ("index.html", b"theirs")],
        message="by hand",
        author_name="Ann",
        author_email="ann@example.com",
    )

    assert target_of(client, most_bytes=small).deliver(parcel).is_new

    assert len(records("commit")) == 3
    require_whole(client, parcel)


def test_a_file_that_fits_in_no_request_is_named_before_anything_is_sent(
    client: OxenClient, service: ServiceProbe, parcel: Parcel
) -> None:
    with pytest.raises(DeliveryError, match=r"index\.html has [\d,]+ bytes, and a request at most"):
        target_of(client, most_bytes=6000).deliver(parcel)

    assert not [path for path in sent(service, "PUT") if "/file" in path]


def test_the_service_s_limit_is_kept_and_would_be_told(
    client: OxenClient, records: Records, parcel: Parcel, tmp_path: Path
) -> None:
    """60 MB: more than one request takes, sent as they are and in parts."""
    big = []
    for number in range(3):
        path = tmp_path / f"big_{number}.bin"
        path.write_bytes(bytes([number]) * 20_000_000)
        big.append(replace(parcel.files[0], path=f"{path.name}", source=path, size=20_000_000))
    large = replace(parcel, files=(*parcel.files, *(replace(each, sha256="x") for each in big)))
    all_at_once = [(each.path, each.source.read_bytes()) for each in big]
    client.create_repository(REPOSITORY, author_name="Ann", author_email="a@example.com")

    with pytest.raises(BadRequest) as caught:
        client.put_files(
            REPOSITORY, "main", "x", all_at_once, message="m", author_name="A", author_email="a@b.c"
        )
    assert caught.value.status == 413
    assert target_of(client).deliver(large).is_new

    assert MOST_REQUEST_BYTES == 50 * 1024 * 1024
    assert len(records("commit")) == 1
    require_whole(client, large)


class _Killed(BaseException):
    """Ends a publisher as a signal would: nothing of ours catches it."""


class DyingTransport(RequestsTransport):
    """Sends so many requests; the next is never sent."""

    def __init__(self, requests: int) -> None:
        super().__init__()
        self._left = requests

    def send(self, request: HttpRequest) -> HttpResponse:
        if self._left == 0:
            raise _Killed
        self._left -= 1
        return super().send(request)


def test_killed_before_any_request_a_publisher_leaves_the_old_set_or_the_new(
    client: OxenClient,
    simulator: SimulatorServer,
    records: Records,
    parcel: Parcel,
    small: int,
    tmp_path: Path,
) -> None:
    target_of(client).deliver(parcel)
    newer = pack_sample(tmp_path / "newer", name="Another title", locales=("en",))
    assert len(newer.files) > 3

    for requests in range(100):
        dying = OxenClient(
            simulator.url,
            api_key="sk-1",
            transport=DyingTransport(requests),
            clock=FakeClock(),
            retry=RetryPolicy(attempts=3),
        )
        try:
            done = target_of(dying, most_bytes=small).deliver(newer)
        except _Killed:
            assert len(records("commit")) == 1
            require_whole(client, parcel)
        else:
            break

    assert requests >= 5
    assert done.commit
    assert len(records("commit")) == 2
    require_whole(client, newer)
