"""One request per endpoint, and what becomes of each answer."""

import pytest

from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    BadResponse,
    ClientOutdated,
    ConnectionFailed,
    ContentRefused,
    NotFound,
    OutOfCredit,
    OxenError,
    PageAnswered,
    Unauthorized,
)
from nbp_dagster.oxen.transport import HttpResponse
from tests.fakes.clock import FakeClock
from tests.fakes.transport import Step, json_answer, json_body
from tests.unit.oxen.clients import JOB, KEY, QUEUED, RESET, make_client, the_request


def test_enqueue_posts_the_documented_body_with_the_key() -> None:
    client, transport = make_client(json_answer(QUEUED))

    [job] = client.enqueue(
        model="google-nano-banana-pro",
        prompt="Hero @Image1",
        input_image=["https://cdn.test/p.png"],
        parameters={"aspect_ratio": "4:5", "resolution": "2K"},
        num_generations=1,
        target_namespace="acme",
    )

    request = the_request(transport)
    assert (job.generation_id, job.status) == ("g-1", "queued")
    assert request.endpoint == "POST https://hub.test/api/ai/queue"
    assert request.bearer == KEY
    assert request.headers["Content-Type"] == "application/json"
    assert json_body(request) == {
        "model": "google-nano-banana-pro",
        "prompt": "Hero @Image1",
        "input_image": ["https://cdn.test/p.png"],
        "aspect_ratio": "4:5",
        "resolution": "2K",
        "num_generations": 1,
        "target_namespace": "acme",
    }


def test_fields_that_were_not_set_are_not_sent() -> None:
    client, transport = make_client(json_answer(QUEUED))

    client.enqueue(model="m", prompt="p")

    assert json_body(the_request(transport)) == {"model": "m", "prompt": "p", "num_generations": 1}


@pytest.mark.parametrize(
    ("method", "route"), [("edit_image", "edit"), ("generate_image", "generate")]
)
def test_blocking_calls_post_to_their_route(method: str, route: str) -> None:
    client, transport = make_client(json_answer({"image_url": "https://hub.test/a.png"}))

    answer = getattr(client, method)(model="m", prompt="p", response_format="url")

    request = the_request(transport)
    assert answer.images[0].url == "https://hub.test/a.png"
    assert request.endpoint == f"POST https://hub.test/api/ai/images/{route}"
    assert json_body(request) == {"model": "m", "prompt": "p", "response_format": "url"}
    assert request.read_timeout >= 120


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_generations": 0}, "num_generations is 0"),
        ({"num_generations": 5}, "num_generations is 5"),
        ({"prompt": "  "}, "prompt is empty"),
        ({"model": ""}, "model or the prompt is empty"),
        ({"input_image": "https://cdn.test/a.png"}, "takes a list"),
        ({"parameters": {"num_generations": 4}}, "may not set num_generations"),
        ({"parameters": {"target_repo": "r", "model": "x"}}, "may not set model, target_repo"),
    ],
)
def test_a_request_that_must_fail_or_overspend_is_not_sent(
    arguments: dict[str, object], words: str
) -> None:
    client, transport = make_client()

    with pytest.raises(BadRequest, match=words):
        client.enqueue(**{"model": "m", "prompt": "p", **arguments})

    assert transport.requests == ()


@pytest.mark.parametrize(
    "fault",
    [
        RESET,
        HttpResponse(status=500, body=b'{"error":{"message":"boom"}}'),
        HttpResponse(status=502, body=b"<html>"),
        HttpResponse(status=504),
        HttpResponse(status=408),
        HttpResponse(status=200, body=b'{"generations": [{"gener'),
        HttpResponse(status=200, body=b"OK"),
        HttpResponse(status=200, body=b""),
        HttpResponse(status=200, headers={"Content-Length": "99"}, body=b"{}"),
        json_answer({"generations": []}),
        json_answer({"generations": [{"status": "queued"}]}),
        json_answer({"error": "odd"}),
    ],
    ids=repr,
)
@pytest.mark.parametrize("call", ["enqueue", "edit_image", "generate_image"])
def test_a_paid_post_that_may_have_been_taken_is_never_posted_again(fault: Step, call: str) -> None:
    clock = FakeClock()
    client, transport = make_client(fault, clock=clock)

    with pytest.raises(AmbiguousPost) as caught:
        getattr(client, call)(model="m", prompt="p")

    assert len(transport.requests) == 1
    assert clock.sleeps == ()
    assert isinstance(caught.value.__cause__, OxenError)


