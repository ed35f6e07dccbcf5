"""Texts that make a careless pattern take quadratic time, and everything that reads texts."""

import json
from collections.abc import Callable, Mapping

from nbp_dagster.foreign_text import clean, escape_markdown, read_json, redact
from nbp_dagster.oxen.catalogue import parse_model
from nbp_dagster.oxen.error_text import cut_query, is_page, read_error_body
from nbp_dagster.oxen.responses import (
    parse_commit,
    parse_event,
    parse_generation,
    parse_generations,
    parse_images,
    parse_queued,
)
from nbp_dagster.oxen.retry import parse_retry_after
from nbp_dagster.oxen.words.limits import (
    is_at_capacity,
    is_lasting_limit,
    is_out_of_credit,
    is_passing_limit,
    is_quota,
)
from nbp_dagster.oxen.words.refusals import is_filter_fault, is_refusal

KEY = "sk-live-canary-123456"

# What is repeated to the wanted length.
PIECES = (
    *(
        "/",
        "/?",
        "?",
        "https://a/",
        "data:",
        "data:image/png;base64,",
        "AbC9",
        "bearer ",
        "sk-live-",
    ),
    *("<", "<title", "<title>", "<script", "<script>", "<style></", "{", "[", '"', "&", "\\"),
    *(" ", "\n", "\x1b[2J", "\ud800", "\0", "\u202e", "insufficient ", "no a b ", "credit "),
    *("content_", "safety ", "!", "a ", "www.", "http:", "[](", "9", "."),
    *("violates ", "against our ", "images of ", "blocked by ", "I can't ", "I can't draw a "),
    *("violates our content ", "not allowed by the ", "failed to run the ", "prompt it was "),
    *("safety due to ", "image was ", "flagged by ", "budget ", "exceeded budget "),
    *("account ", "finish reason", "try again in ", "retry in 1h", "quota ", "limit", "<!--"),
)


def hostile_text(piece: str, length: int) -> str:
    """Return a piece repeated to a length."""
    return (piece * (length // len(piece) + 1))[:length]


def readers() -> Mapping[str, Callable[[str], object]]:
    """Return everything that reads a text of the service, by name."""
    return {
        "redact": lambda text: redact(text, secrets=(KEY,), max_chars=2000),
        "clean": clean,
        "escape_markdown": escape_markdown,
        "error body, plain": lambda text: read_error_body(400, _encode(text), secrets=(KEY,)),
        "error body, JSON": lambda text: read_error_body(
            400, json.dumps({"error": {"detail": _fit(text)}}).encode(), secrets=(KEY,)
        ),
        "JSON": lambda text: read_json(json.dumps([_fit(text)]).encode(), secrets=(KEY,)),
        "JSON as it is": lambda text: read_json(_encode(text)),
        "job": lambda text: parse_generation(_job(text)),
        "list of jobs": lambda text: parse_generations({"generations": [_job(text)]}),
        "event": lambda text: parse_event(_job(text)),
        "queued": lambda text: parse_queued({"generations": [{"generation_id": text}]}),
        "commit": lambda text: parse_commit({"commit": {"id": text, "message": text}}),
        "model": lambda text: parse_model(_model(text)),
        "picture": lambda text: parse_images({"images": [{"b64_json": text}]}),
        "refusal": is_refusal,
        "filter's fault": is_filter_fault,
        "credit": is_out_of_credit,
        "quota": is_quota,
        "lasting limit": is_lasting_limit,
        "passing limit": is_passing_limit,
        "capacity": is_at_capacity,
        "page": lambda text: is_page(_encode(text)),
        "query": cut_query,
        "Retry-After": lambda text: parse_retry_after(text, now=0.0),
    }


def _fit(text: str) -> str:
    """Return as much of a text as has its length once JSON has escaped it."""
    return text[: len(text) * 100 // max(100, len(json.dumps(text[:100])))]


def _encode(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")


def _job(text: str) -> dict[str, object]:
    fields = ("prompt", "error_message", "result_url", "model", "media_type")
    return {"generation_id": "g", "status": "failed", **dict.fromkeys(fields, text)}


def _model(text: str) -> dict[str, object]:
    pricing = {"method": text, "cost_per_image": text, "cost_per_image_grid": {text: {text: text}}}
    return {"id": text, "display_name": text, "pricing": pricing, "request_schema": {text: text}}
