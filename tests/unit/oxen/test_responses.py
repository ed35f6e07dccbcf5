"""Answers are read in every spelling, and unreadable ones are named."""

import base64
import logging

import pytest

from nbp_dagster.oxen.responses import (
    ShapeError,
    parse_commit,
    parse_event,
    parse_generation,
    parse_generations,
    parse_images,
    parse_queued,
    parse_url,
)

JOB = {
    "generation_id": "g-1",
    "model_name": "google-nano-banana-pro",
    "prompt": "a kite",
    "media_type": "image",
    "status": "succeeded",
    "result_url": "https://hub.test/r.png?sig=s3cret",
    "error_message": None,
    "enqueued_at": 1_800_000_000,
    "started_at": 1_800_000_001,
    "completed_at": 1_800_000_009.5,
    "aspect_ratio": "4:5",
    "target_namespace": "acme",
}


def test_a_job_is_read_with_its_echoed_parameters() -> None:
    job = parse_generation(JOB)

    assert (job.generation_id, job.status, job.model) == (
        "g-1",
        "succeeded",
        "google-nano-banana-pro",
    )
    assert job.result_url == "https://hub.test/r.png?sig=s3cret"
    assert (job.enqueued_at, job.started_at, job.completed_at) == (
        1_800_000_000.0,
        1_800_000_001.0,
        1_800_000_009.5,
    )
    assert dict(job.params) == {"aspect_ratio": "4:5", "target_namespace": "acme"}
    assert job.error_message is None
    assert job.error_retryable is None
    assert job.is_terminal


@pytest.mark.parametrize(
    "change",
    [
        {"model_name": None, "model": "google-nano-banana-pro"},
        {"result_url": None, "url": JOB["result_url"]},
        {"result_url": None, "images": [{"url": JOB["result_url"]}]},
    ],
)
def test_a_job_is_the_same_in_every_spelling(change: dict[str, object]) -> None:
    assert parse_generation({**JOB, **change}) == parse_generation(JOB)


def test_a_job_wrapped_in_data_is_unwrapped() -> None:
    assert parse_generation({"data": JOB}) == parse_generation(JOB)


@pytest.mark.parametrize(
    "fields",
    [
        {"error_message": "Insufficient credits"},
        {"error": "Insufficient credits"},
        {"error": {"message": "Insufficient credits"}},
        {"error": {"type": "x", "detail": "Insufficient credits"}},
    ],
)
def test_a_failed_job_tells_why(fields: dict[str, object]) -> None:
    job = parse_generation({**JOB, "status": "failed", **fields, "error_retryable": False})

    assert job.error_message == "Insufficient credits"
    assert job.error_retryable is False


def test_a_job_s_error_never_carries_a_signature() -> None:
    words = "403 Client Error: Forbidden for url: https://hub.test/a.png?sig=s3cret"

    job = parse_generation({**JOB, "status": "failed", "error_message": words})

    assert job.error_message == (
        "403 Client Error: Forbidden for url: https://hub.test/a.png?[cut]"
    )


def test_a_job_that_succeeded_without_a_url_says_so() -> None:
    job = parse_generation({**JOB, "result_url": None})

    assert (job.status, job.result_url) == ("succeeded", None)


def test_a_repr_shows_neither_prompt_nor_signature() -> None:
    shown = repr(parse_generation(JOB))

    assert "g-1" in shown
    assert "a kite" not in shown
    assert "s3cret" not in shown


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("queued", "queued"),
        ("PROCESSING", "processing"),
        ("canceled", "cancelled"),
        ("cancelled", "cancelled"),
    ],
)
def test_a_status_is_read_in_every_spelling(word: str, expected: str) -> None:
    assert parse_generation({**JOB, "status": word}).status == expected


@pytest.mark.parametrize("word", ["warming_up", "", None, 7])
def test_an_unknown_status_is_still_running(word: object, caplog: pytest.LogCaptureFixture) -> None:
    """A paid job is not given up over a new word; the caller's deadline ends it."""
    with caplog.at_level(logging.WARNING):
        job = parse_generation({**JOB, "status": word})

    assert job.status == "processing"
    assert not job.is_terminal
    assert "unknown generation status" in caplog.text


@pytest.mark.parametrize("value", ["soon", True, None])
def test_a_moment_that_is_no_number_is_unknown(value: object) -> None:
    assert parse_generation({**JOB, "started_at": value}).started_at is None