@pytest.mark.parametrize(
    "fault",
    [
        ConnectionFailed("refused", endpoint="POST x", maybe_sent=False),
        HttpResponse(status=429, headers={"retry-after": "3"}),
    ],
    ids=repr,
)
def test_a_paid_post_that_was_not_taken_is_posted_again(fault: Step) -> None:
    client, transport = make_client(fault, json_answer(QUEUED))

    assert client.enqueue(model="m", prompt="p")[0].generation_id == "g-1"
    assert len(transport.requests) == 2
    assert transport.requests[0] == transport.requests[1]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (HttpResponse(status=400, body=b"num_generations"), BadRequest),
        (HttpResponse(status=401), Unauthorized),
        (HttpResponse(status=402), OutOfCredit),
        (HttpResponse(status=426, body=b'{"error":{"type":"update_required"}}'), ClientOutdated),
        (
            HttpResponse(status=400, body=b'{"error":{"message":"flagged by moderation"}}'),
            ContentRefused,
        ),
        (json_answer({"error": {"message": "Insufficient credits"}}), OutOfCredit),
    ],
    ids=repr,
)
def test_a_clear_no_to_a_paid_post_is_not_ambiguous(
    answer: HttpResponse, kind: type[OxenError]
) -> None:
    client, transport = make_client(answer)

    with pytest.raises(kind):
        client.enqueue(model="m", prompt="p")

    assert len(transport.requests) == 1


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 524])
@pytest.mark.parametrize(
    "words", ["Insufficient credits", "Content policy violation", "payment required", "flagged"]
)
@pytest.mark.parametrize("shape", ['{{"error": {{"detail": "{}"}}}}', "<title>{}</title>", "{}"])
def test_a_fault_of_the_service_is_ambiguous_whatever_it_says(
    status: int, words: str, shape: str
) -> None:
    client, transport = make_client(HttpResponse(status=status, body=shape.format(words).encode()))

    with pytest.raises(AmbiguousPost):
        client.enqueue(model="m", prompt="p")

    assert len(transport.requests) == 1


def test_a_poll_survives_what_a_get_may_meet() -> None:
    clock = FakeClock()
    client, transport = make_client(
        RESET,
        HttpResponse(status=200, body=b'{"generation_id": "g-'),
        json_answer(JOB),
        clock=clock,
    )

    assert client.get_generation("g-1").status == "processing"
    assert len(transport.requests) == 3
    assert clock.sleeps == (0.25, 0.5)


def test_the_last_fault_of_a_get_is_raised() -> None:
    client, _ = make_client(*[HttpResponse(status=200, body=b"<html>login</html>")] * 3)

    with pytest.raises(BadResponse, match="not JSON; it begins '<html>login"):
        client.get_generation("g-1")


@pytest.mark.parametrize(
    ("body", "advice"),
    [
        (b"<!doctype html><title>Guest wifi</title>", "look for a proxy or sign-in page"),
        (b"wifi", "the API has changed or something rewrites its answers"),
    ],
)
def test_only_a_web_page_in_place_of_an_answer_speaks_of_signing_in(
    body: bytes, advice: str
) -> None:
    client, _ = make_client(*[HttpResponse(status=200, body=body)] * 3)

    with pytest.raises(BadResponse, match=advice):
        client.get_model("m")


