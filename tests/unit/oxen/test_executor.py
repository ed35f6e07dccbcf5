"""What every call has in common: delays, redirects, request ids, and secrets that stay secret."""

import json
from collections.abc import Sequence

import pytest

from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    BadRequest,
    BadResponse,
    NotFound,
    OxenError,
    RateLimited,
    Unauthorized,
    UnsafeUrl,
)
from nbp_dagster.oxen.executor import LONG_SECONDS, MAX_VALUES
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import HttpResponse
from tests.fakes.clock import FakeClock
from tests.fakes.transport import ScriptedTransport, Step, json_answer
from tests.unit.oxen.clients import BASE, JOB, KEY, QUEUED, make_client, the_request


def test_a_retry_after_date_is_measured_by_the_clock() -> None:
    clock = FakeClock()  # stands at Fri, 15 Jan 2027 08:00:00 GMT
    limited = HttpResponse(status=429, headers={"Retry-After": "Fri, 15 Jan 2027 08:00:40 GMT"})
    client, _ = make_client(limited, json_answer(JOB), clock=clock)

    client.get_generation("g-1")

    assert clock.sleeps == (40.0,)


def test_one_429_is_told_to_the_hook() -> None:
    told: list[float] = []
    client = OxenClient(
        BASE,
        api_key=KEY,
        transport=ScriptedTransport(
            [HttpResponse(status=429, headers={"Retry-After": "7"}), json_answer(JOB)]
        ),
        clock=FakeClock(),
        retry=RetryPolicy(),
        on_throttle=told.append,
        jitter=lambda: 0.0,
    )

    client.get_generation("g-1")

    assert told == [7.0]


def test_an_api_redirect_is_refused_and_names_its_target() -> None:
    moved = HttpResponse(status=308, headers={"Location": "https://other.test/api?sig=s3cret"})
    client, transport = make_client(moved)

    with pytest.raises(BadRequest, match=r"redirected to https://other\.test/api, where") as caught:
        client.enqueue(model="m", prompt="p")

    assert len(transport.requests) == 1
    assert "s3cret" not in str(caught.value)


def test_the_request_id_reaches_the_message() -> None:
    client, _ = make_client(
        HttpResponse(status=404, headers={"X-Oxen-Request-Id": "r-9"}, body=b"gone")
    )

    with pytest.raises(NotFound, match=r"gone \(request id r-9\)") as caught:
        client.get_generation("g")

    assert caught.value.request_id == "r-9"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_key_the_service_echoes_reaches_no_message(status: int) -> None:
    echo = HttpResponse(status=status, body=f"bad key {KEY}, not {KEY!r}".encode())
    client, _ = make_client(echo, echo, echo)

    with pytest.raises(OxenError) as caught:
        client.get_generation("g-1")

    assert "bad key [key]" in str(caught.value)
    assert KEY not in repr(caught.value)


def test_a_key_the_service_echoes_is_shown_by_no_record() -> None:
    job = {**JOB, "status": "failed", "error_message": f"header {KEY} refused", "note": KEY}
    client, _ = make_client(json_answer(job))

    found = client.get_generation("g-1")

    assert found.error_message == "header [key] refused"
    # What was sent is compared with it; nothing shows it.
    assert dict(found.params) == {"note": KEY}
    assert KEY not in repr(found)


def test_no_repr_shows_the_key_or_the_prompt() -> None:
    client, transport = make_client(json_answer(QUEUED))
    client.enqueue(model="m", prompt="a secret prompt")

    shown = repr([client, *vars(client).values(), the_request(transport)])

    assert KEY not in shown
    assert "secret prompt" not in shown
    assert repr(client) == "OxenClient('https://hub.test')"


@pytest.mark.parametrize("base", ["https://hub.test", "https://hub.test/", " https://hub.test// "])
def test_the_base_url_may_end_in_slashes(base: str) -> None:
    client, transport = make_client(json_answer(JOB), base_url=base)

    client.get_generation("g")

    assert the_request(transport).url == "https://hub.test/api/ai/queue/g"
    assert client.base_url == "https://hub.test"


@pytest.mark.parametrize(
    "base", ["hub.test", "ftp://hub.test", "https://u:p@hub.test", "", "https://hub.test?x=1"]
)
def test_a_base_url_that_is_no_service_is_refused(base: str) -> None:
    with pytest.raises(UnsafeUrl):
        make_client(base_url=base)


