"""Which URLs are the service's own, and which others may be opened."""

from collections.abc import Sequence

import pytest

from nbp_dagster.addresses import is_public
from nbp_dagster.oxen.errors import ConnectionFailed, UnsafeUrl
from nbp_dagster.oxen.urls import check_foreign, is_own, resolve_host

PUBLIC = "93.184.216.34"


def resolve_to(*addresses: str):
    def resolver(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolver


@pytest.mark.parametrize(
    ("url", "base", "expected"),
    [
        ("https://hub.oxen.ai/api/a.png?sig=1", "https://hub.oxen.ai", True),
        ("https://HUB.oxen.ai:443/a", "https://hub.oxen.ai", True),
        ("http://127.0.0.1:8123/a", "http://127.0.0.1:8123", True),
        ("http://127.0.0.1:8124/a", "http://127.0.0.1:8123", False),
        ("http://hub.oxen.ai/a", "https://hub.oxen.ai", False),
        ("https://hub.oxen.ai:8443/a", "https://hub.oxen.ai", False),
        ("https://hub.oxen.ai:0/a", "https://hub.oxen.ai", False),
        ("https://hub.oxen.ai.evil.test/a", "https://hub.oxen.ai", False),
        ("https://hub.oxen.ai@evil.test/a", "https://hub.oxen.ai", False),
        ("https://evil.test\\@hub.oxen.ai/a", "https://hub.oxen.ai", False),
        ("https://key@hub.oxen.ai/a", "https://hub.oxen.ai", False),
        ("//hub.oxen.ai/a", "https://hub.oxen.ai", False),
        ("https://hub.oxen.ai:port/a", "https://hub.oxen.ai", False),
        ("", "https://hub.oxen.ai", False),
    ],
)
def test_only_scheme_host_and_port_together_are_the_service_s_own(
    url: str, base: str, expected: bool
) -> None:
    assert is_own(url, base) is expected


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "::1",
        "::",
        "fe80::1%eth0",
        "fc00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "64:ff9b:1::7f00:1",
        "2001:4860::5efe:a9fe:a9fe",
        "2001:4860::200:5efe:7f00:1",
        "::7f00:1",
        "fec0::1",
        "3fff::1",
        "2001:db8::1",
        "not an address",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_public(address)

    with pytest.raises(UnsafeUrl, match="not a public address"):
        check_foreign("https://images.test/a.png", resolve_to(address))


@pytest.mark.parametrize(
    "address", [PUBLIC, "2606:2800:220:1::1", "64:ff9b::5db8:d822", "::ffff:93.184.216.34"]
)
def test_a_public_address_passes(address: str) -> None:
    assert is_public(address)


def test_one_private_address_among_public_ones_refuses_the_host() -> None:
    with pytest.raises(UnsafeUrl, match=r"10\.0\.0\.8"):
        check_foreign("https://images.test/a.png", resolve_to(PUBLIC, "10.0.0.8"))


def test_the_addresses_checked_are_the_addresses_returned() -> None:
    checked = check_foreign(
        "https://images.test/a.png?sig=1", resolve_to(PUBLIC, "2606:2800:220:1::1")
    )

    assert checked.host == "images.test"
    assert checked.addresses == (PUBLIC, "2606:2800:220:1::1")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://images.test/a.png", "'http', not https"),
        ("file:///etc/passwd", "'file', not https"),
        ("ftp://images.test/a", "'ftp', not https"),
        ("data:image/png;base64,AAAA", "'data', not https"),
        ("images.test/a.png", "'', not https"),
        ("https:///a.png", "names no host"),
        ("https://user:pw@images.test/a.png", "user name"),
        ("https://images.test\\@hub.test/a", "backslash"),
        ("https://images.test/a b", "space"),
        ("https://images.test:99999/a", "cannot be parsed"),
        ("https://[::1/a", "cannot be parsed"),
    ],
)
def test_a_url_that_is_not_plain_https_is_refused_with_its_reason(url: str, reason: str) -> None:
    with pytest.raises(UnsafeUrl, match=reason):
        check_foreign(url, resolve_to(PUBLIC))


def test_the_message_shows_neither_password_nor_signature() -> None:
    with pytest.raises(UnsafeUrl) as caught:
        check_foreign("https://user:pw1@images.test/a.png?sig=s3cret", resolve_to(PUBLIC))

    assert "pw1" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_host_that_does_not_resolve_was_never_reached() -> None:
    def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(ConnectionFailed, match=r"images\.test does not resolve") as caught:
        check_foreign("https://images.test/a.png", nowhere)

    assert caught.value.maybe_sent is False


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "017700000001"]
)
def test_a_number_for_a_host_is_seen_as_the_address_it_is(host: str) -> None:
    """All of these are 127.0.0.1 to the system's resolver."""
    with pytest.raises(UnsafeUrl, match=r"127\.0\.0\.1"):
        check_foreign(f"https://{host}/a.png", resolve_host)