def test_a_web_page_in_answer_to_a_purchase_leaves_it_open() -> None:
    client, transport = make_client(HttpResponse(status=200, body=b"<html>login</html>"))

    with pytest.raises(AmbiguousPost) as caught:
        client.enqueue(model="m", prompt="p")

    assert isinstance(caught.value.__cause__, PageAnswered)
    assert len(transport.requests) == 1


def test_an_unknown_job_is_lost() -> None:
    client, transport = make_client(json_answer({"error": {"detail": "no such"}}, status=404))

    with pytest.raises(NotFound, match="no such"):
        client.get_generation("g-1")

    assert len(transport.requests) == 1


@pytest.mark.parametrize(
    ("generation_id", "path"), [("g-1", "g-1"), ("a/b", "a%2Fb"), ("a?b#c", "a%3Fb%23c")]
)
def test_an_id_stays_one_path_segment(generation_id: str, path: str) -> None:
    client, transport = make_client(json_answer(JOB))

    client.get_generation(generation_id)

    assert the_request(transport).url == f"https://hub.test/api/ai/queue/{path}"


@pytest.mark.parametrize("generation_id", ["", ".", ".."])
def test_an_id_that_would_name_another_path_is_not_sent(generation_id: str) -> None:
    client, _ = make_client()

    with pytest.raises(BadRequest, match="is no id"):
        client.cancel_generation(generation_id)


def test_the_list_is_asked_with_its_filters() -> None:
    client, transport = make_client(json_answer({"count": 1, "generations": [JOB]}))

    [job] = client.list_generations(
        status="failed", model="m", namespace="acme", media_type="image"
    )

    assert job.generation_id == "g-1"
    assert the_request(transport).url == (
        "https://hub.test/api/ai/queue?status=failed&model=m&namespace=acme&media_type=image"
    )


def test_the_list_without_filters_has_no_query() -> None:
    client, transport = make_client(json_answer({"count": 0, "generations": []}))

    assert client.list_generations() == ()
    assert the_request(transport).url == "https://hub.test/api/ai/queue"


def test_a_list_with_jobs_missing_is_refused_to_who_needs_all() -> None:
    answer = json_answer({"count": 3, "generations": [JOB]})
    client, _ = make_client(answer, answer)

    assert len(client.list_generations()) == 1
    with pytest.raises(BadResponse, match="3 jobs and holds 1"):
        client.list_generations(require_complete=True)


@pytest.mark.parametrize(
    "answer",
    [
        json_answer({"status": "success", "generation_id": "g-1"}),
        HttpResponse(status=204),
        json_answer({"error": {"message": "Generation already finished"}}, status=400),
    ],
    ids=repr,
)
def test_cancelling_is_done_once_the_job_is_over(answer: HttpResponse) -> None:
    client, transport = make_client(answer)

    client.cancel_generation("g-1")

    assert the_request(transport).endpoint == "DELETE https://hub.test/api/ai/queue/g-1"


@pytest.mark.parametrize(
    ("status", "kind"), [(404, NotFound), (400, BadRequest), (401, Unauthorized)]
)
def test_a_cancel_that_is_refused_is_an_error(status: int, kind: type[OxenError]) -> None:
    client, _ = make_client(HttpResponse(status=status, body=b"no"))

    with pytest.raises(kind):
        client.cancel_generation("g-1")


def test_the_catalogue_calls() -> None:
    model = {"id": "google/nano", "pricing": {"cost_per_image": 0.15}}
    client, transport = make_client(
        json_answer({"data": [model]}), json_answer({"data": [model]}), json_answer(model)
    )

    found = (client.list_models()[0], client.search_models("nano pro")[0])
    one = client.get_model("google/nano")

    assert {item.id for item in (*found, one)} == {"google/nano"}
    assert [request.url for request in transport.requests] == [
        "https://hub.test/api/ai/models",
        "https://hub.test/api/ai/models/search?search=nano+pro",
        "https://hub.test/api/ai/models/google%2Fnano",
    ]