HTTP_ELSEWHERE = [
    "http://hub.test",
    "HTTP://10.0.0.7:8080",
    "http://localhost.test",
    "http://[::2]",
]


@pytest.mark.parametrize("base", [*HTTP_ELSEWHERE, "http://127.0.0.1.test", "http://127.1"])
def test_http_to_another_machine_is_refused_in_one_line_before_anything_is_sent(base: str) -> None:
    with pytest.raises(UnsafeUrl) as caught:
        make_client(base_url=base)

    message = str(caught.value)
    assert message.startswith(f"{base} failed: http sends the key and every prompt in clear")
    assert "NBP_ALLOW_HTTP=true" in message
    assert KEY not in message


@pytest.mark.parametrize("base", HTTP_ELSEWHERE)
def test_http_to_another_machine_is_spoken_where_it_is_allowed(base: str) -> None:
    transport = ScriptedTransport([json_answer(JOB)])
    client = OxenClient(
        base,
        api_key=KEY,
        transport=transport,
        clock=FakeClock(),
        retry=RetryPolicy(),
        allow_http=True,
    )

    assert client.get_generation("g").generation_id == "g-1"


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:8123", "http://localhost", "http://[::1]:80", "http://127.8.9.1"]
)
def test_http_to_this_machine_needs_no_leave(base: str) -> None:
    client, _ = make_client(json_answer(JOB), base_url=base)

    assert client.get_generation("g").generation_id == "g-1"


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nbreak", "schlüssel"])
def test_a_key_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(Unauthorized, match="API key") as caught:
        OxenClient(
            BASE,
            api_key=key,
            transport=ScriptedTransport([]),
            clock=FakeClock(),
            retry=RetryPolicy(),
        )

    assert not key.strip() or key not in str(caught.value)


def test_a_key_pasted_with_a_line_break_is_trimmed() -> None:
    transport = ScriptedTransport([json_answer(JOB)])
    client = OxenClient(
        BASE, api_key=f"{KEY}\n", transport=transport, clock=FakeClock(), retry=RetryPolicy()
    )

    client.get_generation("g")

    assert the_request(transport).bearer == KEY


def test_numbers_that_are_not_json_are_a_bad_response() -> None:
    bodies: Sequence[Step] = [HttpResponse(status=200, body=b'{"id": "m", "pricing": NaN}')] * 3
    client, _ = make_client(*bodies)

    with pytest.raises(BadResponse, match="not JSON"):
        client.get_model("m")


def test_the_total_of_a_throttled_call_ends_as_rate_limited() -> None:
    client, transport = make_client(*[HttpResponse(status=429)] * 3)

    with pytest.raises(RateLimited):
        client.enqueue(model="m", prompt="p")

    assert len(transport.requests) == 3


def test_a_body_survives_the_trip_through_json() -> None:
    client, transport = make_client(json_answer(QUEUED))

    client.enqueue(model="m", prompt='Überschrift "süß" \u2028 🍌')

    body = the_request(transport).body
    assert body is not None
    assert json.loads(body)["prompt"] == 'Überschrift "süß" \u2028 🍌'


@pytest.mark.parametrize("item", ["{}", '{"a":[]}', "[[]]", "0"])
def test_an_answer_of_too_many_values_is_not_made_into_objects(item: str) -> None:
    """Some bytes each, a hundred in memory: a list of 127 MB took 3.3 GB."""
    body = f'{{"generations": [{",".join([item] * (MAX_VALUES + 1))}]}}'.encode()
    client, _ = make_client(*[HttpResponse(status=200, body=body)] * RetryPolicy().attempts)

    with pytest.raises(BadResponse, match="JSON values, the limit is 1,000,000"):
        client.list_generations()


def test_a_list_of_ten_thousand_jobs_is_read() -> None:
    jobs = [{**JOB, "generation_id": f"g-{number}"} for number in range(10_000)]
    client, _ = make_client(json_answer({"count": len(jobs), "generations": jobs}))

    assert len(client.list_generations()) == 10_000


def test_every_call_has_a_total_time() -> None:
    client, transport = make_client(json_answer(QUEUED), json_answer({"generations": []}))

    client.enqueue(model="m", prompt="p")
    client.list_generations()

    assert [request.total_timeout for request in transport.requests] == [240.0, LONG_SECONDS]
    small, empty = transport.requests
    assert empty.send_timeout == 60.0
    assert small.send_timeout == pytest.approx(60.0, abs=0.1)
