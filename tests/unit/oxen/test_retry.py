"""What is sent again, when, and after how long."""

import pytest

from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    BadResponse,
    CertificateRefused,
    ClientOutdated,
    ConnectionFailed,
    ContentRefused,
    DownloadFailed,
    NotFound,
    OutOfCredit,
    OxenError,
    RateLimited,
    ServerFault,
    TimedOut,
    Unauthorized,
    UnsafeUrl,
)
from nbp_dagster.oxen.retry import Decision, Retrier, RetryPolicy, decide, parse_retry_after
from tests.fakes.clock import FakeClock

AT = {"endpoint": "X https://hub.test/y"}
REFUSED_LINE = ConnectionFailed("refused", maybe_sent=False, **AT)
NO_CONNECTION = TimedOut("connect", maybe_sent=False, **AT)
RESET = ConnectionFailed("reset", maybe_sent=True, **AT)
SILENCE = TimedOut("read", maybe_sent=True, **AT)
CERTIFICATE = CertificateRefused("bad", maybe_sent=False, **AT)
THROTTLED = RateLimited("slow down", status=429, **AT)
FAULT = ServerFault("busy", status=503, **AT)
GARBLED = BadResponse("cut", status=200, **AT)

TRUTH_TABLE: list[tuple[OxenError, str, Decision]] = [
    (REFUSED_LINE, "GET", "retry"),
    (REFUSED_LINE, "POST", "retry"),
    (NO_CONNECTION, "POST", "retry"),
    (THROTTLED, "GET", "retry"),
    (THROTTLED, "POST", "retry"),
    (CERTIFICATE, "GET", "raise"),
    (CERTIFICATE, "POST", "raise"),
    *[
        (error, method, "retry")
        for error in (RESET, SILENCE, FAULT, GARBLED)
        for method in ("GET", "PUT", "DELETE", "get")
    ],
    *[(error, "POST", "ambiguous") for error in (RESET, SILENCE, FAULT, GARBLED)],
    *[
        (kind("no", **AT), method, "raise")
        for kind in (
            BadRequest,
            NotFound,
            Unauthorized,
            OutOfCredit,
            ClientOutdated,
            ContentRefused,
            UnsafeUrl,
            AmbiguousPost,
        )
        for method in ("GET", "POST")
    ],
    (DownloadFailed("gone", expired=True, **AT), "GET", "raise"),
]


@pytest.mark.parametrize(
    ("error", "method", "expected"),
    TRUTH_TABLE,
    ids=lambda value: type(value).__name__ if isinstance(value, OxenError) else str(value),
)
def test_error_and_method_decide(error: OxenError, method: str, expected: Decision) -> None:
    assert decide(error, method) == expected


def test_an_error_of_our_own_code_is_not_retried() -> None:
    assert decide(KeyError("bug"), "GET") == "raise"


