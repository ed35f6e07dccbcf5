"""The client and the service understand each other, whichever service it is."""

import base64
import threading
import uuid
from collections.abc import Callable
from decimal import Decimal

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.errors import (
    AmbiguousPost,
    BadRequest,
    ConnectionFailed,
    ContentRefused,
    DownloadFailed,
    NotFound,
    OutOfCredit,
    OxenError,
    is_out_of_credit,
    is_refusal,
)
from nbp_dagster.oxen.responses import GENERATION_STATUSES, Generation, GenerationEvent
from nbp_dagster.oxen.transport import HttpRequest, RequestsTransport
from nbp_dagster.oxen.urls import is_own
from tests.contract.conftest import MakeClient, Target

MODEL = "google-nano-banana-pro"
SMALL = {"aspect_ratio": "1:1", "resolution": "1K"}
MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"RIFF")
PIXEL = "data:image/png;base64," + (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
AUTHOR = {"author_name": "Contract", "author_email": "contract@example.com"}

BreakService = Callable[..., None]


def make_prompt(text: str = "a red kite over a pale dune") -> str:
    """Return a prompt no other test has used, so that its job can be found in a list."""
    return f"{text} ({uuid.uuid4()})"


def wait_until_done(client: OxenClient, target: Target, generation_id: str) -> Generation:
    clock = SystemClock()
    give_up = clock.monotonic() + target.patience
    while True:
        job = client.get_generation(generation_id)
        if job.is_terminal:
            return job
        assert clock.monotonic() < give_up, f"{generation_id} is still {job.status}"
        clock.sleep(target.poll_seconds)


def run_job(client: OxenClient, target: Target, prompt: str) -> Generation:
    [queued] = client.enqueue(model=MODEL, prompt=prompt, parameters=SMALL)
    return wait_until_done(client, target, queued.generation_id)


class TestCatalogue:
    def test_the_model_is_listed_with_its_price(self, client: OxenClient) -> None:
        models = {model.id: model for model in client.list_models()}

        price = models[MODEL].price({"resolution": "2K"})

        assert price is not None
        assert Decimal("0.01") < price < Decimal(2)

    def test_the_model_s_own_page_agrees_with_the_list(self, client: OxenClient) -> None:
        listed = next(model for model in client.list_models() if model.id == MODEL)

        assert client.get_model(MODEL).price({}) == listed.price({})

    def test_the_schema_names_what_the_model_accepts(self, client: OxenClient) -> None:
        model = client.get_model(MODEL)

        assert {"1K", "2K", "4K"} <= set(model.enum("resolution") or ())
        assert {"1:1", "16:9", "9:16"} <= set(model.enum("aspect_ratio") or ())
        assert model.default("resolution") in (model.enum("resolution") or ())
        assert model.has_parameter("input_image")

    def test_a_search_finds_the_model(self, client: OxenClient) -> None:
        assert MODEL in {model.id for model in client.search_models("nano-banana")}

    def test_a_model_that_does_not_exist_is_not_found(self, client: OxenClient) -> None:
        with pytest.raises(NotFound, match="no-such-model"):
            client.get_model("no-such-model")


class TestWithoutSpending:
    def test_a_call_without_a_key_is_refused(self, target: Target) -> None:
        answer = RequestsTransport().send(
            HttpRequest(method="GET", url=f"{target.url}/api/ai/queue")
        )

        assert answer.status == 401

    def test_an_unknown_job_is_not_found(self, client: OxenClient) -> None:
        unknown = str(uuid.uuid4())

        with pytest.raises(NotFound):
            client.get_generation(unknown)
        with pytest.raises(NotFound):
            client.cancel_generation(unknown)

    @pytest.mark.parametrize("status", GENERATION_STATUSES)
    def test_jobs_can_be_listed_by_every_status(self, client: OxenClient, status: str) -> None:
        jobs = client.list_generations(
            status=status, model=MODEL, media_type="image", require_complete=True
        )

        assert {job.status for job in jobs} <= {status}

    def test_a_job_for_an_unknown_model_is_refused_up_front(self, client: OxenClient) -> None:
        with pytest.raises(BadRequest):
            client.enqueue(model="no-such-model", prompt=make_prompt())

    def test_a_repository_that_does_not_exist_is_none(self, client: OxenClient) -> None:
        assert client.get_repository(f"nobody-{uuid.uuid4().hex}/nothing") is None


@pytest.mark.usefixtures("spending")
class TestQueue:
    def test_a_job_becomes_a_picture_on_the_service_s_own_origin(
        self, client: OxenClient, target: Target
    ) -> None:
        prompt = make_prompt()

        job = run_job(client, target, prompt)

        assert (job.status, job.model, job.prompt) == ("succeeded", MODEL, prompt)
        assert job.params["aspect_ratio"] == "1:1"
        assert job.error_message is None
        assert job.enqueued_at is not None
        assert job.completed_at is not None
        assert job.result_url is not None
        assert is_own(job.result_url, target.url)
        assert client.download(job.result_url).startswith(MAGIC)

    def test_one_call_makes_several_jobs(self, client: OxenClient) -> None:
        queued = client.enqueue(
            model=MODEL, prompt=make_prompt(), parameters=SMALL, num_generations=2
        )

        assert len({job.generation_id for job in queued}) == 2

    def test_a_finished_job_is_found_by_its_status_and_prompt(
        self, client: OxenClient, target: Target
    ) -> None:
        job = run_job(client, target, make_prompt())

        listed = client.list_generations(status="succeeded", model=MODEL, require_complete=True)

        assert [item.generation_id for item in listed if item.prompt == job.prompt] == [
            job.generation_id
        ]

    def test_cancelling_ends_a_job_and_may_be_repeated(
        self, client: OxenClient, target: Target
    ) -> None:
        [queued] = client.enqueue(model=MODEL, prompt=make_prompt(), parameters=SMALL)

        client.cancel_generation(queued.generation_id)
        client.cancel_generation(queued.generation_id)

        assert wait_until_done(client, target, queued.generation_id).is_terminal

    def test_a_download_past_the_limit_is_stopped(self, client: OxenClient, target: Target) -> None:
        job = run_job(client, target, make_prompt())
        assert job.result_url is not None

        with pytest.raises(DownloadFailed, match="the limit is 100") as caught:
            client.download(job.result_url, max_bytes=100)

        assert caught.value.expired is False


@pytest.mark.usefixtures("spending")
class TestBlockingCalls:
    def test_an_edit_gives_a_picture_by_url(self, client: OxenClient) -> None:
        answer = client.edit_image(
            model=MODEL, prompt=make_prompt(), input_image=[PIXEL], parameters=SMALL
        )

        url = answer.images[0].url
        assert url is not None
        assert client.download(url).startswith(MAGIC)

    def test_an_edit_gives_a_picture_inline(self, client: OxenClient) -> None:
        answer = client.edit_image(
            model=MODEL, prompt=make_prompt(), parameters=SMALL, response_format="b64_json"
        )

        data = answer.images[0].b64
        assert data is not None
        assert data.startswith(MAGIC)

    def test_the_text_to_image_route_answers_too(self, client: OxenClient) -> None:
        answer = client.generate_image(model=MODEL, prompt=make_prompt(), parameters=SMALL)

        assert len(answer.images) == 1

    def test_a_parameter_out_of_range_is_refused(self, client: OxenClient) -> None:
        with pytest.raises(BadRequest):
            client.edit_image(
                model=MODEL, prompt=make_prompt(), parameters={"aspect_ratio": "100:1"}
            )


@pytest.mark.usefixtures("spending")
class TestEvents:
    def test_a_listener_hears_of_its_job_and_ends_when_closed(
        self, client: OxenClient, target: Target
    ) -> None:
        stream = client.events()
        heard: dict[str, GenerationEvent] = {}
        news, ended = threading.Condition(), threading.Event()

        def listen() -> None:
            for event in stream:
                with news:
                    heard[event.generation_id] = event
                    news.notify_all()
            ended.set()

        threading.Thread(target=listen, daemon=True).start()
        assert stream.connected.wait(20)
        [queued] = client.enqueue(model=MODEL, prompt=make_prompt(), parameters=SMALL)
        with news:
            arrived = news.wait_for(lambda: queued.generation_id in heard, target.patience)
        stream.close()

        assert arrived
        assert heard[queued.generation_id].status == "succeeded"
        assert ended.wait(5)


@pytest.mark.usefixtures("spending")
class TestRepositories:
    @pytest.fixture
    def repo(self, client: OxenClient, target: Target) -> str:
        if not target.simulated:
            pytest.skip("a live repository would stay behind")
        name = f"simulated-user/contract-{uuid.uuid4().hex[:12]}"
        client.create_repository(name, **AUTHOR)
        return name

    def test_a_created_repository_is_seen_and_may_be_created_again(
        self, client: OxenClient, repo: str
    ) -> None:
        assert client.get_repository(repo) == client.create_repository(repo, **AUTHOR)

    def test_files_make_one_commit_and_the_same_files_none(
        self, client: OxenClient, repo: str
    ) -> None:
        files = [("a.png", b"\x89PNG\r\n\x00\xff"), ("notes ü.txt", "süß".encode())]

        first = client.put_files(repo, "main", "sets/spring", files, message="set", **AUTHOR)
        again = client.put_files(repo, "main", "sets/spring", files, message="set", **AUTHOR)

        assert first is not None
        assert first.id
        assert again is None

    def test_a_presigned_file_is_read_back_byte_for_byte(
        self, client: OxenClient, repo: str
    ) -> None:
        data = bytes(range(256)) * 40
        client.put_files(repo, "main", "sets", [("all bytes.bin", data)], message="m", **AUTHOR)

        url = client.presign_file(repo, "main", "sets/all bytes.bin")

        assert client.download(url) == data

    def test_a_branch_that_does_not_exist_is_not_found(self, client: OxenClient, repo: str) -> None:
        client.put_files(repo, "main", "", [("a.txt", b"a")], message="m", **AUTHOR)

        with pytest.raises(NotFound):
            client.put_files(repo, "other", "", [("b.txt", b"b")], message="m", **AUTHOR)


class TestFaults:
    """What only a scripted service can be made to do."""

    @pytest.mark.parametrize(
        ("tag", "recognises"), [("refuse", is_refusal), ("credit_lost", is_out_of_credit)]
    )
    def test_a_failed_job_s_words_are_recognised(
        self,
        client: OxenClient,
        target: Target,
        break_service: BreakService,
        tag: str,
        recognises: Callable[[str | None], bool],
    ) -> None:
        job = run_job(client, target, make_prompt(f"[[sim:{tag}]] a kite"))

        assert job.status == "failed"
        assert recognises(job.error_message)
        assert job.result_url is None

    @pytest.mark.parametrize(
        ("tag", "kind"), [("refuse", ContentRefused), ("credit_lost", OutOfCredit)]
    )
    def test_a_blocking_call_raises_the_same_meaning(
        self, client: OxenClient, break_service: BreakService, tag: str, kind: type[OxenError]
    ) -> None:
        with pytest.raises(kind):
            client.edit_image(
                model=MODEL, prompt=make_prompt(f"[[sim:{tag}]] a kite"), parameters=SMALL
            )

    def test_a_job_may_succeed_without_a_picture(
        self, client: OxenClient, target: Target, break_service: BreakService
    ) -> None:
        job = run_job(client, target, make_prompt("[[sim:no_image]] a kite"))

        assert (job.status, job.result_url) == ("succeeded", None)

    def test_a_blocking_call_without_a_picture_may_have_been_billed(
        self, client: OxenClient, break_service: BreakService
    ) -> None:
        with pytest.raises(AmbiguousPost, match="no picture"):
            client.edit_image(
                model=MODEL, prompt=make_prompt("[[sim:no_image]] a kite"), parameters=SMALL
            )

    def test_a_parameter_the_queue_refuses_late_fails_the_job(
        self, client: OxenClient, target: Target, break_service: BreakService
    ) -> None:
        [queued] = client.enqueue(
            model=MODEL, prompt=make_prompt(), parameters={"aspect_ratio": "100:1"}
        )

        job = wait_until_done(client, target, queued.generation_id)

        assert job.status == "failed"
        assert "aspect_ratio" in (job.error_message or "")
        assert not is_refusal(job.error_message)

    @pytest.mark.parametrize("kind", ["status_after", "reset_after"])
    def test_a_paid_post_whose_answer_is_lost_is_sent_once_and_can_be_found(
        self, client: OxenClient, break_service: BreakService, kind: str
    ) -> None:
        prompt = make_prompt()
        break_service(kind=kind, method="POST", prompt=prompt, status=502)

        with pytest.raises(AmbiguousPost):
            client.enqueue(model=MODEL, prompt=prompt, parameters=SMALL)

        found = [
            job
            for status in GENERATION_STATUSES
            for job in client.list_generations(status=status, require_complete=True)
            if job.prompt == prompt
        ]
        assert len({job.generation_id for job in found}) == 1

    def test_a_throttled_paid_post_goes_through_and_is_told(
        self, make_client: MakeClient, break_service: BreakService
    ) -> None:
        prompt, told = make_prompt(), list[float]()
        break_service(
            kind="status", method="POST", prompt=prompt, status=429, retry_after=0.05, times=2
        )

        queued = make_client(on_throttle=told.append).enqueue(
            model=MODEL, prompt=prompt, parameters=SMALL
        )

        assert len(queued) == 1
        assert len(told) == 2
        assert all(seconds >= 0.05 for seconds in told)

    @pytest.mark.parametrize("kind", ["status", "reset"])
    def test_a_poll_goes_on_after_a_fault(
        self, client: OxenClient, target: Target, break_service: BreakService, kind: str
    ) -> None:
        [queued] = client.enqueue(model=MODEL, prompt=make_prompt(), parameters=SMALL)
        break_service(kind=kind, method="GET", path=queued.generation_id, status=503, times=2)

        assert client.get_generation(queued.generation_id).generation_id == queued.generation_id

    def test_an_empty_account_is_named(
        self, client: OxenClient, break_service: BreakService
    ) -> None:
        prompt = make_prompt()
        break_service(kind="no_credit", prompt=prompt)

        with pytest.raises(OutOfCredit, match="Add credit"):
            client.enqueue(model=MODEL, prompt=prompt, parameters=SMALL)

    def test_a_download_cut_short_every_time_fails(
        self, client: OxenClient, target: Target, break_service: BreakService
    ) -> None:
        job = run_job(client, target, make_prompt())
        break_service(kind="truncate", path=job.generation_id)
        assert job.result_url is not None

        with pytest.raises(ConnectionFailed):
            client.download(job.result_url)

    def test_a_download_cut_short_once_is_repeated(
        self, client: OxenClient, target: Target, break_service: BreakService
    ) -> None:
        job = run_job(client, target, make_prompt())
        break_service(kind="truncate", path=job.generation_id, times=1)
        assert job.result_url is not None

        assert client.download(job.result_url).startswith(MAGIC)

    def test_an_expired_link_says_so(
        self, client: OxenClient, target: Target, break_service: BreakService
    ) -> None:
        job = run_job(client, target, make_prompt())
        break_service(kind="expire", path=job.generation_id)
        assert job.result_url is not None

        with pytest.raises(DownloadFailed) as caught:
            client.download(job.result_url)

        assert caught.value.expired is True

    def test_the_event_stream_comes_back_after_a_cut(
        self, client: OxenClient, target: Target, break_service: BreakService
    ) -> None:
        break_service(kind="drop_stream", times=1, seconds=0.05)
        stream = client.events()
        connections, heard, ended = [], threading.Event(), threading.Event()

        def listen() -> None:
            for event in stream:
                connections.append(event.generation_id)
                heard.set()
            ended.set()

        threading.Thread(target=listen, daemon=True).start()
        assert stream.connected.wait(5)
        clock = SystemClock()
        give_up = clock.monotonic() + 10
        while stream.connected.is_set() and clock.monotonic() < give_up:
            clock.sleep(0.01)
        assert not stream.connected.is_set(), "the stream was not cut"
        assert stream.connected.wait(10), "the stream did not come back"
        client.enqueue(model=MODEL, prompt=make_prompt(), parameters=SMALL)
        assert heard.wait(target.patience)
        stream.close()
        assert ended.wait(5)


def test_the_pixel_is_a_picture() -> None:
    """Guards the reference the tests send."""
    assert base64.b64decode(PIXEL.partition(",")[2]).startswith(MAGIC)