def test_queued_jobs_come_in_order() -> None:
    answer = {
        "generations": [
            {"generation_id": "a", "status": "queued"},
            {"generation_id": "b", "status": "processing"},
        ]
    }

    assert [(job.generation_id, job.status) for job in parse_queued(answer)] == [
        ("a", "queued"),
        ("b", "processing"),
    ]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"generations": []}, "`generations` is empty"),
        ({}, "`generations` is missing"),
        ({"generations": {"generation_id": "a"}}, "`generations` is dict, not a list"),
        ({"generations": ["a"]}, "a generation is str"),
        ({"generations": [{"status": "queued"}]}, "`generation_id` is missing"),
        ([], "the answer is list"),
        (None, "the answer is missing"),
    ],
)
def test_an_unreadable_enqueue_answer_is_named(answer: object, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        parse_queued(answer)


def test_one_unreadable_job_hides_no_other_and_is_told() -> None:
    found = parse_generations({"count": 2, "generations": [{"status": "queued"}, JOB]})

    assert [job.generation_id for job in found.generations] == ["g-1"]
    assert found.unreadable == "`generation_id` is missing"


@pytest.mark.parametrize("identity", ["g" * 101, "g\x1b[2J", "g\ufffd", "g\u202e1", "\t"])
def test_an_id_that_cannot_be_stored_or_shown_is_none(identity: str) -> None:
    with pytest.raises(ShapeError, match="`generation_id` has"):
        parse_generation({**JOB, "generation_id": identity})


@pytest.mark.parametrize("stamp", [-1, 1_790_000_000_000, 1e300, 4_102_444_801, "soon", True])
def test_a_stamp_outside_1970_to_2100_is_unknown(stamp: object) -> None:
    job = parse_generation({**JOB, "enqueued_at": stamp, "started_at": 4_102_444_800})

    assert job.enqueued_at is None
    assert job.started_at == 4_102_444_800


@pytest.mark.parametrize(("count", "total"), [({"count": 7}, 7), ({}, 1)])
def test_a_list_knows_how_many_jobs_the_service_counts(
    count: dict[str, object], total: int
) -> None:
    found = parse_generations({**count, "generations": [JOB]})

    assert found.total == total
    assert [job.generation_id for job in found.generations] == ["g-1"]


def test_an_event_of_success_carries_the_url() -> None:
    event = parse_event(
        {"generation_id": "g", "status": "succeeded", "url": "https://h.test/a?sig=s3cret"}
    )

    assert (event.generation_id, event.status, event.error) == ("g", "succeeded", None)
    assert event.url == "https://h.test/a?sig=s3cret"
    assert "s3cret" not in repr(event)


def test_an_event_of_failure_carries_the_error() -> None:
    event = parse_event({"generation_id": "g", "status": "failed", "error": "blocked"})

    assert (event.status, event.url, event.error) == ("failed", None, "blocked")


@pytest.mark.parametrize(
    "answer",
    [
        {"images": [{"url": "https://h.test/a.png"}]},
        {"image_url": "https://h.test/a.png"},
        {"images": [{"image_url": "https://h.test/a.png"}]},
        {"images": [], "image_url": "https://h.test/a.png"},
    ],
)
def test_a_picture_s_url_is_read_in_every_spelling(answer: dict[str, object]) -> None:
    found = parse_images({"model": "m", "created": 5, **answer})

    assert (found.model, found.created) == ("m", 5.0)
    assert [(image.url, image.b64) for image in found.images] == [("https://h.test/a.png", None)]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_inline_bytes_are_decoded(prefix: str) -> None:
    encoded = prefix + base64.b64encode(b"\x89PNG").decode()

    assert parse_images({"images": [{"b64_json": encoded}]}).images[0].b64 == b"\x89PNG"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({}, "no picture"),
        ({"images": []}, "no picture"),
        ({"images": [{}]}, "neither `url` nor `b64_json`"),
        ({"images": [{"b64_json": "?!"}]}, "not base64"),
        ({"images": "x"}, "`images` is str, not a list"),
    ],
)
def test_an_answer_without_a_picture_is_named(answer: object, words: str) -> None:
    with pytest.raises(ShapeError, match=words):
        parse_images(answer)


def test_a_commit_needs_only_its_id() -> None:
    assert parse_commit({"commit": {"id": "c0ffee"}}).id == "c0ffee"


@pytest.mark.parametrize("answer", [{}, {"commit": {}}, {"commit": "c0ffee"}])
def test_an_answer_without_a_commit_is_named(answer: object) -> None:
    with pytest.raises(ShapeError, match="commit"):
        parse_commit(answer)


def test_a_presigned_url_must_be_there() -> None:
    assert parse_url({"url": "https://h.test/a"}) == "https://h.test/a"

    with pytest.raises(ShapeError, match="`url` is missing"):
        parse_url({})
