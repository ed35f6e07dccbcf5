"""Words of limits that last or pass, of empty accounts and of full models, and look-alikes."""

import pytest

from nbp_dagster.oxen.words.limits import (
    is_at_capacity,
    is_lasting_limit,
    is_out_of_credit,
    is_passing_limit,
    is_quota,
)

VERTEX = (
    "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with "
    "base model: gemini-3-pro-image. Please submit a quota increase request."
)
BUDGETS = (
    "Budget has been exceeded! Current cost: 14.2, Max budget: 10.0",
    "litellm.BadRequestError: OpenAIException - Budget has been exceeded! Current cost: 14.2, "
    "Max budget: 10.0",
    "Budget has been exceeded! Key=team (sk-...) Current cost: 0.0, Max budget: 0.0",
    "ExceededBudget: User=9 over budget. Spend=21.68, Budget=20.81",
    "Team=9 over budget. Spend=21.68, Budget=20.81",
    "ExceededTokenBudget: Current spend for token: 20.01; Max Budget for Token: 20.0",
    "No deployments available - crossed budget: 12 >= 10",
    "Exceeded budget for provider google: 12 >= 10",
    "budget_exceeded",
    "Your team's budget is exhausted",
    "Monthly spend limit reached. You can set it higher in the console",
    "Spend limit exceeded",
    "Usage limit reached for this billing period",
    "You have reached your spend limit",
    "You have reached your specified API usage limits.",
    "You've hit your monthly limit",
)
LASTING = (
    "billing_hard_limit_reached",
    "Your subscription has expired",
    "No active subscription",
    "Free tier limit reached",
    "You hit the limit of 100 images per day",
    "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
    "Weekly image limit exceeded",
    "Payment method declined",
    "Your card was declined",
    "Quota exceeded for metric: requests. Please retry in 24h",
    "Quota exhausted, see https://hub.test/s",
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.",
    "You exceeded your current quota, please check your plan and billing details. Quota exceeded "
    "for metric: generate_content_free_tier_requests, limit: 0, model: m. Please retry in 51.9s.",
)
PASSING = (
    "You exceeded your current quota, please check your plan and billing details. Quota exceeded "
    "for metric: generate_content_free_tier_requests, limit: 15. Please retry in 51.9s.",
    "Your quota will reset after 39s",
    "Limit: 3 / min. Please try again in 20s. Add a payment method at /account/billing.",
    "quota exceeded, limit 10 RPM",
    VERTEX,
    'Quota exceeded. [{"@type": "RetryInfo", "retryDelay": "34s"}]',
    "Quota exceeded. retry_delay { seconds: 34 }",
)


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
        "billing_hard_limit_reached",
        "You exceeded your daily quota",
        "Your subscription has expired",
        "Free tier limit reached",
        "You hit the limit of 100 images per day",
        "Payment method declined",
        "content moderation API quota exceeded",
        "Quota exceeded. Please retry in 24h",
        *BUDGETS,
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
        "Quota exceeded. Please retry in 51.9s.",
        VERTEX,
        "a bank clerk: her card was declined, says the sign",
        "a calendar with one picture per day for a monthly plan",
        "the free tier of seats at the stadium",
        "retry budget exceeded",
        "thinking budget exhausted",
        "time_budget_exceeded",
        "max-tokens budget exceeded",
        "Prompt exceeded the budget of 4096 tokens",
        "exceeded budget of 4096 tokens",
        "scene too long: a couple over budget at a shop",
    ],
)
def test_what_only_sounds_like_an_empty_account_is_not_one(text: str | None) -> None:
    assert not is_out_of_credit(text)


@pytest.mark.parametrize(
    "text",
    [
        "You exceeded your current quota, please check your plan and billing details.",
        "insufficient_quota",
        "Monthly spending limit reached",
        "Upgrade your plan to continue",
        "Daily quota exhausted",
        *LASTING,
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
        *PASSING,
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


@pytest.mark.parametrize(
    "text",
    [
        *LASTING,
        *BUDGETS,
        "Too many requests. Try again in 24 hours.",
        "Rate limit reached, try again tomorrow",
        "You have exhausted your capacity on this model. Your quota will reset after 18h31m10s.",
        "Too many requests, retry after 86400",
        "Retry-After: 7200",
        "wait 90 minutes",
        "try again in an hour",
        "limits reset in 2 days and 3 hours",
        "insufficient credits",
    ],
)
def test_a_limit_that_no_run_waits_for_lasts(text: str) -> None:
    assert is_lasting_limit(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        *PASSING,
        "Too many requests",
        "Rate limit exceeded, retry after 3 s",
        "try again in a few seconds",
        "Retry after 59 minutes and 30 seconds",
        "retry in 5000 ms",
        "retry in a moment",
        "try again in 30 s; at most 24 hours are kept",
        "not enough credits for a higher rate limit",
        "a clock: twenty-four hours",
        "await 99999",
    ],
)
def test_a_limit_that_is_over_in_minutes_is_a_rate(text: str | None) -> None:
    assert not is_lasting_limit(text)


@pytest.mark.parametrize(
    "text",
    [
        "You exceeded your current quota",
        "Daily limit reached",
        "Quota exceeded for requests_per_model with base model: m.",
        "Too many requests",
    ],
)
@pytest.mark.parametrize("seconds", [0.0, 5.0, 3599.0])
def test_a_header_of_less_than_an_hour_makes_a_quota_a_rate(text: str, seconds: float) -> None:
    assert not is_lasting_limit(text, retry_after=seconds)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("You exceeded your current quota", 3600.0),
        ("You exceeded your current quota", None),
        # Its own words know better, and no wait fills an account.
        ("You exceeded your current quota. Please retry in 24h", 5.0),
        ("Too many requests. Try again in 24 hours.", 5.0),
        ("Quota exceeded for metric: free_tier_requests, limit: 0, model: m.", 5.0),
        ("Insufficient credits", 5.0),
        ("You exceeded your current quota | insufficient_quota", 5.0),
    ],
)
def test_no_header_makes_a_rate_of_a_limit_that_lasts(text: str, seconds: float | None) -> None:
    assert is_lasting_limit(text, retry_after=seconds)


@pytest.mark.parametrize("seconds", [5.0, 86400.0])
def test_a_rate_stays_one_whatever_its_header_says(seconds: float) -> None:
    assert not is_lasting_limit("Quota exceeded for requests per minute", retry_after=seconds)
    assert not is_lasting_limit("Too many requests", retry_after=seconds)


@pytest.mark.parametrize(
    "text",
    [
        VERTEX,
        "Too many requests",
        "ThrottlingException: slow down",
        "Rate limit exceeded, retry after 3 s",
        "Resource exhausted. Please try again later.",
        "RESOURCE_EXHAUSTED",
        "Quota exceeded for requests per minute",
        "You exceeded your current quota. Please retry in 51.9s.",
    ],
)
def test_a_rate_of_whatever_words_passes(text: str) -> None:
    assert is_passing_limit(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "the flux capacitor is out of range",
        "bad aspect_ratio: retry in 5 s",
        "Too many requests. Try again in 24 hours.",
        *LASTING,
        *BUDGETS,
    ],
)
def test_a_limit_that_lasts_and_other_faults_are_no_rate(text: str | None) -> None:
    assert not is_passing_limit(text)