NOW = 1_800_000_000.0  # Fri, 15 Jan 2027 08:00:00 GMT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("5", 5.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("Fri, 15 Jan 2027 08:00:30 GMT", 30.0),
        ("Fri, 15 Jan 2027 09:00:30 +0100", 30.0),
        ("Fri, 15 Jan 2027 08:00:30 -0000", 30.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, expected: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == expected


class Line:
    """Fails with the given errors in turn, then returns; counts the attempts."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.attempts = 0

    def __call__(self) -> str:
        self.attempts += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def make_retrier(
    clock: FakeClock, *, policy: RetryPolicy | None = None, jitter: float = 1.0
) -> Retrier:
    return Retrier(policy or RetryPolicy(), clock, jitter=lambda: jitter)


def test_delays_double_up_to_the_cap() -> None:
    clock, line = FakeClock(), Line(FAULT, FAULT, FAULT, FAULT)
    policy = RetryPolicy(base_delay=1.0, max_delay=3.0)

    assert make_retrier(clock, policy=policy).call(line, method="GET") == "done"
    assert clock.sleeps == (1.0, 2.0, 3.0, 3.0)


def test_jitter_spreads_over_the_upper_half() -> None:
    clock, line = FakeClock(), Line(FAULT)

    make_retrier(clock, policy=RetryPolicy(base_delay=1.0), jitter=0.0).call(line, method="GET")

    assert clock.sleeps == (0.5,)


def test_attempts_end_with_the_last_error_unchanged() -> None:
    clock, line = FakeClock(), Line(*[FAULT] * 9)

    with pytest.raises(ServerFault) as caught:
        make_retrier(clock, policy=RetryPolicy(attempts=3)).call(line, method="GET")

    assert caught.value is FAULT
    assert line.attempts == 3


def test_attempts_that_fell_into_an_outage_count_as_none_though_it_has_ended() -> None:
    clock, line = FakeClock(), Line(*[FAULT] * 9)
    ended_at = 30.0
    policy = RetryPolicy(attempts=3, base_delay=10.0, max_delay=10.0, total_seconds=35.0)
    retrier = Retrier(
        policy, clock, jitter=lambda: 1.0, keeps_trying=lambda error, began: began <= ended_at
    )

    with pytest.raises(ServerFault):
        retrier.call(line, method="GET")

    # At 0, 10, 20 and 30 s within it, and three after it.
    assert line.attempts == 4 + 3


def test_no_attempt_begins_after_the_total_time() -> None:
    clock, line = FakeClock(), Line(*[FAULT] * 99)
    policy = RetryPolicy(attempts=99, base_delay=10.0, max_delay=10.0, total_seconds=35.0)

    with pytest.raises(ServerFault):
        make_retrier(clock, policy=policy).call(line, method="GET")

    assert line.attempts == 4
    assert clock.monotonic() == 30.0


def test_the_time_an_attempt_takes_counts() -> None:
    clock = FakeClock()

    def slow() -> None:
        clock.advance(200.0)
        raise SILENCE

    with pytest.raises(TimedOut):
        make_retrier(clock).call(slow, method="GET")

    assert clock.monotonic() == 200.0 + 0.5 + 200.0


@pytest.mark.parametrize(("asked", "waited"), [(7.0, 7.0), (900.0, 120.0)])
def test_the_service_s_delay_is_honoured_up_to_the_ceiling(asked: float, waited: float) -> None:
    clock = FakeClock()
    line = Line(RateLimited("slow", status=429, retry_after=asked, **AT))

    make_retrier(clock, jitter=0.0).call(line, method="POST")

    assert clock.sleeps == (waited,)


def test_a_503_may_ask_for_a_delay_too() -> None:
    clock, line = FakeClock(), Line(ServerFault("busy", status=503, retry_after=9.0, **AT))

    make_retrier(clock, jitter=0.0).call(line, method="GET")

    assert clock.sleeps == (9.0,)


def test_a_429_without_a_delay_waits_longer_than_a_fault() -> None:
    clock, line = FakeClock(), Line(THROTTLED, FAULT)

    make_retrier(clock).call(line, method="GET")

    assert clock.sleeps == (5.0, 1.0)


def test_every_429_is_told_the_last_one_too() -> None:
    told: list[float] = []
    clock = FakeClock()
    throttle = RateLimited("slow", status=429, retry_after=4.0, **AT)
    retrier = Retrier(RetryPolicy(attempts=2), clock, jitter=lambda: 0.0, on_throttle=told.append)

    with pytest.raises(RateLimited):
        retrier.call(Line(throttle, throttle), method="GET")

    assert told == [4.0, 4.0]
    assert clock.sleeps == (4.0,)


def test_other_faults_are_not_told_as_throttling() -> None:
    told: list[float] = []
    retrier = Retrier(RetryPolicy(), FakeClock(), on_throttle=told.append)

    retrier.call(Line(FAULT, REFUSED_LINE), method="GET")

    assert told == []


@pytest.mark.parametrize("fault", [RESET, SILENCE, FAULT, GARBLED])
def test_a_post_that_may_have_been_read_is_sent_once(fault: OxenError) -> None:
    clock, line = FakeClock(), Line(fault)

    with pytest.raises(AmbiguousPost) as caught:
        make_retrier(clock).call(line, method="POST")

    assert line.attempts == 1
    assert clock.sleeps == ()
    assert caught.value.__cause__ is fault
    assert (caught.value.endpoint, caught.value.status) == (fault.endpoint, fault.status)


def test_a_post_repeated_after_a_429_is_still_ambiguous_when_it_breaks() -> None:
    line = Line(THROTTLED, REFUSED_LINE, RESET)

    with pytest.raises(AmbiguousPost):
        make_retrier(FakeClock()).call(line, method="POST")

    assert line.attempts == 3


def test_a_post_that_was_never_read_ends_as_what_it_is() -> None:
    line = Line(*[REFUSED_LINE] * 9)

    with pytest.raises(ConnectionFailed) as caught:
        make_retrier(FakeClock(), policy=RetryPolicy(attempts=2)).call(line, method="POST")

    assert caught.value is REFUSED_LINE


def test_a_policy_of_no_attempts_is_refused() -> None:
    with pytest.raises(ValueError, match="attempts is 0"):
        RetryPolicy(attempts=0)
