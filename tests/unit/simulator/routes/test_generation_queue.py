"""The queue over HTTP."""

import io
from decimal import Decimal

import pytest
from PIL import Image

from tests.unit.simulator.conftest import MODEL, Api, StartSimulator


def test_a_job_goes_from_queued_to_succeeded_with_its_parameters_echoed(api: Api) -> None:
    fields = {"aspect_ratio": "3:2", "safety_tolerance": "2", "mood": "calm"}
    answer = api.post("/api/ai/queue", model=MODEL, prompt="a cup", resolution="1K", **fields)
    (generation,) = answer.json()["generations"]
    job = api.wait(generation["generation_id"])

    assert generation["status"] == "queued"
    assert job["status"] == "succeeded"
    assert job["model_name"] == MODEL
    assert job["prompt"] == "a cup"
    assert job["media_type"] == "image"
    assert job["error_message"] is None
    assert fields.items() <= job.items()
    assert job["enqueued_at"] <= job["started_at"] <= job["completed_at"]


def test_a_result_is_a_png_of_the_exact_size(api: Api) -> None:
    job = api.make(aspect_ratio="2:3", resolution="2K")

    with Image.open(io.BytesIO(api.download(job))) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (1696, 2528))


def test_nothing_is_painted_until_a_result_is_fetched(start: StartSimulator) -> None:
    api = start()
    job = api.make()
    assert api.stats()["pictures_painted"] == 0

    first, again = api.download(job), api.download(job)

    assert first == again
    assert api.stats()["pictures_painted"] == 2


def test_the_nth_identical_request_gives_the_nth_variant(start: StartSimulator) -> None:
    def make_three() -> list[bytes]:
        api = start()
        ids = [*api.enqueue(num_generations=2), *api.enqueue()]
        return [api.download(api.wait(generation_id)) for generation_id in ids]

    first, again = make_three(), make_three()

    assert len(set(first)) == 3
    assert first == again


@pytest.mark.parametrize("count", [0, 5, "2", 1.0, True, None])
def test_a_count_outside_1_to_4_is_refused(api: Api, count: object) -> None:
    answer = api.post("/api/ai/queue", model=MODEL, prompt="a cup", num_generations=count)

    assert answer.status_code == 400
    detail = answer.json()["error"]["detail"]
    assert detail == "num_generations must be an integer between 1 and 4"
    assert api.bills()["count"] == 0


def test_an_unknown_model_is_refused_in_the_short_shape(api: Api) -> None:
    answer = api.post("/api/ai/queue", model="foo", prompt="a cup")

    assert answer.status_code == 404
    assert answer.json() == {"error": {"message": "Model not found: foo"}}


def test_a_text_model_is_refused(api: Api) -> None:
    answer = api.post("/api/ai/queue", model="simulated-text", prompt="a cup")

    assert answer.status_code == 400
    assert ":unsupported_media_type" in answer.json()["error"]["detail"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"aspect_ratio": "7:5"}, "aspect_ratio must be one of"),
        ({"prompt": " "}, "Prompt cannot be empty"),
        ({"input_image": ["https://example.com/a.png"] * 15}, "at most 14 images; got 15"),
        ({"input_image": ["ftp://example.com/a.png"]}, "not a URL or data URI"),
        ({"input_image": ["http://[half"]}, "not a URL or data URI"),
        ({"input_image": [7]}, "input_image must be a list of URLs"),
        ({"input_image": ["data:image/png;base64,AAAA"]}, "no readable image"),
    ],
)
def test_bad_parameters_fail_the_job_late_and_are_not_billed(
    api: Api, fields: dict[str, object], words: str
) -> None:
    body = {"model": MODEL, "prompt": "a cup", **fields}
    answer = api.post("/api/ai/queue", **body)
    job = api.wait(answer.json()["generations"][0]["generation_id"])

    assert answer.status_code == 200
    assert job["status"] == "failed"
    assert words in job["error_message"]
    assert job["result_url"] is None
    assert api.bills()["count"] == 0


def test_every_enqueued_generation_is_billed(api: Api) -> None:
    ids = api.enqueue(num_generations=4)
    bills = api.bills()

    assert bills["count"] == 4
    assert bills["usd"] == 0.6
    assert [entry["generation_id"] for entry in bills["generations"]] == ids


