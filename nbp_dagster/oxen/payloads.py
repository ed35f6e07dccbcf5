"""Bodies of the paid calls, checked before they cost anything.

Must not know: how they are sent.
"""

from collections.abc import Mapping, Sequence

from nbp_dagster.oxen.errors import BadRequest

MAX_GENERATIONS = 4
"""Jobs one enqueue call may ask for."""

_RESERVED = frozenset(
    {
        "model",
        "prompt",
        "input_image",
        "num_generations",
        "response_format",
        "target_namespace",
        "target_repo",
        "target_directory",
    }
)
"""Fields with an argument of their own, or that change what is billed and where it goes."""


def image_request(
    model: str,
    prompt: str,
    input_image: Sequence[str],
    parameters: Mapping[str, object] | None,
    *,
    target_namespace: str | None,
) -> dict[str, object]:
    """Return the fields all image calls share.

    Raises:
        BadRequest: The model or prompt is empty, `input_image` is one text instead of a list, or
            `parameters` sets a field that has an argument of its own.
    """
    if not model or not prompt.strip():
        raise _not_sent("the model or the prompt is empty")
    if isinstance(input_image, str):
        raise _not_sent("input_image is a text; it takes a list of URLs")
    taken = sorted(_RESERVED.intersection(parameters or {}))
    if taken:
        raise _not_sent(f"parameters may not set {', '.join(taken)}")
    body: dict[str, object] = {"model": model, "prompt": prompt, **(parameters or {})}
    if input_image:
        body["input_image"] = list(input_image)
    if target_namespace is not None:
        body["target_namespace"] = target_namespace
    return body


def generation_count(num_generations: int) -> dict[str, object]:
    """Return the field that multiplies the bill.

    Raises:
        BadRequest: Not 1 to 4.
    """
    if not 1 <= num_generations <= MAX_GENERATIONS:
        raise _not_sent(
            f"num_generations is {num_generations}, accepted are 1 to {MAX_GENERATIONS}"
        )
    return {"num_generations": num_generations}


def _not_sent(reason: str) -> BadRequest:
    return BadRequest(f"not sent, {reason}", endpoint="image request")
