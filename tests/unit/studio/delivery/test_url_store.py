"""Editions behind URLs: in memory, on a real S3 server, and what is said where nothing opens."""

import hashlib
import json
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pytest

from nbp_dagster.studio.delivery.edition_target import POINTER, EditionTarget
from nbp_dagster.studio.delivery.parcel import Parcel
from nbp_dagster.studio.delivery.publish_target import DeliveryError
from nbp_dagster.studio.delivery.url_store import UrlStore
from tests.rigs.dying_delivery import publish_and_die
from tests.rigs.parcels import CAMPAIGN, pack_sample
from tests.rigs.s3 import serve_s3, variables_of

BUCKET = "acme-sets"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """Address of an S3 server that has the bucket."""
    with serve_s3(BUCKET) as address, pytest.MonkeyPatch.context() as environment:
        for name, value in variables_of(address).items():
            environment.setenv(name, value)
        yield address


@pytest.fixture(params=["memory", "s3", "local"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place that nothing was published to."""
    name = uuid4().hex
    if request.param == "s3":
        request.getfixturevalue("s3")
        return f"s3://{BUCKET}/{name}"
    return f"memory://{name}" if request.param == "memory" else f"local://{tmp_path}/{name}"


@pytest.fixture
def parcel(tmp_path: Path) -> Parcel:
    return pack_sample(tmp_path / "set")


@pytest.fixture
def newer(tmp_path: Path) -> Parcel:
    return pack_sample(tmp_path / "newer", locales=("en",))


def read(url: str, path: str) -> bytes:
    """Read as others do, without our code."""
    with fsspec.open(f"{url}/{CAMPAIGN}/{path}", "rb", use_listings_cache=False) as file:
        return bytes(file.read())


def require_whole(url: str) -> str:
    pointer = json.loads(read(url, POINTER))
    for file in pointer["files"]:
        data = read(url, f"{pointer['path']}/{file['path']}")
        assert hashlib.sha256(data).hexdigest() == file["sha256"], file["path"]
    return str(pointer["digest"])


def test_a_set_is_published_whole_then_not_again_then_the_next(
    url: str, parcel: Parcel, newer: Parcel
) -> None:
    target = EditionTarget(UrlStore(url))

    first = target.deliver(parcel)
    assert first.is_new
    assert require_whole(url) == parcel.digest
    pointer = read(url, POINTER)
    assert not target.deliver(parcel).is_new
    assert read(url, POINTER) == pointer
    assert target.deliver(newer).is_new
    assert require_whole(url) == newer.digest


def test_what_is_published_can_be_read_and_what_is_not_is_none(url: str, parcel: Parcel) -> None:
    target = EditionTarget(UrlStore(f"{url}/"))
    assert target.read(CAMPAIGN, "manifest.json") is None

    target.deliver(parcel)

    [manifest] = [file for file in parcel.files if file.path == "manifest.json"]
    assert target.read(CAMPAIGN, "manifest.json") == manifest.source.read_bytes()


def test_a_file_that_somebody_removed_is_there_again(url: str, parcel: Parcel) -> None:
    target = EditionTarget(UrlStore(url))
    place = target.deliver(parcel).place
    files, root = fsspec.core.url_to_fs(place, use_listings_cache=False)
    files.rm(f"{root}/{parcel.manifest.pictures[0].file}")

    assert target.deliver(parcel).is_new

    assert require_whole(url) == parcel.digest


@pytest.mark.parametrize("step", ["uploading", "pointing", "pointed"])
def test_a_publisher_killed_on_s3_leaves_the_old_set_or_the_new(
    s3: str, tmp_path: Path, parcel: Parcel, newer: Parcel, step: str
) -> None:
    url = f"s3://{BUCKET}/{uuid4().hex}"
    target = EditionTarget(UrlStore(url))
    target.deliver(parcel)
    files = len(newer.files)
    number = {"uploading": 2 + files // 2, "pointing": 5 + files, "pointed": 6 + files}[step]

    assert publish_and_die(tmp_path / "newer", url, number) == -signal.SIGKILL

    assert require_whole(url) == (newer if step == "pointed" else parcel).digest
    assert target.deliver(newer).is_new == (step != "pointed")
    assert require_whole(url) == newer.digest


def test_a_bucket_that_is_not_there_is_told_in_one_line(s3: str, parcel: Parcel) -> None:
    with pytest.raises(DeliveryError) as caught:
        EditionTarget(UrlStore("s3://nobodys-bucket/sets")).deliver(parcel)

    words = str(caught.value)
    assert "s3://nobodys-bucket/sets" in words
    assert "\n" not in words
    assert "not-to-be-shown" not in words
    assert "check the address" in words


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("gs://acme/sets", "nbp-dagster[gcs]"),
        ("az://acme/sets", "nbp-dagster[azure]"),
        ("abfs://acme/sets", "nbp-dagster[azure]"),
        ("hdfs://acme/sets", "driver"),
        ("nonsense://acme/sets", "nonsense"),
    ],
)
def test_a_driver_that_is_not_installed_is_named_by_its_extra(url: str, remedy: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        UrlStore(url).read("latest.json")

    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "Error" not in str(caught.value)


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    store = UrlStore("ftp://anna:geheim@127.0.0.1:1/sets")

    with pytest.raises(DeliveryError) as caught:
        store.read("latest.json")

    words = str(caught.value)
    assert words.startswith("cannot read latest.json of ftp://127.0.0.1:1/sets: ")
    assert "geheim" not in words
    assert "\n" not in words


def test_words_of_a_driver_that_repeat_the_address_lose_its_secrets() -> None:
    store = UrlStore("memory://anna:geheim@files/sets?token=streng")

    with pytest.raises(DeliveryError) as caught, store._told("read", "x"):
        raise OSError("no route to anna:geheim@files, password geheim, token=streng")

    assert "geheim" not in str(caught.value)
    assert "streng" not in str(caught.value)


def test_a_driver_error_is_no_cause_that_dagster_stores_or_a_log_prints() -> None:
    store = UrlStore("memory://anna:geheim@files/sets")

    with (
        pytest.raises(DeliveryError, match="PermissionError: denied to ") as caught,
        store._told("read", "x"),
    ):
        raise PermissionError("denied to anna:geheim@files")

    # Dagster goes by the same two marks as the log.
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "geheim" not in "".join(traceback.format_exception(caught.value))


def test_a_password_in_a_url_is_not_shown() -> None:
    store = UrlStore("sftp://anna:geheim@files.example/sets?token=geheim")

    assert store.name == "sftp://files.example/sets"
    with pytest.raises(DeliveryError) as caught:
        store.read("latest.json")
    assert "geheim" not in str(caught.value)
