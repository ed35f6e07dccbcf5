"""The simulator's own routes."""

from typing import Any

import pytest

from tests.unit.simulator.conftest import MODEL, Api


def test_the_log_names_what_each_request_bought_and_no_header(api: Api) -> None:
    ids = api.enqueue(num_generations=2)
    api.job(ids[0])

    first, second = api.read("/_simulator/requests")["requests"]

    assert first == {
        "number": 0,
        "method": "POST",
        "path": "/api/ai/queue",
        "status": 200,
        "billed": 2,
        "generation_ids": ids,
    }
    assert (second["method"], second["billed"]) == ("GET", 0)


def test_a_bill_names_model_namespace_and_price(api: Api) -> None:
    api.post(
        "/api/ai/images/generate",
        model="nano-banana-2",
        prompt="a cup",
        resolution="4K",
        target_namespace="acme",
    )
    (entry,) = api.bills()["generations"]

    assert (entry["model"], entry["namespace"], entry["usd"]) == ("nano-banana-2", "acme", 0.1963)


def test_an_unpriced_picture_is_billed_without_an_amount(api: Api) -> None:
    api.post("/api/ai/queue", model="simulated-unpriced-image", prompt="a cup")

    assert api.bills()["count"] == 1
    assert api.bills()["usd"] == 0
    assert api.bills()["generations"][0]["usd"] is None


def test_reset_forgets_everything(api: Api) -> None:
    api.script(kind="stuck")
    (stuck,) = api.enqueue()
    api.post("/api/repos", namespace="acme", name="assets")

    api.post("/_simulator/reset")

    assert api.bills()["count"] == 0
    assert api.call("GET", f"/api/ai/queue/{stuck}").status_code == 404
    assert api.call("GET", "/api/repos/acme/assets").status_code == 404
    assert api.read("/_simulator/faults")["faults"] == []
    assert sum(api.stats()["jobs"].values()) == 0


def test_faults_are_listed_with_their_counts_and_cleared(api: Api) -> None:
    api.script(kind="status", path="/queue", nth=2)
    for _ in range(3):
        api.post("/api/ai/queue", model=MODEL, prompt="a cup")

    (fault,) = api.read("/_simulator/faults")["faults"]
    assert (fault["kind"], fault["seen"], fault["struck"]) == ("status", 3, 1)
    api.call("DELETE", "/_simulator/faults")
    assert api.read("/_simulator/faults")["faults"] == []


def test_a_bad_fault_script_is_refused_with_the_reason(api: Api) -> None:
    answer = api.post("/_simulator/faults", faults=[{"kind": "explode"}])

    assert answer.status_code == 400
    assert "faults.0.kind" in answer.json()["error"]["detail"]


def test_the_simulators_own_routes_are_neither_logged_nor_broken(api: Api) -> None:
    api.script(kind="status")

    assert api.read("/_simulator/health") == {"status": "ok", "simulated": True}
    assert api.stats()["requests"] == 0


def test_jobs_show_their_moments_to_the_fraction_of_a_second(api: Api) -> None:
    (made,) = api.enqueue()
    api.wait(made)

    (job,) = api.read("/_simulator/jobs")["jobs"]

    assert (job["generation_id"], job["status"]) == (made, "succeeded")
    assert job["enqueued_at"] <= job["started_at"] <= job["completed_at"]
    assert job["completed_at"] != int(job["completed_at"])


def test_a_model_costs_what_it_was_repriced_to_from_then_on(api: Api) -> None:
    api.enqueue()
    answer = api.post("/_simulator/prices", model=MODEL, usd=0.2)
    api.enqueue()

    assert answer.status_code == 200
    assert api.read(f"/api/ai/models/{MODEL}")["pricing"]["cost_per_image"] == 0.2
    assert [entry["usd"] for entry in api.bills()["generations"]] == [0.15, 0.2]


def test_a_price_that_is_none_and_a_model_that_is_unknown_are_refused(api: Api) -> None:
    assert api.post("/_simulator/prices", model=MODEL, usd=-1).status_code == 400
    assert api.post("/_simulator/prices", model="no-such-model", usd=1).status_code == 404


def test_a_job_that_fails_stays_billed_where_the_fault_says_so(api: Api) -> None:
    api.script(kind="fail", billed=True, nth=1)
    api.script(kind="fail")
    ids = [*api.enqueue(), *api.enqueue()]

    assert [api.wait(name)["status"] for name in ids] == ["failed", "failed"]
    assert [entry["billed"] for entry in api.bills()["generations"]] == [True, False]


def test_a_withdrawn_model_can_be_neither_read_nor_asked(api: Api) -> None:
    api.post("/_simulator/models", model=MODEL, offered=False)

    assert api.call("GET", f"/api/ai/models/{MODEL}").status_code == 404
    answer = api.post("/api/ai/queue", model=MODEL, prompt="a cup")
    assert answer.json() == {"error": {"message": f"Model not found: {MODEL}"}}
    assert api.bills()["count"] == 0

    api.post("/_simulator/models", model=MODEL)

    assert api.call("GET", f"/api/ai/models/{MODEL}").status_code == 200


def test_a_model_lists_the_ratios_it_is_told_to(api: Api) -> None:
    api.post("/_simulator/models", model=MODEL, ratios=["1:1"])

    properties = api.read(f"/api/ai/models/{MODEL}")["json_request_schema"]["properties"]
    assert properties["aspect_ratio"]["enum"] == ["1:1"]

    api.post("/_simulator/reset")

    properties = api.read(f"/api/ai/models/{MODEL}")["json_request_schema"]["properties"]
    assert len(properties["aspect_ratio"]["enum"]) == 8


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"model": "nobody"}, 404, "Model not found: nobody"),
        ({"model": ["x"]}, 404, "Model not found"),
        ({"model": MODEL, "offered": "no"}, 400, "offered must be true or false; got 'no'"),
        ({"model": MODEL, "ratios": []}, 400, "ratios must be a list of texts"),
        ({"model": MODEL, "ratios": [4]}, 400, "ratios must be a list of texts"),
    ],
)
def test_a_change_of_a_model_that_makes_no_sense_is_named(
    api: Api, body: dict[str, Any], status: int, words: str
) -> None:
    answer = api.post("/_simulator/models", **body)

    assert answer.status_code == status
    assert words in answer.text
