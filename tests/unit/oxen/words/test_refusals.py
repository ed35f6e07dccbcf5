"""Words that mean a refusal, those of a filter that failed, and look-alikes that are neither."""

import pytest

from nbp_dagster.oxen.words.refusals import is_filter_fault, is_refusal


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
        # A courtesy takes no verdict back.
        "Image generation was blocked by safety filters. Please try again.",
        "Image generation was blocked by safety filters. Please try again later.",
        "Blocked by the safety filter, please retry",
        "Content policy violation. Please try again.",
        "finishReason: IMAGE_SAFETY. Please try again.",
        "NSFW content was detected, try again",
        "I can't create images of minors. Please try again.",
        "The prompt may violate our guardrails around nudity. If you think we got it wrong, please "
        "retry or edit your prompt.",
        "I cannot respond to this prompt because it violates our content policy",
        # The model's own voice.
        "I can't create images of minors",
        "I\u2019m unable to generate images that depict real people.",
        "I am not able to edit this photo of a child",
        "I'm sorry, but I cannot fulfill this request.",
        "I won't help with that.",
        "Sorry, I can't assist with creating images of public figures",
        "Blocked by our content policy. Please try again in a new way.",
        # The rules that it names.
        "Your prompt violates our terms of service",
        "This violates our guidelines",
        "All images were filtered out because they violated Vertex AI's usage guidelines. You will "
        "not be charged for blocked images. Try rephrasing the prompt.",
        "Blocked due to policy violation",
        "policy_violation",
        "The response is blocked, as it may violate our policies.",
        "This query violates the policy against generating content that condones violence",
        "That goes against our community guidelines",
        "Pictures of this kind are prohibited by Google's use policy",
        "This output contains sensitive words that violate Google's Responsible AI practices. "
        "Support code: 42876398.",
        "Output blocked by RAI filter",
        "raiFilteredReason: 29310472",
        "Your current safety settings for people/face generation filtered out images that appeared "
        "to include children.",
        "Person generation is not allowed",
        "Images of real people are not permitted",
        # Reasons of Google's models that are of the content.
        "finishReason: SAFETY",
        "The finish reason was RECITATION",
        "FinishReason.SPII",
        "FINISH_REASON_BLOCKLIST",
        "blocked due to RECITATION",
        "Response was blocked because of SPII",
        "Candidate stopped with reason: BLOCKLIST",
        "RECITATION",
        "[SPII] no image",
        "Generation failed: BLOCKLIST",
        "IMAGE_RECITATION",
        "blockReason: JAILBREAK",
        "The prompt was blocked by Model Armor",
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
        # Reasons of Google's models that say nothing of the content.
        "finishReason: IMAGE_OTHER",
        "finishReason: NO_IMAGE",
        "finish reason OTHER",
        "blockReason: OTHER",
        "MALFORMED_FUNCTION_CALL",
        "Unable to show the generated image. The model could not generate the image based on the "
        "prompt provided. You will not be charged for this request. Try rephrasing the prompt.",
        # A quota of the service, for all prompts.
        "content moderation API quota exceeded",
        "moderation: 429 too many requests",
        # Words of scenes, parameters and accounts.
        "scene too long: a POETRY RECITATION NIGHT at the town hall",
        "the blocklist of file types has image/gif",
        "personGeneration: ALLOW_ALL is not supported",
        "Images of type image/gif are not allowed",
        "Images of more than 20 MB are not allowed",
        "The request violates the rate policy",
        "Your account was flagged for violating our terms of service",
        "Project 12 has been suspended: policy violation",
        "Request is prohibited by organization's policy",
        "network policy violation",
        "blocked by firewall policy",
        "the answer violates the Content Security Policy directive",
        "guidelines: the aspect ratio must be one of 1:1, 16:9",
        "request was rejected: aspect_ratio is not one of 1:1, 16:9",
        # What the model lacks, or can't do now.
        "I can't create images of people right now",
        "I can't edit this image because none was attached",
        "I can't generate images that large: a technical error occurred",
        "I can't create images, I am a text-based model",
        'no image for the headline "I can\'t make this up"',
        "I can't generate more images for you today",
    ],
)
def test_what_only_sounds_like_a_refusal_is_not_one(text: str | None) -> None:
    assert not is_refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "Safety filter timed out, please retry",
        "Safety filter timed out. Try again, or modify your prompt.",
        "safety filter error, try again",
        "Content moderation: please try again",
        "An error occurred in the safety system. Please try again.",
        "The moderation service refused the connection, try again",
        "prompt was blocked by rate limiter",
        "blocked by moderation, retry in 30 s",
        "blocked by moderation, try again in a few minutes",
        "content filter: the model is overloaded",
        "content moderation at capacity",
        "content moderation API quota exceeded: 60 requests per minute",
        "Safety check failed. Please try again.",
    ],
)
def test_a_filter_that_failed_may_pass(text: str) -> None:
    assert is_filter_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "Blocked by our content policy",
        "Image generation was blocked by safety filters. Please try again.",
        "The model returned no image. Please try again.",
        "I can't create images of people right now",
        "finishReason: IMAGE_OTHER",
        "Your account was flagged, try again later",
    ],
)
def test_what_is_refused_or_only_unknown_is_no_filter_s_fault(text: str | None) -> None:
    assert not is_filter_fault(text)
