"""Words that mean a refusal or an empty account, and look-alikes that do not."""

import pytest

from nbp_dagster.foreign_text import redact
from nbp_dagster.oxen.error_text import (
    carries_error,
    cut_query,
    is_at_capacity,
    is_quota,
    is_unknown_model,
)
from nbp_dagster.oxen.errors import is_out_of_credit, is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "Your request was rejected by the content policy",
        "CONTENT_POLICY_VIOLATION",
        "finishReason: IMAGE_SAFETY",
        "PROHIBITED_CONTENT",
        "The prompt was flagged",
        "blocked by moderation",
        "Rejected by our safety system",
        "blocked for safety reasons",
        "Image could not be generated due to safety",
        "safety",
        "NSFW content detected",
        "This violates the usage policies",
        "unsafe content in reference",
        "The prompt contains sensitive words that violate Google's Responsible AI practices",
        "IMAGE_PROHIBITED_CONTENT",
        "finish_reason: RECITATION",
        "finishReason=IMAGE_RECITATION",
        "blockReason: SPII",
        "Your prompt was blocked",
        "Blocked by our content policy. Please modify your prompt and try again.",
        "The prompt was flagged; try again with different words",
    ],
)
def test_a_refusal_is_recognised(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "safety_tolerance must be one of 1, 2, 3",
        "Unknown parameter: safety tolerance",
        "Model not found: safety-first",
        "A woman putting on safety goggles: scene too long",
        "worn for safety goggles are listed",
        "The model returned no image",
        "Invalid policy for retries",
        "Insufficient credits",
        "finish_reason: MAX_TOKENS",
        "finishReason: STOP",
        "the recitation hall: prompt too long",
        "responsible for aim: unknown parameter",
        "Safety check timed out",
        "moderation service unavailable, try again",
        "worker flagged as unhealthy",
        "Safety filter timed out, please retry",
        "content policy service returned 503",
        "prompt was blocked by rate limiter",
        "Failed to load safety_checker model",
        "content moderation: internal server error",
        "could not reach the safety system",
    ],
)
def test_what_only_sounds_like_a_refusal_is_not_one(text: str | None) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "Insufficient credits",
        "insufficient_credits",
        "You are out of credits",
        "You do not have enough: not enough credit",
        "No credits remaining on this account",
        "Your credits are exhausted",
        "Please add more credits to continue",
        "Insufficient balance",
        "Payment required",
        "account balance is too low",
        "Billing hard limit has been reached",
        "You exceeded your current quota, please check your plan and billing details.",
        "quota_exceeded",
        "Daily limit reached",
        "insufficient_quota",
    ],
)
def test_an_empty_account_is_recognised(text: str) -> None:
    assert is_out_of_credit(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "No credit card needed, says the headline",
        "The photo credit: Jane",
        "a balanced composition",
        "scene too long: a clerk at a billing desk reads the monthly plan",
        "Quota exceeded for requests per minute",
        "Model not found: credits-v1",
        "blocked by our content policy",
    ],
)
def test_what_only_sounds_like_an_empty_account_is_not_one(text: str | None) -> None:
    assert not is_out_of_credit(text)


def test_redaction_leaves_ordinary_words_alone() -> None:
    text = "Which one? The file https://hub.test/a.png has 3 errors"

    assert redact(text, secrets=("",)) == text


def test_a_url_loses_query_and_fragment() -> None:
    assert cut_query("https://hub.test/a?b=c#d") == "https://hub.test/a"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": "text"}, True),
        ({"error": {"message": "x"}}, True),
        ({"status": "error"}, True),
        ({"generations": [], "error": "none made"}, True),
        ({"error": None, "images": []}, False),
        ({"status": "success"}, False),
        ({"generation_id": "g", "status": "failed", "error": "blocked"}, False),
        ({"generations": [{"generation_id": "g"}], "error": "one of two"}, False),
        ([], False),
    ],
)
def test_an_error_inside_a_successful_answer(payload: object, expected: bool) -> None:
    assert carries_error(payload) is expected


@pytest.mark.parametrize(
    "text",
    [
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "Monthly spending limit reached",
        "Upgrade your plan to continue",
        "Daily quota exhausted",
    ],
)
def test_a_quota_that_is_used_up_is_told(text: str) -> None:
    assert is_quota(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "Too many requests",
        "Rate limit exceeded, retry after 3 s",
        "Quota exceeded for metric GenerateContent requests per minute",
        "quota exceeded: limit 60 requests/min",
        "not enough credits for a higher rate limit",
    ],
)
def test_a_rate_limit_is_no_quota(text: str | None) -> None:
    assert not is_quota(text)


@pytest.mark.parametrize(
    "text",
    [
        "Getting model response error: 503 - The model is overloaded. Please try again later.",
        "Selected model is at capacity",
        "no capacity available for this model",
        "Capacity exhausted",
        "The model is currently unavailable due to high demand",
        "model is temporarily busy",
    ],
)
def test_a_model_without_capacity_is_known_by_its_words(text: str) -> None:
    assert is_at_capacity(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "503 Service Unavailable",
        "You exceeded your current quota, check your plan: no capacity",
        "The prompt was flagged by the safety system",
        "A bottle with a capacity of one litre",
        "a theatre that seats nine hundred, full to the last chair",
    ],
)
def test_other_words_say_nothing_of_capacity(text: str | None) -> None:
    assert not is_at_capacity(text)


def test_a_model_that_is_not_there_is_known_by_the_services_words() -> None:
    assert is_unknown_model("POST /api/ai/queue answered 404: Model not found: nano-banana-2-1.")
    assert not is_unknown_model("Repository not found")
