"""The Oxen.ai API as typed calls, one method per endpoint.

Must not know: brands, briefs, budgets, files on disk or Dagster.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote

from nbp_dagster.clock import Clock
from nbp_dagster.oxen.download import TOTAL_TIMEOUT, Downloader, MemorySink, Sink
from nbp_dagster.oxen.errors import BadRequest, BadResponse
from nbp_dagster.oxen.executor import BeforeRepeat, Executor, Payer, Service
from nbp_dagster.oxen.job_events import EventStream
from nbp_dagster.oxen.json_bodies import generation_count, image_request
from nbp_dagster.oxen.repositories import Repositories
from nbp_dagster.oxen.responses import (
    Commit,
    Generation,
    ImageAnswer,
    Model,
    QueuedGeneration,
    Repository,
    parse_generation,
    parse_generations,
    parse_images,
    parse_model,
    parse_models,
    parse_nothing,
    parse_queued,
)
from nbp_dagster.oxen.retry import KeepsTrying, Retrier, RetryPolicy, stop_trying
from nbp_dagster.oxen.transport import Transport
from nbp_dagster.oxen.urls import Resolver, resolve_host

T = TypeVar("T")

DEFAULT_BASE_URL = "https://hub.oxen.ai"

DEFAULT_MAX_BYTES = 64 * 1024 * 1024
"""Largest download in bytes by default; a 4K PNG has about 25 MB."""

POLL_TIMEOUT = 30.0
ENQUEUE_TIMEOUT = 120.0
IMAGE_TIMEOUT = 300.0
"""Read timeouts of one call in seconds: the first two are the service's own client's, a blocking 4K
image takes up to two minutes. A queued job has no timeout here: the caller decides."""


class OxenClient:
    """Calls the service; safe to share between threads.

    Args:
        base_url: Root of the service, without `/api`.
        api_key: The account's key. It is sent to the origin of `base_url` and nowhere else.
        transport: Sends the requests.
        clock: Its `sleep` does the waiting between attempts.
        retry: How often a call is repeated, and after which delays.
        on_throttle: Called with the delay in seconds of every 429.
        keeps_trying: Whether an attempt fell into an outage that is waited for; see `Retrier`.
        jitter: Returns 0 to 1; spreads the waits.
        resolver: Looks up hosts outside the service's origin.
        allow_http: Whether the base URL may be http to another machine than this one.

    Attributes:
        repositories: The repository calls, workspaces included, which many files need.

    Raises:
        UnsafeUrl: The base URL is not http(s), or is http to another machine.
        Unauthorized: The key is empty or malformed.

    Example:
        >>> client = OxenClient(
        ...     "https://hub.oxen.ai", api_key=key, transport=RequestsTransport(),
        ...     clock=SystemClock(), retry=RetryPolicy(),
        ... )
        >>> [job] = client.enqueue(model="google-nano-banana-pro", prompt="a red kite")
    """

    def __init__(
        self,
        base_url: str = DEFAULT_BASE_URL,
        *,
        api_key: str,
        transport: Transport,
        clock: Clock,
        retry: RetryPolicy,
        on_throttle: Callable[[float], None] | None = None,
        keeps_trying: KeepsTrying = stop_trying,
        jitter: Callable[[], float] = random.random,
        resolver: Resolver = resolve_host,
        allow_http: bool = False,
    ) -> None:
        self._service = Service(base_url, api_key, allow_http)
        self._transport = transport
        self._clock = clock
        retrier = Retrier(
            retry, clock, jitter=jitter, on_throttle=on_throttle, keeps_trying=keeps_trying
        )
        self._executor = Executor(self._service, transport, retrier=retrier, clock=clock)
        self.repositories = Repositories(self._executor)
        self._downloader = Downloader(
            self._service, transport, executor=self._executor, retrier=retrier, resolver=resolver
        )

    def __repr__(self) -> str:
        return f"OxenClient({self.base_url!r})"

    @property
    def payer(self) -> Payer:
        """The key in use and where, without giving the key away."""
        return self._service.payer

    @property
    def base_url(self) -> str:
        """Root of the service, without a trailing slash."""
        return self._service.base_url

    def edit_image(
        self,
        *,
        model: str,
        prompt: str,
        input_image: Sequence[str] = (),
        parameters: Mapping[str, object] | None = None,
        response_format: str | None = None,
        target_namespace: str | None = None,
    ) -> ImageAnswer:
        """Make one image, with or without references, and wait for it. Bills.

        Args:
            model: Model id.
            prompt: The prompt; `@Image1` names the first reference.
            input_image: Reference URLs or data URIs, at most 14 for google-nano-banana-pro.
            parameters: Further fields of the model's schema.
            response_format: `url` (the service's default) or `b64_json`.
            target_namespace: Account that stores and pays; by default the key's.

        Raises:
            AmbiguousPost: It may have been made and billed.
            OxenError: It was refused or not reached.
        """
        body = image_request(
            model, prompt, input_image, parameters, target_namespace=target_namespace
        )
        return self._make("/api/ai/images/edit", body, response_format)

    def generate_image(
        self,
        *,
        model: str,
        prompt: str,
        input_image: Sequence[str] = (),
        parameters: Mapping[str, object] | None = None,
        response_format: str | None = None,
        target_namespace: str | None = None,
    ) -> ImageAnswer:
        """Make one image through the text-to-image route; otherwise as `edit_image`. Bills."""
        body = image_request(
            model, prompt, input_image, parameters, target_namespace=target_namespace
        )
        return self._make("/api/ai/images/generate", body, response_format)

    def enqueue(
        self,
        *,
        model: str,
        prompt: str,
        input_image: Sequence[str] = (),
        parameters: Mapping[str, object] | None = None,
        num_generations: int = 1,
        target_namespace: str | None = None,
        before_repeat: BeforeRepeat | None = None,
    ) -> tuple[QueuedGeneration, ...]:
        """Put jobs into the queue. Bills, and is sent once only if it may have been read.

        Args:
            model: Model id.
            prompt: The prompt; `@Image1` names the first reference.
            input_image: Reference URLs or data URIs, at most 14 for google-nano-banana-pro.
            parameters: Further fields of the model's schema. The service checks them late: a bad
                one gives a job that fails.
            num_generations: 1 to 4 jobs, each billed.
            target_namespace: Account that stores and pays; by default the key's.
            before_repeat: Called with each 429 before the call is sent again; it may raise, to
                keep it from being sent.

        Raises:
            AmbiguousPost: The jobs may exist; list the queue before enqueueing again.
            OxenError: They were refused, or the service was not reached.
        """
        body = image_request(
            model, prompt, input_image, parameters, target_namespace=target_namespace
        )
        return self._pay(
            "/api/ai/queue",
            {**body, **generation_count(num_generations)},
            parse=parse_queued,
            count_images=len,
            read_timeout=ENQUEUE_TIMEOUT,
            before_repeat=before_repeat,
        )

    def get_generation(self, generation_id: str) -> Generation:
        """Return one job. A job that succeeded without a `result_url` is returned as it is.

        Raises:
            NotFound: The service does not know the id: the job is lost, not done.
        """
        return self._executor.call(
            "GET",
            _job_path(generation_id),
            parse=partial(parse_generation, hide=self._executor.hide),
            read_timeout=POLL_TIMEOUT,
            is_echo=True,
        )

    def list_generations(
        self,
        *,
        status: str | None = None,
        model: str | None = None,
        namespace: str | None = None,
        media_type: str | None = None,
        require_complete: bool = False,
        is_patient: bool = True,
    ) -> tuple[Generation, ...]:
        """Return jobs; without `status` the active ones only.

        Args:
            status: One status to list.
            model: Only this model's jobs.
            namespace: Account that was billed; by default the key's.
            media_type: `image` or `video`.
            require_complete: Refuse an answer with an unreadable job, or whose count exceeds the
                jobs it lists, for a caller who concludes from a job's absence that it was never
                made. Else an unreadable job is left out, so that it stops no other.
            is_patient: Whether an outage that a run waits for is waited out here too.

        Raises:
            BadResponse: The list is unreadable, or incomplete and must not be.
        """
        asked = {"status": status, "model": model, "namespace": namespace, "media_type": media_type}
        found = self._executor.call(
            "GET",
            "/api/ai/queue",
            parse=partial(parse_generations, hide=self._executor.hide),
            query={name: value for name, value in asked.items() if value is not None},
            read_timeout=POLL_TIMEOUT,
            # Each job repeats its references, a megabyte or more where they are sent inline.
            is_long=True,
            is_patient=is_patient,
            is_echo=True,
        )
        problem = found.unreadable and f"a job of the list is unreadable: {found.unreadable}"
        if found.total > len(found.generations):
            counted = f"the list counts {found.total} jobs and holds {len(found.generations)}"
            problem = problem or counted
        if require_complete and problem:
            raise BadResponse(problem, endpoint=f"GET {self.base_url}/api/ai/queue", status=200)
        return found.generations

    def cancel_generation(self, generation_id: str) -> None:
        """Cancel a job; one that is already finished is left as it is.

        Raises:
            NotFound: The service does not know the id.
        """
        try:
            self._executor.call(
                "DELETE", _job_path(generation_id), parse=parse_nothing, read_timeout=POLL_TIMEOUT
            )
        except BadRequest as error:
            if error.status not in {400, 409} or "already" not in error.detail.lower():
                raise

    def list_models(self) -> tuple[Model, ...]:
        """Return the catalogue."""
        return self._executor.call("GET", "/api/ai/models", parse=parse_models)

    def search_models(self, text: str) -> tuple[Model, ...]:
        """Return the models that match a text."""
        return self._executor.call(
            "GET", "/api/ai/models/search", parse=parse_models, query={"search": text}
        )

    def get_model(self, model_id: str) -> Model:
        """Return one model with its schema and price.

        Raises:
            NotFound: There is no such model.
        """
        return self._executor.call("GET", f"/api/ai/models/{_segment(model_id)}", parse=parse_model)

    def events(self) -> EventStream:
        """Return a stream of finished jobs, not yet connected; iterate it in its own thread."""
        return EventStream(self._executor, self._transport, clock=self._clock)

    def download(
        self,
        url: str,
        *,
        max_bytes: int = DEFAULT_MAX_BYTES,
        total_timeout: float = TOTAL_TIMEOUT,
    ) -> bytes:
        """Return the bytes behind a result URL.

        The key is offered only to the service's own origin, and only after it refused to answer
        without. Any other URL must be public https; redirects are followed up to 3 times under the
        same rules.

        Raises:
            DownloadFailed: Refused or larger than `max_bytes`; `expired` tells that asking for the
                job again will give a fresh URL.
            UnsafeUrl: The URL may not be opened.
        """
        sink = MemorySink()
        self._downloader.fetch(url, sink, max_bytes=max_bytes, total_timeout=total_timeout)
        return sink.data

    def download_into(self, url: str, sink: Sink, *, max_bytes: int = DEFAULT_MAX_BYTES) -> str:
        """Write the bytes behind a result URL to a sink as they arrive; otherwise as `download`.

        Returns:
            The media type they are declared as, such as "image/png"; empty where they are not.

        Raises:
            DownloadFailed: Refused or larger than `max_bytes`; see `download`.
            UnsafeUrl: The URL may not be opened.
        """
        return self._downloader.fetch(url, sink, max_bytes=max_bytes)

    def put_files(
        self,
        repo: str,
        branch: str,
        directory: str,
        files: Sequence[tuple[str, bytes]],
        *,
        message: str,
        author_name: str,
        author_email: str,
    ) -> Commit | None:
        """Store files in one commit.

        Args:
            repo: `namespace/name`.
            branch: An existing branch; in an empty repository it is created.
            directory: Folder in the repository; empty for its root.
            files: File names and their bytes. A server may refuse more than 50 MiB in one call.
            message: Commit message.
            author_name: Committer's name.
            author_email: Committer's address.

        Returns:
            The commit, or None when the branch already holds these bytes.
        """
        return self.repositories.put_files(
            repo,
            branch,
            directory,
            files,
            message=message,
            author_name=author_name,
            author_email=author_email,
        )

    def get_repository(self, repo: str) -> Repository | None:
        """Return a repository (`namespace/name`), or None when there is none of that name.

        Raises:
            Unauthorized: It is there, but not for this key.
        """
        return self.repositories.get(repo)

    def create_repository(
        self,
        repo: str,
        *,
        author_name: str,
        author_email: str,
        description: str = "",
        is_public: bool = False,
    ) -> Repository:
        """Create a repository (`namespace/name`); one that exists is returned as it is."""
        return self.repositories.create(
            repo,
            author_name=author_name,
            author_email=author_email,
            description=description,
            is_public=is_public,
        )

    def presign_file(self, repo: str, branch: str, path: str) -> str:
        """Return a URL (about one hour) that opens a repository's file without a key."""
        return self.repositories.presign(repo, branch, path)

    def _make(
        self, path: str, body: Mapping[str, object], response_format: str | None
    ) -> ImageAnswer:
        chosen = {} if response_format is None else {"response_format": response_format}
        return self._pay(
            path,
            {**body, **chosen},
            parse=parse_images,
            count_images=lambda answer: len(answer.images),
            read_timeout=IMAGE_TIMEOUT,
        )

    def _pay(
        self,
        path: str,
        payload: Mapping[str, object],
        *,
        parse: Callable[[object], T],
        count_images: Callable[[T], int],
        read_timeout: float,
        before_repeat: BeforeRepeat | None = None,
    ) -> T:
        """Send a call that bills; every one of them goes through here.

        Args:
            path: Path from the root.
            payload: Body: the model, the prompt and every parameter side by side.
            parse: Makes a record of the answer.
            count_images: Returns how many images that record bills; for a client that meters.
            read_timeout: Seconds of silence allowed.
            before_repeat: Called with each 429 before the call is sent again.
        """
        return self._executor.call(
            "POST",
            path,
            parse=parse,
            payload=payload,
            read_timeout=read_timeout,
            before_repeat=before_repeat,
        )


def _job_path(generation_id: str) -> str:
    return f"/api/ai/queue/{_segment(generation_id)}"


def _segment(text: str) -> str:
    """Quote an id so that it stays one path segment; an empty or dotted one would name another."""
    if text.strip(".") == "":
        raise BadRequest(f"not sent, {text!r} is no id", endpoint="request")
    return quote(text, safe="")
