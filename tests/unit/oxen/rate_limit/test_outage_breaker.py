"""When the breaker opens, who waits, what is let pass, and when it gives up."""

from itertools import pairwise

import pytest

from nbp_dagster.oxen.errors import (
    CertificateRefused,
    ConnectionFailed,
    OxenError,
    RateLimited,
    ServerFault,
    ServiceAway,
    TimedOut,
    is_outage,
)
from nbp_dagster.oxen.rate_limit.outage_breaker import LAST_PROBE, MIN_FAULTS, Outage, OutageBreaker
from nbp_dagster.oxen.retry import RetryPolicy
from tests.fakes.clock import FakeClock

REFUSED = ConnectionFailed(
    "ConnectionRefusedError: [Errno 111] Connection refused", endpoint="POST q", maybe_sent=False
)


class Rig:
    """A breaker over a service that is up or not; every request names its place."""

    def __init__(self, *, limit: float = 600.0) -> None:
        self.clock = FakeClock()
        self.breaker = OutageBreaker(self.clock, limit=limit)
        self.is_up = True
        self.takes_posts = True
        self.sent: list[tuple[float, str]] = []
        # Seconds of the clock at which the service comes back.
        self.back_at = float("inf")

    def send(self, place: str, *, is_post: bool = False) -> None:
        """Send one request.

        Raises:
            ConnectionFailed: The service is away.
        """
        with self.breaker.attempt(is_post=is_post, place=place) as attempt:
            self.sent.append((self.clock.monotonic(), place))
            if not self.is_up and self.clock.monotonic() < self.back_at:
                raise REFUSED
            is_taken = self.takes_posts or not is_post
            attempt.record_status(200 if is_taken else 503)

    def fail(self, times: int, *, is_post: bool = True, place: str = "queue") -> None:
        """Send requests while the service is away."""
        self.is_up = False
        for _ in range(times):
            with pytest.raises(ConnectionFailed):
                self.send(place, is_post=is_post)

    def probe(self) -> None:
        """The engine's cheap request; its errors are its own."""
        try:
            self.send("list")
        except ConnectionFailed as error:
            raise error


def test_a_few_faults_hold_nothing_up() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        rig.fail(MIN_FAULTS - 1)
        rig.is_up = True
        rig.send("queue", is_post=True)

    assert rig.clock.sleeps == ()


def test_faults_among_many_answers_hold_nothing_up() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        for _ in range(6):
            rig.is_up = True
            rig.send("queue", is_post=True)
            rig.send("list")
            rig.fail(1)

        assert not rig.breaker.is_open


def test_a_post_waits_until_a_probe_is_answered_and_is_sent_once() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        rig.fail(MIN_FAULTS)
        rig.back_at = 15.0
        rig.send("queue", is_post=True)

        assert rig.breaker.outage() is None
    waited = [place for _, place in rig.sent[MIN_FAULTS:]]
    assert waited == ["list"] * 4 + ["queue"], "1, 2, 4, 8 s apart, then the post"
    assert rig.sent[-1][0] == pytest.approx(15.5, abs=1.0)


def test_after_the_limit_nothing_is_sent_and_the_error_says_why() -> None:
    rig = Rig(limit=600.0)
    with rig.breaker.active(probe=rig.probe):
        rig.fail(MIN_FAULTS)
        with pytest.raises(ServiceAway) as caught:
            rig.send("queue", is_post=True)

        assert rig.clock.monotonic() == pytest.approx(600.0, abs=LAST_PROBE + 1)
        assert [place for _, place in rig.sent if place == "queue"] == ["queue"] * MIN_FAULTS
    assert caught.value.detail == "connection refused for more than 10 min"
    assert "Error" not in str(caught.value)


def test_a_probe_costs_less_and_less() -> None:
    rig = Rig(limit=600.0)
    with rig.breaker.active(probe=rig.probe):
        rig.fail(MIN_FAULTS)
        with pytest.raises(ServiceAway):
            rig.send("queue", is_post=True)

    probes = [at for at, place in rig.sent if place == "list"]
    assert len(probes) < 600 / LAST_PROBE + 6
    assert max(b - a for a, b in pairwise(probes)) <= LAST_PROBE + 1


def test_a_queue_that_takes_no_posts_holds_posts_only() -> None:
    rig = Rig(limit=600.0)
    rig.takes_posts = False
    with rig.breaker.active(probe=rig.probe):
        for _ in range(MIN_FAULTS):
            rig.send("queue", is_post=True)
            rig.send("list")
        began = rig.clock.monotonic()
        rig.send("list")
        assert rig.clock.monotonic() == began, "what is answered does not wait"

        rig.send("queue", is_post=True)
        assert rig.breaker.is_open, "that post was the next trial, and met a fault"
        rig.takes_posts = True
        rig.send("queue", is_post=True)
        assert not rig.breaker.is_open
    posts = [at for at, place in rig.sent if place == "queue"]
    assert posts[-2] >= 1.0
    assert posts[-1] - posts[-2] >= 2.0


