"""Every status and body becomes the error a caller can act on."""

import json

import pytest

from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    BadResponse,
    ClientOutdated,
    ContentRefused,
    DownloadFailed,
    NotFound,
    OutOfCredit,
    OxenError,
    PageAnswered,
    RateLimited,
    ServerFault,
    Unauthorized,
    classify,
)

ENDPOINT = "POST https://hub.test/api/ai/queue"
REFUSED = b'{"error": {"message": "Blocked by our content policy"}}'
REFUSED_LONG = b"""{"error": {"type": "invalid_params", "title": "Invalid parameters",
    "detail": "Content policy violation"}, "status": "error", "status_message": "invalid_params"}"""
REFUSED_KINDLY = b'{"error": {"message": "Blocked by our content policy. Please try again."}}'
# What turned the request away judged no picture.
TURNED_AWAY = (
    b'{"error": {"message": "Request blocked by WAF policy"}}',
    b'{"error": {"message": "The image was not allowed by the storage bucket policy"}}',
    b'{"error": {"message": "Your IP address has been flagged"}}',
    b'{"error": {"message": "Unknown parameter: \'moderation\'."}}',
)
BANNED = b'{"error": {"message": "Your account was flagged: it violates our terms of service"}}'
FILTER_QUOTA = b'{"error": {"message": "content moderation API quota exceeded"}}'
# What stands between here and the service may have a content filter of its own.
PAGES = (
    b"<html><title>Blocked by content filter</title></html>",
    b"Blocked by content policy",
    b'{"message": "content filter", "category": "unsafe content"}',
    b'{"error": "content policy"}',
    b'{"error": {"code": "content_filter"}}',
    b'[{"error": {"message": "content filter"}}]',
)
PAGE_MEANINGS = ((403, Unauthorized), (400, BadRequest), (422, BadRequest), (502, ServerFault))
BROKE = b'{"error": {"detail": "Insufficient credits"}}'
LOW_CREDIT_THROTTLE = b'{"error": {"detail": "not enough credits for a higher rate limit"}}'
QUOTA = b'{"error": {"message": "You exceeded your current quota, check your plan and billing"}}'
# An empty budget, as gateways before such models say it with a 400.
BUDGETS = (
    b'{"error": {"message": "Budget has been exceeded! Current cost: 14.2, Max budget: 10.0", '
    b'"type": "budget_exceeded", "param": null, "code": "400"}}',
    b'{"error": {"message": "no more", "type": "budget_exceeded"}}',
    b'{"error": {"message": "no more", "code": "insufficient_quota"}}',
    b'{"error": {"message": "Monthly spend limit reached. You can set it higher"}}',
)
# A quota's end in the shapes and words of the services behind this one.
LASTING = (
    b'{"error": {"message": "Quota exceeded for requests of this model."}}',
    b'{"error": {"message": "Quota exceeded.", "details": [1, {}, {"retryDelay": 5}]}}',
    b'{"error": "You exceeded your current quota"}',
    b'{"message": "monthly quota exhausted"}',
    b"You exceeded your current quota, please check your plan and billing details.",
    b'[{"error": {"code": 429, "message": "You exceeded your current quota", "status": "X"}}]',
    b'{"error": {"message": "no more", "type": "insufficient_quota"}}',
    b'{"error": {"message": "no more", "code": "insufficient_quota"}}',
    b'{"error": {"message": "insufficient credits"}}',
    b'{"error": {"message": "Daily limit reached"}}',
    b'{"error": "quota_exceeded"}',
    b'{"error": {"message": "no more", "code": "billing_hard_limit_reached"}}',
    b'{"error": {"message": "Your subscription has expired"}}',
    b'{"error": {"message": "Free tier limit reached"}}',
    b'{"error": {"message": "You hit the limit of 100 images per day"}}',
    b'{"error": {"message": "Payment method declined"}}',
    b'{"error": {"message": "You exceeded your current quota. Please retry in 24h"}}',
)
DELAYED = b"""{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED",
    "message": "Quota exceeded for requests of this model.", "details": [
    {"@type": "type.googleapis.com/google.rpc.QuotaFailure"},
    {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "DELAY"}]}}"""
