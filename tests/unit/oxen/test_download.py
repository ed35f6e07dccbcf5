"""Result bytes: where the key goes, which redirects are followed, what is too short or too long."""

from collections.abc import Callable, Sequence

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.download import MemorySink
from nbp_dagster.oxen.errors import (
    BadResponse,
    ConnectionFailed,
    DownloadFailed,
    RateLimited,
    ServerFault,
    TimedOut,
    Unauthorized,
    UnsafeUrl,
)
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpResponse
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedStream, ScriptedTransport, Step

BASE = "https://hub.test"
OWN = "https://hub.test/api/repos/me/a.png?oxen_signature=s3cret"
FOREIGN = "https://cdn.test/a.png?sig=s3cret"
KEY = "sk-live-abc123"
ADDRESSES = {
    "cdn.test": ("93.184.216.34",),
    "two.test": ("2606:2800:220:1::1", "93.184.216.34"),
    "inside.test": ("10.0.0.5",),
    "hub.test": ("93.184.216.99",),
}
PNG = HttpResponse(status=200, headers={"content-length": "4"}, body=b"\x89PNG")


def resolver(host: str, port: int) -> Sequence[str]:
    return ADDRESSES[host]


def make_client(
    *script: Step,
    base_url: str = BASE,
    attempts: int = 3,
    resolve: Callable[[str, int], Sequence[str]] = resolver,
) -> tuple[OxenClient, ScriptedTransport]:
    transport = ScriptedTransport(script)
    client = OxenClient(
        base_url,
        api_key=KEY,
        transport=transport,
        clock=FakeClock(),
        retry=RetryPolicy(attempts=attempts),
        jitter=lambda: 0.0,
        resolver=resolve,
    )
    return client, transport


def redirect(location: str, status: int = 302) -> HttpResponse:
    return HttpResponse(status=status, headers={"location": location})


def test_a_signed_url_is_opened_without_the_key() -> None:
    client, transport = make_client(PNG)

    assert client.download(OWN) == b"\x89PNG"
    [request] = transport.requests
    assert request.url == OWN
    assert request.bearer is None
    assert request.headers["Accept-Encoding"] == "identity"
    assert request.total_timeout == 600.0


@pytest.mark.parametrize(
    ("declared", "told"),
    [("image/png", "image/png"), ("Image/JPEG; q=1", "image/jpeg"), (None, "")],
)
def test_what_the_answer_says_its_bytes_are_is_told(declared: str | None, told: str) -> None:
    said = {} if declared is None else {"content-type": declared}
    answer = HttpResponse(status=200, headers={**PNG.headers, **said}, body=PNG.body)
    client, _ = make_client(redirect(FOREIGN), answer)

    assert client.download_into(OWN, MemorySink()) == told


@pytest.mark.parametrize("status", [401, 403])
def test_the_key_is_offered_once_when_the_service_asks_for_it(status: int) -> None:
    client, transport = make_client(HttpResponse(status=status), PNG)

    assert client.download(OWN) == b"\x89PNG"
    assert [request.bearer for request in transport.requests] == [None, KEY]


def test_the_key_goes_to_a_service_on_loopback_too() -> None:
    client, transport = make_client(HttpResponse(status=401), PNG, base_url="http://127.0.0.1:8123")

    client.download("http://127.0.0.1:8123/a.png")

    assert [request.bearer for request in transport.requests] == [None, KEY]


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    "url", [FOREIGN, "https://hub.test:8443/a.png?sig=1", "https://cdn.test/plain.png"]
)
def test_the_key_never_goes_to_another_origin(status: int, url: str) -> None:
    client, transport = make_client(HttpResponse(status=status))

    with pytest.raises(DownloadFailed):
        client.download(url)

    assert [request.bearer for request in transport.requests] == [None]


def test_the_key_does_not_follow_a_redirect_to_another_origin() -> None:
    client, transport = make_client(
        HttpResponse(status=401), redirect(FOREIGN), HttpResponse(status=403)
    )

    with pytest.raises(DownloadFailed):
        client.download(OWN)

    assert [(request.url, request.bearer) for request in transport.requests] == [
        (OWN, None),
        (OWN, KEY),
        (FOREIGN, None),
    ]


def test_a_foreign_url_is_opened_at_the_address_that_was_checked() -> None:
    client, transport = make_client(PNG)

    client.download(FOREIGN)

    assert transport.requests[0].address == "93.184.216.34"


