"""Which calls a scripted fault strikes."""

from pathlib import Path

import pytest

from nbp_dagster.simulator.faults import (
    REQUEST_FAULTS,
    Call,
    Fault,
    FaultInjector,
    ScenarioError,
    load_scenario,
    parse_faults,
)

ENQUEUE = Call("POST", "/api/ai/queue", "a red cup")


def strikes(fault: Fault, calls: list[Call]) -> list[bool]:
    book = FaultInjector([fault])
    return [book.take(REQUEST_FAULTS, call) is not None for call in calls]


def test_nth_strikes_only_the_nth_matching_call() -> None:
    fault = Fault(kind="reset", path="/queue", nth=2)
    other = Call("GET", "/api/events")

    assert strikes(fault, [ENQUEUE, other, ENQUEUE, ENQUEUE]) == [False, False, True, False]


def test_times_strikes_so_often_and_no_more() -> None:
    assert strikes(Fault(kind="reset", times=2), [ENQUEUE] * 4) == [True, True, False, False]


def test_method_path_and_prompt_must_all_match() -> None:
    fault = Fault(kind="reset", method="post", path="queue", prompt="red")

    assert strikes(
        fault,
        [
            ENQUEUE,
            Call("GET", "/api/ai/queue", "a red cup"),
            Call("POST", "/api/ai/images/edit", "a red cup"),
            Call("POST", "/api/ai/queue", "a blue cup"),
            Call("POST", "/api/ai/queue"),
        ],
    ) == [True, False, False, False, False]


def test_a_fault_of_a_model_strikes_its_calls_alone() -> None:
    fault = Fault(kind="reset", model="nano-banana-2")

    assert strikes(
        fault,
        [
            Call("POST", "/api/ai/queue", "a cup", "nano-banana-2"),
            Call("POST", "/api/ai/queue", "a cup", "nano-banana-2-1"),
            Call("POST", "/api/ai/queue", "a cup"),
        ],
    ) == [True, False, False]


def test_probability_is_repeatable_by_its_seed() -> None:
    first = strikes(Fault(kind="reset", probability=0.3, seed=5), [ENQUEUE] * 200)
    again = strikes(Fault(kind="reset", probability=0.3, seed=5), [ENQUEUE] * 200)
    other = strikes(Fault(kind="reset", probability=0.3, seed=6), [ENQUEUE] * 200)

    assert first == again
    assert first != other
    assert 30 < sum(first) < 90


def test_the_first_fault_wins_and_the_next_does_not_count_the_call() -> None:
    book = FaultInjector([Fault(kind="reset", times=1), Fault(kind="status", nth=1)])

    taken = [book.take(REQUEST_FAULTS, ENQUEUE) for _ in range(3)]

    assert [fault.kind if fault else None for fault in taken] == ["reset", "status", None]


def test_a_fault_of_another_stage_is_left_alone() -> None:
    book = FaultInjector([Fault(kind="stuck")])

    assert book.take(REQUEST_FAULTS, ENQUEUE) is None
    assert book.to_json()[0]["seen"] == 0


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "expected one key, faults"),
        ({"faults": [{"kind": "explode"}]}, "got 'explode'"),
        ({"faults": [{"kind": "slow", "second": 2}]}, "faults.0.second"),
        ({"faults": [{"kind": "slow", "nth": "1"}]}, "faults.0.nth"),
        ({"faults": {"kind": "slow"}}, "faults: Input should be a valid array"),
    ],
)
def test_a_bad_script_is_refused_and_the_entry_named(data: object, words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        parse_faults(data)

    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_scenario_file_is_read_as_yaml(tmp_path: Path) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text("faults:\n  - {kind: status, status: 429, retry_after: 2}\n", "utf-8")

    assert load_scenario(path) == (Fault(kind="status", status=429, retry_after=2.0),)


@pytest.mark.parametrize("text", ["faults: [", "faults: [{kind: no}]"])
def test_a_bad_scenario_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "faults.yaml"
    path.write_text(text, "utf-8")

    with pytest.raises(ScenarioError, match=r"faults\.yaml: "):
        load_scenario(path)


def test_a_missing_scenario_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="no such scenario file"):
        load_scenario(tmp_path / "absent.yaml")
