"""The service's answers as typed records, in every spelling it is known to use.

Must not know: HTTP, statuses, or retries. A parser raises `ShapeError` for an answer it cannot
read; the caller, who knows the endpoint, turns that into `BadResponse`.
"""

import base64
import binascii
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, get_args

from nbp_dagster.foreign_text import redact
from nbp_dagster.oxen.catalogue import Model, Pricing, parse_model, parse_models
from nbp_dagster.oxen.error_text import MAX_JUDGED_CHARS
from nbp_dagster.oxen.json_bodies import (
    INPUT_IMAGE,
    ShapeError,
    as_mapping,
    check_id,
    flag_of,
    identify_inline,
    list_of,
    number_of,
    stamp_of,
    text_of,
    unwrap,
)

__all__ = [
    "COMPLETED_EVENT",
    "GENERATION_STATUSES",
    "TERMINAL_STATUSES",
    "Commit",
    "Generation",
    "GenerationEvent",
    "GenerationList",
    "GenerationStatus",
    "ImageAnswer",
    "ImageData",
    "Model",
    "Pricing",
    "QueuedGeneration",
    "Repository",
    "ShapeError",
    "parse_commit",
    "parse_event",
    "parse_generation",
    "parse_generations",
    "parse_images",
    "parse_model",
    "parse_models",
    "parse_nothing",
    "parse_queued",
    "parse_url",
]

logger = logging.getLogger(__name__)

GenerationStatus = Literal["queued", "processing", "succeeded", "failed", "cancelled"]
GENERATION_STATUSES: tuple[GenerationStatus, ...] = get_args(GenerationStatus)
TERMINAL_STATUSES: frozenset[GenerationStatus] = frozenset({"succeeded", "failed", "cancelled"})

COMPLETED_EVENT = "media_generation_completed"
"""The one event type about images; the stream carries others."""

_JOB_FIELDS = frozenset(
    {
        "generation_id",
        "status",
        "model",
        "model_name",
        "prompt",
        "media_type",
        "result_url",
        "url",
        "images",
        "error_message",
        "error",
        "error_retryable",
        "enqueued_at",
        "started_at",
        "completed_at",
    }
)


# A prompt is compared with what was sent, as the parameters are, and shown nowhere.
_SHOWN = (_JOB_FIELDS | {"id"}) - {"prompt"}


@dataclass(frozen=True, kw_only=True)
class QueuedGeneration:
    """A paid job as the enqueue answer names it."""

    generation_id: str
    status: GenerationStatus


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One paid job.

    Attributes:
        result_url: Expiring URL of the picture; None until it succeeded, and possibly even then.
        error_retryable: The service's own verdict, where it gives one.
        enqueued_at: Seconds since the epoch; likewise `started_at` and `completed_at`.
        params: Every other field: the parameters the request was made with, echoed; an inline
            image of `input_image` is an `InlineImage`.
    """

    generation_id: str
    status: GenerationStatus
    model: str
    prompt: str = field(repr=False)
    media_type: str
    result_url: str | None = field(repr=False)
    error_message: str | None
    error_retryable: bool | None
    enqueued_at: float | None
    started_at: float | None
    completed_at: float | None
    params: Mapping[str, object] = field(repr=False)

    @property
    def is_terminal(self) -> bool:
        """True once the status can no longer change."""
        return self.status in TERMINAL_STATUSES


@dataclass(frozen=True, kw_only=True)
class GenerationEvent:
    """The event of a finished job; sent once, never for a cancelled one."""

    generation_id: str
    status: GenerationStatus
    url: str | None = field(repr=False)
    error: str | None


@dataclass(frozen=True, kw_only=True)
class ImageData:
    """One picture of a blocking call: an expiring URL, or its bytes (decoded from base64)."""

    url: str | None = field(default=None, repr=False)
    b64: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ImageAnswer:
    """The answer of a blocking call; `created` is seconds since the epoch."""

    model: str
    created: float | None
    images: tuple[ImageData, ...]


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One commit of a repository on the service."""

    id: str
    message: str | None = None


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository the key can see."""

    namespace: str
    name: str


def parse_queued(payload: object) -> tuple[QueuedGeneration, ...]:
    """Read an enqueue answer; an empty list is an error, since a job was asked for."""
    items = list_of(as_mapping(payload, "the answer"), "generations")
    if not items:
        raise ShapeError("`generations` is empty although jobs were asked for")
    found = [as_mapping(item, "a generation") for item in items]
    return tuple(
        QueuedGeneration(generation_id=_id_of(item), status=_status_of(item)) for item in found
    )


def parse_generation(
    payload: object, *, hide: Callable[[object], object] = lambda value: value
) -> Generation:
    """Read one job, bare or under `data`.

    Args:
        payload: The job's JSON.
        hide: Takes the key out of a JSON value. The prompt and the parameters keep it, lest what
            was sent is not known again.
    """
    sent = unwrap(as_mapping(payload, "the job"))
    shown = {name: value for name, value in sent.items() if name in _SHOWN}
    job = {**sent, **as_mapping(hide(shown), "the job")}
    return Generation(
        generation_id=_id_of(job),
        status=_status_of(job),
        model=text_of(job, "model_name", "model") or "",
        prompt=text_of(job, "prompt") or "",
        media_type=text_of(job, "media_type") or "image",
        result_url=text_of(job, "result_url", "url") or _first_image_url(job),
        error_message=_error_text(job),
        error_retryable=flag_of(job, "error_retryable"),
        enqueued_at=stamp_of(job, "enqueued_at"),
        started_at=stamp_of(job, "started_at"),
        completed_at=stamp_of(job, "completed_at"),
        params=MappingProxyType(
            {
                name: _without_bytes(value) if name == INPUT_IMAGE else value
                for name, value in job.items()
                if name not in _JOB_FIELDS
            }
        ),
    )


@dataclass(frozen=True, kw_only=True)
class GenerationList:
    """A list answer.

    Attributes:
        generations: The jobs that can be read.
        total: The service's own count.
        unreadable: What is wrong with the first job that can't be read; empty where all can.
    """

    generations: tuple[Generation, ...]
    total: int
    unreadable: str = ""


def parse_generations(
    payload: object, *, hide: Callable[[object], object] = lambda value: value
) -> GenerationList:
    """Read a list of jobs, as `parse_generation` does; an unreadable one hides no other."""
    answer = as_mapping(payload, "the answer")
    items = list_of(answer, "generations")
    jobs: list[Generation] = []
    unreadable = ""
    for item in items:
        try:
            jobs.append(parse_generation(item, hide=hide))
        except ShapeError as error:
            unreadable = unreadable or str(error)
    count = number_of(answer, "count")
    total = len(items) if count is None else int(count)
    return GenerationList(generations=tuple(jobs), total=total, unreadable=unreadable)


def parse_event(payload: object) -> GenerationEvent:
    """Read the data of a completion event, whose keys differ from the job's (`url`, `error`)."""
    data = as_mapping(payload, "the event")
    return GenerationEvent(
        generation_id=_id_of(data),
        status=_status_of(data),
        url=text_of(data, "url", "result_url"),
        error=_error_text(data),
    )