def test_the_next_checked_address_is_tried_when_one_cannot_be_reached() -> None:
    fault = ConnectionFailed("no route", endpoint="GET x", maybe_sent=False)
    client, transport = make_client(fault, PNG)

    assert client.download("https://two.test/a.png") == b"\x89PNG"
    assert [request.address for request in transport.requests] == list(ADDRESSES["two.test"])


def test_an_address_that_answered_and_broke_off_is_not_given_up() -> None:
    fault = ConnectionFailed("reset", endpoint="GET x", maybe_sent=True)
    client, transport = make_client(fault, PNG)

    client.download("https://two.test/a.png")

    assert [request.address for request in transport.requests] == [ADDRESSES["two.test"][0]] * 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed_under_the_same_rules(status: int) -> None:
    client, transport = make_client(redirect(FOREIGN, status), PNG)

    assert client.download(OWN) == b"\x89PNG"
    assert [request.address for request in transport.requests] == [None, "93.184.216.34"]


def test_a_relative_redirect_stays_on_the_origin() -> None:
    client, transport = make_client(redirect("/b.png"), PNG)

    client.download(OWN)

    assert transport.requests[1].url == "https://hub.test/b.png"


@pytest.mark.parametrize(
    "target",
    [
        "https://inside.test/meta",
        "http://cdn.test/a.png",
        "http://hub.test/a.png",
        "file:///etc/passwd",
        "https://user:pw@cdn.test/a",
    ],
)
def test_a_redirect_to_where_we_do_not_go_is_refused(target: str) -> None:
    client, transport = make_client(redirect(target))

    with pytest.raises(UnsafeUrl):
        client.download(OWN)

    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8123", "https://hub.test"], ids=["loopback", "public"]
)
def test_a_redirect_from_elsewhere_to_the_service_is_treated_as_any_other(base: str) -> None:
    """Neither a service on loopback nor our key is within reach of a page that redirects."""
    client, transport = make_client(
        redirect(f"{base}/private.png"),
        HttpResponse(status=401, headers={}, body=b"{}"),
        base_url=base,
    )

    with pytest.raises((UnsafeUrl, DownloadFailed)):
        client.download(FOREIGN)

    assert all(request.bearer is None for request in transport.requests)
    assert len(transport.requests) == (1 if base.startswith("http:") else 2)


def test_a_name_that_points_elsewhere_when_it_is_looked_up_again_leads_nowhere() -> None:
    """DNS rebinding: the address that was checked is the one that is connected to."""
    answers = iter([("93.184.216.34",), ("169.254.169.254",)])
    client, transport = make_client(PNG, attempts=1, resolve=lambda host, port: next(answers))

    client.download(FOREIGN)

    assert [request.address for request in transport.requests] == ["93.184.216.34"]
    assert next(answers) == ("169.254.169.254",)


def test_each_redirect_and_each_attempt_is_looked_up_and_checked_anew() -> None:
    answers = iter([("93.184.216.34",), ("127.0.0.1",)])
    client, transport = make_client(
        redirect("https://cdn.test/b.png"), attempts=1, resolve=lambda host, port: next(answers)
    )

    with pytest.raises(UnsafeUrl, match=r"127\.0\.0\.1"):
        client.download(FOREIGN)

    assert len(transport.requests) == 1


def test_a_caller_may_allow_less_time() -> None:
    client, transport = make_client(PNG)

    client.download(FOREIGN, total_timeout=7.0)

    assert transport.requests[0].total_timeout == 7.0


@pytest.mark.parametrize("url", ["https://inside.test/a", "http://cdn.test/a", "data:,x", "a.png"])
def test_a_url_we_do_not_open_is_refused_before_any_request(url: str) -> None:
    client, transport = make_client()

    with pytest.raises(UnsafeUrl):
        client.download(url)

    assert transport.requests == ()


def test_a_loop_of_redirects_ends() -> None:
    client, transport = make_client(*[redirect(OWN)] * 4)

    with pytest.raises(DownloadFailed, match="more than 3 redirects"):
        client.download(OWN)

    assert len(transport.requests) == 4


