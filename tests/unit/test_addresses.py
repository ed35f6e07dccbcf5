"""The rules of URLs and hosts that text alone decides, for every room that takes one."""

import re

import pytest
from pydantic import ValidationError

from nbp_dagster.addresses import SERVED_ADDRESS, is_loopback, is_public_name
from nbp_dagster.briefs.images import find_address_fault
from nbp_dagster.oxen.errors import UnsafeUrl
from nbp_dagster.oxen.urls import check_foreign
from nbp_dagster.settings import Settings

PUBLIC = "93.184.216.34"

# Neither a brief may name them, nor are they opened.
REFUSED = (
    "http://example.com/a.png",
    "ftp://example.com/a.png",
    "https://user@example.com/a.png",
    "https://user:secret@example.com/a.png",
    "https://@example.com/a.png",
    "https://exam\\ple.com/a.png",
    "https://example.com\t/a.png",
    "https://example.com\x7f/a.png",
    "https://example.com:99999/a.png",
    "https://[::1/a.png",
    "https:///a.png",
)


@pytest.mark.parametrize("url", REFUSED)
def test_a_brief_and_a_download_refuse_the_same_addresses(url: str) -> None:
    assert find_address_fault(url) is not None
    with pytest.raises(UnsafeUrl) as caught:
        check_foreign(url, lambda host, port: [PUBLIC])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://example.com/a.png?sig=1", "HTTPS://Example.com:444/a"])
def test_a_brief_and_a_download_take_the_same_addresses(url: str) -> None:
    assert find_address_fault(url) is None
    assert check_foreign(url, lambda host, port: [PUBLIC]).addresses == (PUBLIC,)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.1", "2130706433", "0x7f000001", "::1", "10.0.0.1", "a.local", "intranet"],
)
def test_a_host_of_this_machine_or_network_is_no_public_name(host: str) -> None:
    assert not is_public_name(host)
    assert not is_public_name(f"{host.upper()}.")


def test_this_machine_is_known_by_name_and_number() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("127.example.com", "10.0.0.1", "localhost.example.com")))


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3000", "https://a.example/dagster", "http://[::1]:3"]
)
def test_a_page_that_others_link_has_a_plain_address(url: str) -> None:
    assert Settings(dagster_url=url, gallery_url=url).dagster_url == url
    assert re.fullmatch(SERVED_ADDRESS, url)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)//http://a.example",
        "http://user@a.example",
        "http://a.example?x",
        "http://a.example/a b",
        "http://a.example)[x](http://b.example",
        "http://a.example\n",
    ],
)
def test_any_other_address_of_a_page_is_refused_wherever_it_is_set(url: str) -> None:
    for name in ("dagster_url", "gallery_url"):
        with pytest.raises(ValidationError):
            Settings(**{name: url})
    assert re.fullmatch(SERVED_ADDRESS, url) is None