def parse_images(payload: object) -> ImageAnswer:
    """Read a blocking answer: `images[]` of `url` or `b64_json`, or the older `image_url`."""
    answer = as_mapping(payload, "the answer")
    images = [_image_of(item) for item in list_of(answer, "images", required=False)]
    flat = text_of(answer, "image_url")
    if not images and flat:
        images = [ImageData(url=flat)]
    if not images:
        raise ShapeError("no picture: neither `images` nor `image_url` holds one")
    return ImageAnswer(
        model=text_of(answer, "model") or "",
        created=stamp_of(answer, "created"),
        images=tuple(images),
    )


def parse_commit(payload: object) -> Commit:
    """Read the commit a file upload made."""
    answer = as_mapping(payload, "the answer")
    commit = as_mapping(answer.get("commit"), "`commit`")
    identity = text_of(commit, "id")
    if not identity:
        raise ShapeError("`commit.id` is missing")
    return Commit(id=check_id(identity, "commit.id"), message=text_of(commit, "message"))


def parse_url(payload: object) -> str:
    """Read the one `url` of a presign answer."""
    url = text_of(as_mapping(payload, "the answer"), "url")
    if not url:
        raise ShapeError("`url` is missing")
    return url


def parse_nothing(payload: object) -> None:
    """Accept any answer whose content does not matter."""


def _id_of(payload: Mapping[str, object]) -> str:
    identity = text_of(payload, "generation_id")
    if not identity:
        raise ShapeError("`generation_id` is missing")
    return check_id(identity, "generation_id")


def _status_of(payload: Mapping[str, object]) -> GenerationStatus:
    """Read a status; one we do not know is still running, so that the caller's deadline ends it."""
    word = (text_of(payload, "status") or "").lower()
    if word == "canceled":
        return "cancelled"
    if word in GENERATION_STATUSES:
        return word
    logger.warning("unknown generation status %r is taken for 'processing'", word[:40])
    return "processing"


def _error_text(payload: Mapping[str, object]) -> str | None:
    """Read a job's error, without the signatures and inline images it may quote."""
    text = text_of(payload, "error_message", "error")
    inner = payload.get("error")
    if text is None and isinstance(inner, Mapping):
        text = text_of(inner, "detail", "message", "title", "type")
    return redact(text, max_chars=MAX_JUDGED_CHARS) if text else None


def _without_bytes(images: object) -> object:
    if isinstance(images, list):
        return [identify_inline(image) for image in images]
    return identify_inline(images)


def _image_of(item: object) -> ImageData:
    image = as_mapping(item, "an image")
    url, encoded = text_of(image, "url", "image_url"), text_of(image, "b64_json")
    if encoded:
        return ImageData(url=url, b64=_decode(encoded))
    if not url:
        raise ShapeError("an image has neither `url` nor `b64_json`")
    return ImageData(url=url)


def _decode(encoded: str) -> bytes:
    text = encoded.partition(",")[2] if encoded.startswith("data:") else encoded
    decoded = None
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        logger.debug("b64_json of %d characters is not base64", len(text))
    if not decoded:
        raise ShapeError("`b64_json` is not base64")
    return decoded


def _first_image_url(job: Mapping[str, object]) -> str | None:
    images = job.get("images")
    first = images[0] if isinstance(images, list) and images else None
    return text_of(first, "url") if isinstance(first, Mapping) else None