@pytest.mark.parametrize(
    ("url", "status", "body", "expired"),
    [
        (OWN, 404, b"", True),
        (OWN, 410, b"", True),
        (FOREIGN, 403, b"", True),
        (FOREIGN, 400, b"<Code>ExpiredToken</Code>", True),
        (FOREIGN, 400, b"bad request", False),
        (FOREIGN, 401, b"", False),
        ("https://cdn.test/plain.png", 404, b"", False),
        ("https://hub.test/plain.png", 404, b"", False),
        (OWN, 206, b"part", False),
    ],
)
def test_a_signed_url_that_is_gone_has_expired(
    url: str, status: int, body: bytes, expired: bool
) -> None:
    client, transport = make_client(HttpResponse(status=status, body=body))

    with pytest.raises(DownloadFailed) as caught:
        client.download(url)

    assert caught.value.expired is expired
    assert caught.value.status == status
    assert "s3cret" not in str(caught.value)
    assert len(transport.requests) == 1


def test_a_signed_url_refused_even_with_the_key_has_expired() -> None:
    client, _ = make_client(HttpResponse(status=403), HttpResponse(status=403))

    with pytest.raises(DownloadFailed) as caught:
        client.download(OWN)

    assert caught.value.expired is True


def test_a_key_that_is_not_accepted_is_named_as_that() -> None:
    client, _ = make_client(HttpResponse(status=401), HttpResponse(status=401))

    with pytest.raises(Unauthorized):
        client.download("https://hub.test/plain.png")


@pytest.mark.parametrize(
    "fault",
    [
        HttpResponse(status=500),
        HttpResponse(status=503),
        HttpResponse(status=429),
        HttpResponse(status=408),
        HttpResponse(status=200, headers={"Content-Length": "9"}, body=b"short"),
        HttpResponse(status=200),
        ConnectionFailed("reset", endpoint="GET x", maybe_sent=True),
        TimedOut("silence", endpoint="GET x", maybe_sent=True),
        ScriptedStream(
            chunks=[b"ha", ConnectionFailed("reset", endpoint="GET x", maybe_sent=True)]
        ),
    ],
    ids=repr,
)
def test_a_transfer_that_broke_is_repeated(fault: Step) -> None:
    client, transport = make_client(fault, PNG)

    assert client.download(OWN) == b"\x89PNG"
    assert len(transport.requests) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (HttpResponse(status=500), ServerFault),
        (HttpResponse(status=429), RateLimited),
        (HttpResponse(status=200, headers={"Content-Length": "9"}, body=b"short"), BadResponse),
    ],
)
def test_a_transfer_that_keeps_breaking_ends_with_its_fault(
    fault: HttpResponse, kind: type[Exception]
) -> None:
    client, transport = make_client(fault, fault, fault)

    with pytest.raises(kind):
        client.download(OWN)

    assert len(transport.requests) == 3


def test_a_short_file_says_how_much_is_missing() -> None:
    short = HttpResponse(status=200, headers={"Content-Length": "9"}, body=b"short")
    client, _ = make_client(short, short, short)

    with pytest.raises(BadResponse, match="ended after 5 bytes, 4 are missing"):
        client.download(OWN)


def test_a_file_announced_too_large_is_not_read() -> None:
    unread = AssertionError("the body was read")
    client, transport = make_client(
        ScriptedStream(headers={"content-length": "5000"}, chunks=[unread])
    )

    with pytest.raises(DownloadFailed, match="has 5000 bytes, the limit is 1000") as caught:
        client.download(OWN, max_bytes=1000)

    assert caught.value.expired is False
    assert len(transport.requests) == 1


def test_a_file_that_grows_past_the_limit_is_stopped() -> None:
    unread = AssertionError("reading went on past the limit")
    client, transport = make_client(ScriptedStream(chunks=[b"x" * 600, b"x" * 600, unread]))

    with pytest.raises(DownloadFailed, match="over 1000 bytes"):
        client.download(OWN, max_bytes=1000)

    assert len(transport.requests) == 1


def test_a_file_of_exactly_the_limit_passes() -> None:
    client, _ = make_client(HttpResponse(status=200, body=b"x" * 1000))

    assert len(client.download(OWN, max_bytes=1000)) == 1000


def test_a_compressed_answer_is_not_measured_by_its_length() -> None:
    """Content-Length counts the compressed bytes; the transport hands over the decoded ones."""
    client, _ = make_client(
        HttpResponse(
            status=200, headers={"content-length": "900", "content-encoding": "gzip"}, body=b"x"
        )
    )

    assert client.download(OWN) == b"x"
