"""Reads a generation request as the service does: some checks at once, the others in the job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbp_dagster.simulator.catalogue import MAX_REFERENCES, Catalogue, ModelSpec
from nbp_dagster.simulator.errors import invalid_params, model_not_found

ACCOUNT = "simulated-user"

# Fields of the call itself; all others are parameters of the model.
_ENVELOPE = ("model", "prompt", "num_generations")

COUNT_MESSAGE = "num_generations must be an integer between 1 and 4"
MAX_GENERATIONS = 4


@dataclass(frozen=True, kw_only=True)
class GenerationRequest:
    """One accepted generation request.

    Attributes:
        spec: The model asked for.
        prompt: The prompt; empty when it was missing or no text.
        parameters: Every other field as sent; `data:` references are replaced by short handles
            before a job keeps them.
        count: Pictures asked for, 1 to 4.
    """

    spec: ModelSpec
    prompt: str
    parameters: Mapping[str, Any]
    count: int

    @property
    def namespace(self) -> str:
        """The namespace that stores and pays: `target_namespace`, else the key's own user."""
        namespace = self.parameters.get("target_namespace")
        return namespace if isinstance(namespace, str) and namespace else ACCOUNT


def read_generation_request(body: object, catalogue: Catalogue) -> GenerationRequest:
    """Read a body, with the checks the service makes at once: model, kind of model and count.

    Raises:
        ApiError: The body is no object, the model is missing, unknown or draws nothing, or the
            count is out of range.
    """
    if not isinstance(body, dict):
        raise invalid_params("The request body must be a JSON object.")
    name = body.get("model")
    if not isinstance(name, str) or not name:
        raise invalid_params("model is required")
    spec = catalogue.find(name)
    if spec is None:
        raise model_not_found(name)
    if "image" not in spec.outputs:
        raise invalid_params(f"{name}: :unsupported_media_type")
    prompt = body.get("prompt")
    return GenerationRequest(
        spec=spec,
        prompt=prompt if isinstance(prompt, str) else "",
        parameters={key: value for key, value in body.items() if key not in _ENVELOPE},
        count=_read_count(body.get("num_generations", 1)),
    )


def find_flaw(spec: ModelSpec, prompt: str, parameters: Mapping[str, Any]) -> str | None:
    """Make the checks the service leaves to the job; return what is wrong, or None."""
    if not prompt.strip():
        return "Prompt cannot be empty"
    flaw = spec.find_flaw(parameters)
    if flaw is not None:
        return flaw
    references = parameters.get("input_image") or []
    if len(references) > MAX_REFERENCES:
        return f"input_image takes at most {MAX_REFERENCES} images; got {len(references)}"
    if not all(isinstance(reference, str) for reference in references):
        return "input_image must be a list of URLs"
    return None


def _read_count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise invalid_params(COUNT_MESSAGE)
    if not 1 <= value <= MAX_GENERATIONS:
        raise invalid_params(COUNT_MESSAGE)
    return value
