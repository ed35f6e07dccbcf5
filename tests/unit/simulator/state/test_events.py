"""The event stream."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests

from tests.unit.simulator.conftest import MODEL, Api, StartSimulator


@contextmanager
def listen(api: Api) -> Iterator[Iterator[str]]:
    """Open a stream and yield its lines."""
    with requests.get(
        f"{api.url}/api/events",
        headers={"Authorization": "Bearer key", "User-Agent": "tests"},
        stream=True,
        timeout=10,
    ) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        yield answer.iter_lines(chunk_size=1, decode_unicode=True)


def next_event(lines: Iterator[str]) -> Any:
    """Return the data of the next event."""
    event = next(line for line in lines if line.startswith("event: "))
    data = next(lines)
    assert event == "event: media_generation_completed"
    assert data.startswith("data: ")
    return json.loads(data.removeprefix("data: "))


def test_a_success_is_told_with_a_link_that_works(api: Api) -> None:
    with listen(api) as lines:
        (generation_id,) = api.enqueue()
        data = next_event(lines)

    assert set(data) == {"generation_id", "status", "media_type", "model", "url"}
    assert (data["generation_id"], data["status"]) == (generation_id, "succeeded")
    assert (data["media_type"], data["model"]) == ("image", MODEL)
    assert requests.get(data["url"], timeout=10).headers["Content-Type"] == "image/png"


def test_a_failure_is_told_with_its_words(api: Api) -> None:
    with listen(api) as lines:
        api.enqueue("a [[sim:fail=no power]]")
        data = next_event(lines)

    assert set(data) == {"generation_id", "status", "media_type", "error"}
    assert (data["status"], data["error"]) == ("failed", "no power")


def test_data_is_compact_because_shell_readers_search_for_it(api: Api) -> None:
    with listen(api) as lines:
        (generation_id,) = api.enqueue()
        line = next(line for line in lines if line.startswith("data: "))

    assert f'"generation_id":"{generation_id}"' in line


def test_a_client_that_has_read_the_status_misses_nothing(api: Api) -> None:
    for _ in range(20):
        with listen(api) as lines:
            (generation_id,) = api.enqueue()
            assert next_event(lines)["generation_id"] == generation_id


def test_cancelled_jobs_and_the_past_are_not_told(api: Api) -> None:
    api.make("before")
    with listen(api) as lines:
        (stuck,) = api.enqueue("a [[sim:stuck]]")
        api.wait(stuck, until=["processing"])
        api.call("DELETE", f"/api/ai/queue/{stuck}")
        (after,) = api.enqueue("after")

        assert next_event(lines)["generation_id"] == after


def test_silence_is_filled_with_comments(start: StartSimulator) -> None:
    with listen(start(keep_alive=0.02)) as lines:
        first = [next(lines) for _ in range(4)]

    assert first == [": keep-alive", "", ": keep-alive", ""]


def test_an_event_reaches_readers_that_wait_for_full_blocks(start: StartSimulator) -> None:
    """The awk of Debian takes 4096 bytes from a pipe before it looks at the first."""
    api = start()
    with requests.get(
        f"{api.url}/api/events", headers={"Authorization": "Bearer k"}, stream=True, timeout=10
    ) as answer:
        api.enqueue()
        block = next(answer.iter_content(4096))

    assert b"media_generation_completed" in block


def test_padding_can_be_turned_off(start: StartSimulator) -> None:
    api = start(event_padding=0, keep_alive=0.05)
    with listen(api) as lines:
        api.enqueue()
        next_event(lines)

        assert [next(lines), next(lines)] == ["", ": keep-alive"]


def test_streams_can_be_cut_every_so_often(start: StartSimulator) -> None:
    api = start(drop_stream_every=0.05)

    for _ in range(2):
        with listen(api) as lines, pytest.raises(requests.exceptions.RequestException):
            for _ in lines:
                pass


def test_a_scripted_cut_strikes_one_stream(api: Api) -> None:
    api.script(kind="drop_stream", seconds=0.01, times=1)

    with listen(api) as lines, pytest.raises(requests.exceptions.RequestException):
        next(lines)
    with listen(api) as lines:
        (generation_id,) = api.enqueue()
        assert next_event(lines)["generation_id"] == generation_id


def test_a_client_that_leaves_is_noticed(start: StartSimulator) -> None:
    api = start()
    with listen(api):
        assert api.stats()["event_streams"] == 1
    deadline = time.monotonic() + 5
    while api.stats()["event_streams"] and time.monotonic() < deadline:
        time.sleep(0.01)

    assert api.stats()["event_streams"] == 0
    assert api.stats()["in_flight"] == 0