def test_a_list_shows_active_jobs_unless_a_status_is_given(api: Api) -> None:
    done = api.make()["generation_id"]
    (stuck,) = api.enqueue("a cup [[sim:stuck]]")

    def listed(query: str) -> list[str]:
        answer = api.read(f"/api/ai/queue{query}")
        assert answer["count"] == len(answer["generations"])
        return [job["generation_id"] for job in answer["generations"]]

    assert listed("") == [stuck]
    assert listed("?status=succeeded") == [done]
    assert listed("?status=failed") == []


def test_a_list_is_filtered_by_every_documented_field(api: Api) -> None:
    fields = {"target_namespace": "acme", "target_repo": "ads", "target_directory": "spring"}
    (wanted,) = api.enqueue("a [[sim:stuck]]", **fields)
    api.enqueue("b [[sim:stuck]]")

    for query in ("namespace=acme", "repo=ads", "folder=spring"):
        found = api.read(f"/api/ai/queue?{query}")["generations"]
        assert [job["generation_id"] for job in found] == [wanted]
    assert api.read(f"/api/ai/queue?model={MODEL}&media_type=image")["count"] == 2
    assert api.read("/api/ai/queue?media_type=video")["count"] == 0
    assert api.call("GET", "/api/ai/queue?status=done").status_code == 400


def test_a_stuck_job_can_be_cancelled_and_a_second_cancel_does_nothing(api: Api) -> None:
    (stuck,) = api.enqueue("a cup [[sim:stuck]]")
    api.wait(stuck, until=["processing"])

    for _ in range(2):
        answer = api.call("DELETE", f"/api/ai/queue/{stuck}")
        assert answer.json() == {"status": "success", "generation_id": stuck}
    assert api.job(stuck)["status"] == "cancelled"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_job_is_not_found(api: Api, method: str) -> None:
    answer = api.call(method, "/api/ai/queue/none")

    assert answer.status_code == 404
    assert answer.json()["error"]["type"] == "resource_not_found"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/ai/queue"),
        ("GET", "/api/ai/queue"),
        ("POST", "/api/ai/images/edit"),
        ("GET", "/api/ai/models"),
        ("GET", "/api/events"),
        ("GET", "/api/users/me"),
        ("POST", "/api/repos"),
    ],
)
@pytest.mark.parametrize("header", ["", "Bearer ", "Basic abc"])
def test_a_call_without_a_bearer_key_is_refused(
    api: Api, method: str, path: str, header: str
) -> None:
    answer = api.call(method, path, headers={"Authorization": header})

    assert answer.status_code == 401
    assert answer.json()["status_message"] == "unauthenticated"


def test_credit_is_checked_before_a_job_is_accepted(start: StartSimulator) -> None:
    api = start(credit_usd=Decimal("0.50"))
    api.enqueue(num_generations=3)

    answer = api.post("/api/ai/queue", model=MODEL, prompt="a cup")

    assert answer.status_code == 402
    assert "Insufficient credits" in answer.json()["error"]["detail"]
    assert api.bills()["count"] == 3


def test_a_body_that_is_no_json_object_is_refused(api: Api) -> None:
    assert api.call("POST", "/api/ai/queue", data="{").status_code == 400
    assert api.call("POST", "/api/ai/queue", json=["a"]).status_code == 400
    assert api.call("POST", "/api/ai/queue", json={"prompt": "a"}).status_code == 400


def test_the_account_models_and_unknown_paths_answer_in_the_services_shapes(api: Api) -> None:
    assert "username" in api.read("/api/users/me")["user"]
    assert api.read("/api/ai/models")["object"] == "list"
    found = api.read("/api/ai/models/search?search=banana")["data"]
    assert [model["id"] for model in found] == [MODEL, "nano-banana-2-1", "nano-banana-2"]
    assert api.read(f"/api/ai/models/{MODEL}")["pricing"]["cost_per_image"] == 0.15
    assert api.call("GET", "/api/ai/models/foo").json()["error"]["message"]
    assert api.call("GET", "/api/nothing").json()["error"]["type"] == "resource_not_found"
    assert api.call("PATCH", "/api/ai/queue").status_code == 405


def test_a_model_at_capacity_fails_its_jobs_alone_and_bills_nothing(api: Api) -> None:
    api.script(kind="at_capacity", model=MODEL)
    (busy,) = api.enqueue()
    (other,) = api.enqueue(model="nano-banana-2-1")

    assert api.wait(busy)["status"] == "failed"
    assert "503 - The model is overloaded" in api.job(busy)["error_message"]
    assert api.wait(other)["status"] == "succeeded"
    assert (api.bills()["count"], api.bills()["usd"]) == (1, 0.0871)