def test_one_url_that_fails_says_nothing_of_the_others() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        for _ in range(20):
            rig.fail(1, is_post=False, place="list")
            rig.is_up = True
            rig.send("job 1")

        assert not rig.breaker.is_open


def test_a_lone_call_is_waited_for_before_its_attempts_are_used_up() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        rig.send("list")
        rig.fail(RetryPolicy().attempts, is_post=False, place="job 1")

        assert rig.breaker.keeps_trying(REFUSED, rig.clock.monotonic())


def test_reads_that_fail_in_several_places_wait_and_probe_by_themselves() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        rig.fail(3, is_post=False, place="job 1")
        rig.fail(2, is_post=False, place="job 2")
        rig.back_at = 3.0
        rig.fail(1, is_post=False, place="job 3")
        assert rig.breaker.keeps_trying(REFUSED, rig.clock.monotonic())
        rig.send("job 3")

        assert not rig.breaker.is_open
    assert [at for at, _ in rig.sent[5:]] == pytest.approx([1.0, 3.0], abs=0.3)


def test_an_attempt_that_began_in_an_outage_counts_as_none_once_another_has_ended_it() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        rig.fail(3, is_post=False, place="job 1")
        rig.fail(3, is_post=False, place="job 2")
        began = rig.clock.monotonic()
        rig.back_at = began + 3.0
        rig.clock.sleep(3.0)
        rig.send("job 3")
        rig.clock.sleep(1.0)

        assert not rig.breaker.is_open
        assert rig.breaker.keeps_trying(REFUSED, began)
        assert not rig.breaker.keeps_trying(REFUSED, rig.clock.monotonic())


@pytest.mark.parametrize("limit", [0.0, 600.0])
def test_outside_a_batch_or_without_a_limit_nothing_waits(limit: float) -> None:
    rig = Rig(limit=limit)
    if limit:
        rig.fail(20)
    else:
        with rig.breaker.active(probe=rig.probe):
            rig.fail(20)

    assert rig.clock.sleeps == ()
    assert not rig.breaker.keeps_trying(REFUSED, rig.clock.monotonic())


def test_a_batch_begins_without_the_outage_of_the_one_before() -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        rig.fail(MIN_FAULTS)
    rig.is_up = True
    with rig.breaker.active(probe=rig.probe):
        rig.send("queue", is_post=True)

    assert rig.clock.sleeps == ()


def test_a_certificate_that_is_refused_is_no_outage() -> None:
    rig = Rig()
    refused = CertificateRefused("self-signed", endpoint="POST q", maybe_sent=False)
    with rig.breaker.active(probe=rig.probe):
        for _ in range(10):
            with (
                pytest.raises(CertificateRefused),
                rig.breaker.attempt(is_post=True, place="queue"),
            ):
                raise refused

        assert not rig.breaker.is_open
    assert not is_outage(refused)


@pytest.mark.parametrize(
    ("outage", "words"),
    [
        (
            Outage("connection refused", 42.0, 558.0),
            "waiting for the service: connection refused for 42 s, gives up in 9 min",
        ),
        (
            Outage("it answers 503", 190.0, 110.4),
            "waiting for the service: it answers 503 for 3 min, gives up in 110 s",
        ),
    ],
)
def test_the_words_say_since_when_and_until_when(outage: Outage, words: str) -> None:
    assert outage.in_words() == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (REFUSED, "connection refused"),
        (TimedOut("no byte for 60 s", endpoint="x", maybe_sent=True), "no byte for 60 s"),
        (
            ConnectionFailed("gaierror: Name or service not known", endpoint="x", maybe_sent=False),
            "name or service not known",
        ),
    ],
)
def test_a_reason_is_said_without_the_name_of_a_class(error: ConnectionFailed, words: str) -> None:
    rig = Rig()
    with rig.breaker.active(probe=rig.probe):
        for _ in range(MIN_FAULTS):
            with (
                pytest.raises(ConnectionFailed),
                rig.breaker.attempt(is_post=True, place="queue"),
            ):
                raise error
        rig.clock.advance(600)
        with pytest.raises(ServiceAway) as caught:
            rig.send("queue", is_post=True)

    assert caught.value.detail == f"{words} for more than 10 min"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (REFUSED, True),
        (ServerFault("x", endpoint="x", status=503), True),
        (RateLimited("x", endpoint="x", status=429), True),
        (ServiceAway("x", endpoint="x"), True),
        (OxenError("x", endpoint="x"), False),
        (ValueError("x"), False),
    ],
)
def test_what_waiting_mends_is_told_from_what_it_does_not(error: Exception, expected: bool) -> None:
    assert is_outage(error) is expected