MOMENTARY = (
    DELAYED.replace(b"DELAY", b"34.5s"),
    b"[" + DELAYED.replace(b"DELAY", b"34s") + b"]",
    b"Too many requests",
    b'{"error": "Rate limit exceeded, retry after 3 s"}',
    b'[{"error": {"message": "Quota exceeded for requests per minute"}}]',
    b'{"error": {"message": "You exceeded your current quota. Please retry in 51.9s"}}',
)
TOLERANCE = b'{"error": {"detail": "safety_tolerance: must be one of 1 to 6"}}'


def classify_body(status: int, body: bytes = b"") -> OxenError:
    return classify(status, body, endpoint=ENDPOINT)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b"", BadRequest),
        (401, b"", Unauthorized),
        (402, b"", OutOfCredit),
        (403, b"", Unauthorized),
        (404, b"", NotFound),
        (405, b"", BadRequest),
        (408, b"", ServerFault),
        (409, b"", BadRequest),
        (413, b"", BadRequest),
        (422, b"", BadRequest),
        (426, b"", ClientOutdated),
        (429, b"", RateLimited),
        (500, b"", ServerFault),
        (502, b"<html><title>Bad gateway</title></html>", ServerFault),
        (503, b"", ServerFault),
        (524, b"", ServerFault),
        (301, b"", BadRequest),
        (400, REFUSED, ContentRefused),
        (403, REFUSED, ContentRefused),
        (422, REFUSED, ContentRefused),
        (400, REFUSED_LONG, ContentRefused),
        (400, REFUSED_KINDLY, ContentRefused),
        (403, BANNED, Unauthorized),
        *((403, body, Unauthorized) for body in TURNED_AWAY),
        *((400, body, BadRequest) for body in TURNED_AWAY),
        (400, FILTER_QUOTA, OutOfCredit),
        (500, REFUSED, ServerFault),
        (408, REFUSED, ServerFault),
        *((status, page, expected) for page in PAGES for status, expected in PAGE_MEANINGS),
        (200, REFUSED, ContentRefused),
        (401, REFUSED, Unauthorized),
        (429, REFUSED, RateLimited),
        (400, BROKE, OutOfCredit),
        (403, BROKE, OutOfCredit),
        (500, BROKE, ServerFault),
        (503, b"You are out of credits", ServerFault),
        (200, BROKE, OutOfCredit),
        (429, LOW_CREDIT_THROTTLE, RateLimited),
        (429, QUOTA, OutOfCredit),
        (429, b"<html>quota exceeded, upgrade your plan</html>", RateLimited),
        (429, b"<p>" + b"x" * 600 + b"quota exceeded</p>", RateLimited),
        *((429, body, OutOfCredit) for body in LASTING),
        *((429, body, RateLimited) for body in MOMENTARY),
        *((400, body, OutOfCredit) for body in BUDGETS),
        (429, DELAYED.replace(b"DELAY", b"86400s"), OutOfCredit),
        (400, b'{"error": {"message": "Billing hard limit has been reached"}}', OutOfCredit),
        (422, TOLERANCE, BadRequest),
        (200, b'{"error": {"type": "unauthenticated"}}', Unauthorized),
        (200, b'{"error": {"type": "resource_not_found"}}', NotFound),
        (200, b'{"error": {"type": "invalid_params"}}', BadRequest),
        (200, b'{"error": {"type": "unknown_error"}}', BadResponse),
        (200, b'{"error": "something"}', BadResponse),
    ],
)
def test_status_and_words_decide_the_class(
    status: int, body: bytes, expected: type[OxenError]
) -> None:
    assert type(classify_body(status, body)) is expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b'{"error":{"type":"invalid_params","title":"Invalid","detail":"bad count"}}',
            "bad count",
        ),
        (b'{"error":{"type":"invalid_params","title":"Invalid parameters"}}', "Invalid parameters"),
        (b'{"error":{"message":"Model not found: foo"}}', "Model not found: foo"),
        (b'{"error":"plain"}', "plain"),
        (
            b'{"error":{"detail":[{"loc":["aspect_ratio"],"msg":"no"}]}}',
            '[{"loc": ["aspect_ratio"], "msg": "no"}]',
        ),
        (b'{"detail":"top level"}', "top level"),
        (b'{"status":"error","status_message":"invalid_params"}', "invalid_params"),
        (b'{"surprise":1}', '{"surprise": 1}'),
        (b"just text", "just text"),
        (b"<html><head><title>502 Bad Gateway</title></head><body>x</body></html>", "502 Bad"),
        (b"<p>Overloaded<br>try later</p>", "Overloaded try later"),
        (b'{"error": "cut sho', '{"error": "cut sho'),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", "Bad Request"),
    ],
)
def test_the_service_s_words_are_found_in_every_shape(body: bytes, words: str) -> None:
    assert classify_body(400, body).detail.startswith(words)


