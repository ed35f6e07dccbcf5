"""Requests that go wrong as scripted, seen with a real HTTP client."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
import requests

from nbp_dagster.simulator.faults import Fault
from nbp_dagster.simulator.options import Barrier
from tests.unit.simulator.conftest import MODEL, Api, StartSimulator

QUEUE = "/api/ai/queue"


def post_job(api: Api, prompt: str = "a cup") -> requests.Response:
    return api.post(QUEUE, model=MODEL, prompt=prompt)


def test_a_429_carries_retry_after_when_scripted_and_strikes_once(api: Api) -> None:
    api.script(kind="status", status=429, retry_after=2, times=1)
    first, second = post_job(api), post_job(api)

    assert (first.status_code, first.headers["Retry-After"]) == (429, "2")
    assert second.status_code == 200
    assert api.bills()["count"] == 1


def test_a_429_without_retry_after_has_no_such_header(api: Api) -> None:
    api.script(kind="status", status=429)

    assert "Retry-After" not in post_job(api).headers


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_any_server_error_can_be_scripted_and_bills_nothing(api: Api, status: int) -> None:
    api.script(kind="status", status=status, message="try later")
    answer = post_job(api)

    assert answer.status_code == status
    assert answer.json()["error"]["detail"] == "try later"
    assert api.bills()["count"] == 0


def test_missing_credit_can_be_scripted(api: Api) -> None:
    api.script(kind="no_credit")

    assert post_job(api).status_code == 402


def test_a_reset_before_billing_is_a_connection_error_and_leaves_no_job(api: Api) -> None:
    api.script(kind="reset", method="POST", times=1)

    with pytest.raises(requests.ConnectionError):
        post_job(api)

    assert api.bills()["count"] == 0
    assert api.read(QUEUE)["count"] == 0


def test_a_reset_after_billing_loses_the_answer_but_not_the_job(start: StartSimulator) -> None:
    api = start(faults=(Fault(kind="reset_after", times=1),), latency=3600.0)

    with pytest.raises(requests.ConnectionError):
        post_job(api)

    (job,) = api.read(QUEUE)["generations"]
    (entry,) = api.read(f"/_simulator/requests?path={QUEUE}")["requests"][:1]
    assert api.bills()["generations"][0]["generation_id"] == job["generation_id"]
    assert (entry["status"], entry["billed"]) == (0, 1)


def test_a_5xx_after_billing_leaves_the_job(api: Api) -> None:
    api.script(kind="status_after", status=502, times=1)

    assert post_job(api).status_code == 502
    assert api.bills()["count"] == 1


def test_a_fault_can_pick_its_request_by_the_prompt(api: Api) -> None:
    api.script(kind="status", prompt="red")

    assert post_job(api, "a blue cup").status_code == 200
    assert post_job(api, "a red cup").status_code == 503


def test_a_slow_answer_runs_into_the_read_timeout(api: Api) -> None:
    api.script(kind="slow", seconds=30, times=1)

    with pytest.raises(requests.ReadTimeout):
        api.session.get(api.url + QUEUE, timeout=0.2)


def test_scripted_job_faults_reach_the_job(api: Api) -> None:
    api.script(kind="fail", message="no power", retryable=True, times=1)
    api.script(kind="refuse", times=1)
    api.script(kind="credit_lost", times=1)

    failed, refused, broke = api.make("a"), api.make("b"), api.make("c")

    assert (failed["error_message"], failed["error_retryable"]) == ("no power", True)
    assert "Content policy" in refused["error_message"]
    assert "error_retryable" not in refused
    assert broke["error_message"] == "Insufficient credits"
    assert api.bills()["count"] == 0


def test_only_some_generations_of_one_request_can_fail(api: Api) -> None:
    api.script(kind="fail", nth=2)

    jobs = [api.wait(generation_id) for generation_id in api.enqueue(num_generations=3)]

    assert [job["status"] for job in jobs] == ["succeeded", "failed", "succeeded"]
    assert api.bills()["count"] == 2


def test_a_succeeded_job_can_lack_its_picture(api: Api) -> None:
    job = api.make("a cup [[sim:no_image]]")

    assert (job["status"], job["result_url"]) == ("succeeded", None)


@pytest.mark.parametrize("agent", ["Oxen/0.65.1 (Linux)", "dagster-oxen/0.1"])
def test_a_user_agent_that_names_oxen_is_out_of_date_everywhere(api: Api, agent: str) -> None:
    for path in (QUEUE, "/api/users/me", api.make()["result_url"]):
        answer = api.call("GET", path, headers={"User-Agent": agent})

        assert answer.status_code == 426
        assert answer.json()["error"]["type"] == "update_required"


def test_a_rate_limit_answers_429_with_the_wait(start: StartSimulator) -> None:
    api = start(rate_limit=1.0)
    answers = [api.call("GET", QUEUE) for _ in range(3)]

    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert 0 < float(answers[-1].headers["Retry-After"]) <= 1


def test_requests_beyond_the_in_flight_limit_are_429(start: StartSimulator) -> None:
    api = start(max_in_flight=1, faults=(Fault(kind="slow", path="/users/", seconds=600),))
    address = urlsplit(api.url)
    with socket.create_connection((address.hostname, address.port)) as held:
        held.sendall(b"GET /api/users/me HTTP/1.1\r\nHost: simulator\r\n\r\n")
        while api.stats()["in_flight"] < 1:
            time.sleep(0.005)

        assert api.call("GET", QUEUE).status_code == 429


def test_a_barrier_holds_requests_until_all_have_come(start: StartSimulator) -> None:
    api = start(barrier=Barrier(parties=6, path=QUEUE))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: Api(api.url).enqueue(), range(6)))

    assert len(answers) == 6
    assert api.stats()["peak_in_flight"] == 6
    assert api.stats()["barrier"] == {"parties": 6, "arrived": 6, "open": True, "broken": False}


def test_a_barrier_that_is_not_completed_breaks(start: StartSimulator) -> None:
    api = start(barrier=Barrier(parties=2, path=QUEUE, seconds=0.05))
    api.enqueue()

    assert api.stats()["barrier"]["broken"] is True


def test_an_error_can_be_scripted_for_one_model(api: Api) -> None:
    api.script(kind="status", status=429, path="/queue", model="nano-banana-2-1")

    assert api.post(QUEUE, model="nano-banana-2-1", prompt="a cup").status_code == 429
    assert post_job(api).status_code == 200
