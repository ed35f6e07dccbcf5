"""The arithmetic of rate and window, with plain numbers for time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from nbp_dagster.oxen.rate_limit.rate_state import (
    AHEAD_SECONDS,
    DEFAULT_HOLD,
    FIRST_RATE,
    FIRST_WINDOW,
    FORGET_SECONDS,
    MAX_HOLD,
    MAX_RATE,
    MEMBER_SECONDS,
    MIN_RATE,
    RateState,
    Slot,
)

NOW = 1000.0


def send(rate_state: RateState, now: float) -> tuple[RateState, Slot]:
    """Reserve a slot that is known to be free."""
    booked, slot = rate_state.reserve(now)
    assert isinstance(slot, Slot)
    return booked, slot


def serve(
    rate_state: RateState, seconds: float, *, start: float = NOW
) -> tuple[RateState, list[float]]:
    """Send whatever may be sent for so long; each is accepted. Returns the moments sent."""
    now, sent = start, list[float]()
    while True:
        rate_state, slot = rate_state.reserve(now)
        if not isinstance(slot, Slot):
            now += slot
            continue
        now = max(now, slot.at)
        if now >= start + seconds:
            return rate_state, sent
        sent.append(now)
        rate_state = rate_state.record_success(slot, now, is_post=False)


def refuse(rate_state: RateState, now: float, **options: object) -> RateState:
    """Have a request of this moment answered by a 429."""
    settings: dict[str, object] = {"retry_after": 1.0, "is_post": False, **options}
    return rate_state.record_throttle(Slot(now, rate_state.cuts), now, **settings)  # type: ignore[arg-type]


def known(ceiling: float) -> RateState:
    """A state right after a cut, to half of the ceiling."""
    before = replace(RateState.at(NOW - 10), rate=ceiling, taken=int(ceiling * 10) - 1)
    return refuse(before, NOW)


def test_fifty_requests_go_out_within_the_first_second() -> None:
    _, sent = serve(RateState.at(NOW), 1.0)

    assert len(sent) >= 50


def test_a_service_without_a_limit_is_soon_asked_as_fast_as_it_can_be() -> None:
    rate_state, sent = serve(RateState.at(NOW), 5.0)

    assert rate_state.rate == MAX_RATE
    assert sum(1 for at in sent if at >= NOW + 4) > 0.9 * MAX_RATE


def test_the_rate_doubles_within_each_second_while_the_service_keeps_up() -> None:
    rate_state, _ = serve(RateState.at(NOW), 1.0)

    assert 2 * FIRST_RATE <= rate_state.rate <= 3 * FIRST_RATE


def test_what_was_not_used_is_not_made_up_for() -> None:
    rate_state, first = send(RateState.at(NOW), NOW)
    rate_state, late = send(rate_state, NOW + 60)
    _, later = send(rate_state, NOW + 60)

    assert (first.at, late.at) == (NOW, NOW + 60)
    assert later.at == pytest.approx(late.at + 1 / FIRST_RATE)


def test_slots_are_given_away_only_a_little_ahead() -> None:
    rate_state = RateState.at(NOW)
    slots = []
    while True:
        rate_state, slot = rate_state.reserve(NOW)
        if not isinstance(slot, Slot):
            break
        slots.append(slot)

    assert len(slots) == AHEAD_SECONDS * FIRST_RATE + 1
    assert slots[-1].at <= NOW + AHEAD_SECONDS
    assert 0 < slot < AHEAD_SECONDS


def test_a_429_holds_everybody_as_long_as_it_asks() -> None:
    before, booked = send(replace(RateState.at(NOW), next_at=NOW + 0.4), NOW)
    held = refuse(before, NOW, retry_after=7.0)

    assert not held.is_valid(booked)
    assert held.reserve(NOW)[1] == 7.0 - AHEAD_SECONDS
    assert send(held, NOW + 7.0)[1].at == NOW + 7.0


def test_a_429_that_says_nothing_holds_for_a_moment() -> None:
    assert refuse(RateState.at(NOW), NOW, retry_after=None).held_until == NOW + DEFAULT_HOLD


def test_no_hold_is_endless() -> None:
    assert refuse(RateState.at(NOW), NOW, retry_after=1e9).held_until == NOW + MAX_HOLD


def test_the_longest_hold_wins() -> None:
    rate_state = refuse(RateState.at(NOW), NOW, retry_after=9.0)

    assert refuse(rate_state, NOW + 1, retry_after=2.0).held_until == NOW + 9.0


def test_a_429_halves_what_the_service_was_seen_to_take() -> None:
    before = replace(RateState.at(NOW - 10), rate=40.0, taken=299)
    rate_state = refuse(before, NOW)

    assert (rate_state.ceiling, rate_state.rate) == (30.0, 15.0)


def test_where_little_was_asked_the_ceiling_is_no_lower_than_half_the_rate() -> None:
    before = replace(RateState.at(NOW - 500), rate=40.0, taken=3)

    assert refuse(before, NOW).ceiling == 20.0


def test_429s_of_requests_sent_before_the_cut_count_once() -> None:
    before = RateState.at(NOW - 5)
    slot = Slot(NOW, before.cuts)
    first = before.record_throttle(slot, NOW, retry_after=1.0, is_post=True)
    second = first.record_throttle(slot, NOW + 0.1, retry_after=3.0, is_post=True)

    assert (second.rate, second.window, second.cuts) == (first.rate, first.window, first.cuts)
    assert second.held_until == NOW + 3.1, "but what it asks for is honoured"


def test_answers_to_requests_sent_before_the_cut_do_not_speed_up() -> None:
    rate_state = known(20.0)

    assert rate_state.record_success(Slot(NOW - 1, 0), NOW, is_post=True).rate == rate_state.rate


def test_after_a_cut_it_is_soon_back_at_the_ceiling_and_stays_about_there() -> None:
    rate_state, _ = serve(known(20.0), 4.0, start=NOW + 1)
    later, _ = serve(rate_state, 4.0, start=NOW + 5)

    assert rate_state.rate == pytest.approx(20.0, rel=0.01)
    assert later.rate == pytest.approx(20.0, rel=0.05)


def test_above_the_ceiling_it_probes_ever_faster() -> None:
    rate_state, _ = serve(known(20.0), 40.0, start=NOW + 1)

    assert rate_state.rate > 60.0


def test_a_rate_that_is_not_used_does_not_grow() -> None:
    rate_state, _ = serve(known(20.0), 4.0, start=NOW + 1)
    _, slot = send(rate_state, NOW + 300)

    assert rate_state.record_success(slot, NOW + 300, is_post=False).rate < 20.5


def test_a_long_hold_makes_the_search_gentler() -> None:
    before = replace(RateState.at(NOW - 10), rate=20.0, taken=200)
    cheap, _ = serve(refuse(before, NOW, retry_after=1.0), 20.0, start=NOW + 1)
    dear, _ = serve(refuse(before, NOW, retry_after=30.0), 20.0, start=NOW + 30)

    assert dear.rate < 21.0 < cheap.rate


@pytest.mark.parametrize("now", [NOW - 1, NOW + FORGET_SECONDS])
def test_what_is_from_before_a_restart_or_too_old_is_not_current(now: float) -> None:
    assert not RateState.at(NOW).is_current(now)
    assert RateState.at(NOW).is_current(NOW + 1)


def take(rate_state: RateState, posts: int) -> RateState:
    """Have the service accept so many POSTs."""
    for _ in range(posts):
        rate_state = rate_state.record_success(Slot(NOW, rate_state.cuts), NOW, is_post=True)
    return rate_state


def test_the_window_starts_low_and_grows_by_each_job_that_was_taken() -> None:
    rate_state, room = RateState.at(NOW).share("a", 0, limit=64, now=NOW)
    _, more = take(rate_state, 5).share("a", 0, limit=64, now=NOW)

    assert (room, more) == (FIRST_WINDOW, FIRST_WINDOW + 5)


def test_a_get_does_not_widen_the_window() -> None:
    rate_state, _ = RateState.at(NOW).share("a", 0, limit=64, now=NOW)

    assert rate_state.record_success(Slot(NOW, 0), NOW, is_post=False).window == rate_state.window


def test_the_window_grows_no_further_than_anybody_may_use() -> None:
    rate_state, _ = RateState.at(NOW).share("a", 0, limit=12, now=NOW)

    assert take(rate_state, 500).window == 12


def test_there_is_never_room_for_more_than_the_limit() -> None:
    assert RateState.at(NOW).share("a", 1, limit=3, now=NOW)[1] == 2


def test_a_429_on_a_post_halves_the_window_and_from_then_on_it_grows_slowly() -> None:
    rate_state, _ = RateState.at(NOW).share("a", 0, limit=64, now=NOW)
    halved = refuse(take(rate_state, 24), NOW, is_post=True)
    once_around = take(halved, 16)

    assert halved.window == 16
    assert 16.9 < once_around.window <= 17


def test_a_429_on_a_get_leaves_the_window_alone() -> None:
    assert refuse(RateState.at(NOW), NOW).window == FIRST_WINDOW


def test_a_429_while_the_rate_is_probed_leaves_the_window_alone() -> None:
    probing, _ = serve(known(20.0), 20.0, start=NOW + 1)

    assert probing.ceiling is not None
    assert probing.rate > probing.ceiling
    assert refuse(probing, NOW + 21, is_post=True).window == probing.window


def test_the_window_never_closes() -> None:
    rate_state = RateState.at(NOW)
    for number in range(20):
        rate_state = refuse(rate_state, NOW + number, is_post=True)

    assert rate_state.window == 1
    assert rate_state.share("a", 0, limit=64, now=NOW + 20)[1] == 1
    assert rate_state.share("a", 1, limit=64, now=NOW + 20)[1] == 0


def test_jobs_that_are_about_to_be_given_count_for_the_others_at_once() -> None:
    full = replace(RateState.at(NOW), window=20.0)

    rate_state, room = full.share("a", 5, limit=64, now=NOW, wanted=100)
    assert room == 15
    assert rate_state.members["a"].flying == 20

    rate_state, room = full.share("a", 5, limit=64, now=NOW, wanted=3)
    assert room == 15
    assert rate_state.members["a"].flying == 8


def test_two_runs_have_half_of_the_window_each() -> None:
    rate_state, _ = replace(RateState.at(NOW), window=20.0).share("a", 20, limit=64, now=NOW)
    rate_state, second = rate_state.share("b", 0, limit=64, now=NOW)
    rate_state, first = rate_state.share("a", 10, limit=64, now=NOW)

    assert second == 10
    assert first == 10, "b has nothing there yet"
    assert rate_state.share("b", 10, limit=64, now=NOW)[1] == 0


def test_a_run_may_have_what_the_others_leave() -> None:
    rate_state, _ = replace(RateState.at(NOW), window=20.0).share("a", 2, limit=64, now=NOW)

    assert rate_state.share("b", 0, limit=64, now=NOW)[1] == 18


def test_a_run_that_is_not_heard_of_loses_its_part() -> None:
    full = replace(RateState.at(NOW), window=20.0)
    rate_state, _ = full.share("dead", 20, limit=64, now=NOW)
    rate_state, _ = rate_state.share("slow", 4, limit=64, now=NOW)
    later = NOW + MEMBER_SECONDS + 1
    rate_state, room = rate_state.touch("slow", NOW + 20).share("b", 0, limit=64, now=later)

    assert set(rate_state.members) == {"slow", "b"}
    assert room == 16


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["book", "take", "refuse", "refuse_late", "share"]),
        st.floats(0, 30),
        st.booleans(),
        st.one_of(st.none(), st.floats(0, 1000)),
    ),
    max_size=60,
)


@given(STEPS)
def test_whatever_happens_holds_are_honoured_and_the_state_stays_readable(
    steps: list[tuple[str, float, bool, float | None]],
) -> None:
    reader = TypeAdapter(RateState)
    rate_state, now, slots = RateState.at(NOW), NOW, [Slot(NOW, 0)]
    for move, seconds, is_post, retry_after in steps:
        now += seconds
        match move:
            case "book":
                held = rate_state.held_until
                rate_state, slot = rate_state.reserve(now)
                if isinstance(slot, Slot):
                    assert slot.at >= max(now, held)
                    slots.append(slot)
            case "take":
                rate_state = rate_state.record_success(slots[-1], now, is_post=is_post)
            case "share":
                rate_state, room = rate_state.share("a", len(slots), limit=64, now=now)
                assert room + len(slots) <= max(64, len(slots))
            case _:
                slot = slots[0] if move == "refuse_late" else slots[-1]
                rate_state = rate_state.record_throttle(
                    slot, now, retry_after=retry_after, is_post=is_post
                )
                assert rate_state.held_until >= now + min(retry_after or 0.0, MAX_HOLD)
        assert MIN_RATE <= rate_state.rate <= MAX_RATE
        assert 1 <= rate_state.window <= 64
        assert reader.validate_json(reader.dump_json(rate_state)) == rate_state