def test_an_unknown_status_without_words_says_so() -> None:
    assert classify_body(524).detail == "no words came with it"


def test_a_message_names_endpoint_status_words_request_and_remedy() -> None:
    error = classify(422, b'{"error":"bad ratio."}', endpoint=ENDPOINT, request_id="r-17")

    assert str(error) == (
        f"{ENDPOINT} answered 422: bad ratio (request id r-17). "
        "Correct the request: the same one will fail again."
    )


def test_a_message_is_one_line_of_bounded_length() -> None:
    error = classify_body(500, b"first\r\nsecond\n" + b"x" * 100_000)

    assert "\n" not in str(error)
    assert "first second" in str(error)
    assert len(str(error)) < 700


@pytest.mark.parametrize(
    "kind",
    [
        *(BadRequest, BadResponse, PageAnswered, ContentRefused, AmbiguousPost, OutOfCredit),
        *(RateLimited, ServerFault),
    ],
)
def test_every_class_tells_what_to_do(kind: type[OxenError]) -> None:
    error = kind("words", endpoint=ENDPOINT)

    assert str(error) == f"{ENDPOINT} failed: words. {kind.advice}"
    assert len(kind.advice) > 20


@pytest.mark.parametrize(
    ("echo", "leak"),
    [
        ("Invalid key sk-live-123 given", "sk-live-123"),
        ("header was 'Authorization: Bearer abc.def'", "abc.def"),
        ("Forbidden for url: https://hub.test/a.png?oxen_signature=s3cret&x=1", "s3cret"),
        ("reference data:image/png;base64,AAAABBBBCCCC too large", "AAAABBBB"),
        ("could not fetch /api/a.png?oxen_signature=s3cret", "s3cret"),
        ("could not fetch /api/a.png?v=1&sig=s3cret", "s3cret"),
    ],
)
def test_secrets_the_service_echoes_are_cut(echo: str, leak: str) -> None:
    body = f'{{"error": {{"detail": "{echo}"}}}}'.encode()

    error = classify(400, body, endpoint=ENDPOINT, secrets=("sk-live-123",))

    assert leak not in str(error)
    assert leak not in repr(error)
    assert leak not in error.detail


def test_an_endpoint_given_with_its_query_loses_it() -> None:
    error = DownloadFailed("gone", endpoint="GET https://hub.test/a.png?sig=s3cret", expired=True)

    assert "s3cret" not in str(error)


def test_retry_after_and_error_type_are_kept() -> None:
    body = b'{"error": {"type": "lock_timeout", "detail": "busy"}}'

    error = classify(429, body, endpoint=ENDPOINT, retry_after=5.0)

    assert isinstance(error, RateLimited)
    assert (error.retry_after, error.error_type) == (5.0, "lock_timeout")


def test_a_quota_with_a_short_retry_after_is_waited_for() -> None:
    error = classify(429, QUOTA, endpoint=ENDPOINT, retry_after=5.0)

    assert isinstance(error, RateLimited)
    assert error.retry_after == 5.0


def test_a_retry_after_fills_no_empty_account() -> None:
    assert type(classify(429, BROKE, endpoint=ENDPOINT, retry_after=5.0)) is OutOfCredit


def test_a_refusal_behind_a_long_trace_is_still_seen() -> None:
    words = f"Getting model response error: 422 - {'.' * 900} violates our content policy"
    body = json.dumps({"error": {"detail": words}}).encode()

    error = classify_body(422, body)

    assert isinstance(error, ContentRefused)
