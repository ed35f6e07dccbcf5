"""Checks a campaign against what its model accepts, before anything is spent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from nbp_dagster.briefs.models import MAX_MODEL_REFERENCES, Campaign
from nbp_dagster.errors import NbpError
from nbp_dagster.yaml_source.problems import list_accepted


class RequestError(NbpError):
    """A prompt cannot become a request the service would take; nothing was sent."""


@dataclass(frozen=True)
class Capabilities:
    """What the model accepts, read from its live schema or from its page.

    Attributes:
        aspect_ratios: Accepted ratios; `auto` may be among them and is never chosen.
        resolutions: Accepted resolutions.
        parameters: Further parameters by name with their accepted values; None for any value.
        max_references: Most input images of one request.
    """

    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    parameters: Mapping[str, tuple[str | bool, ...] | None] = field(default_factory=dict)
    max_references: int = MAX_MODEL_REFERENCES


# The parameter table of the page of google-nano-banana-pro, as of June 2026.
PAGE_CAPABILITIES = Capabilities(
    aspect_ratios=("auto", "1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"),
    resolutions=("1K", "2K", "4K"),
    parameters={"safety_tolerance": ("1", "2", "3", "4", "5", "6")},
)


def is_listed(value: object, accepted: Iterable[object]) -> bool:
    """Return whether a parameter's value is one of those listed, its type included."""
    return any(type(value) is type(one) and value == one for one in accepted)


def show_parameter(value: object) -> str:
    """Return a parameter's value as YAML has it: `"6"`, `true`."""
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)


def check_resolution(
    resolution: str, model: str, capabilities: Capabilities, *, where: str
) -> None:
    """Raise RequestError unless the model lists the resolution; `where` begins the message."""
    if resolution not in capabilities.resolutions:
        accepted = list_accepted(capabilities.resolutions)
        raise RequestError(f"{where}: resolution {resolution} is not one of {model}; {accepted}")


def check_parameters(campaign: Campaign, capabilities: Capabilities, *, where: str) -> None:
    """Raise RequestError for the first parameter the model does not list; `where` begins it."""
    for name, value in campaign.parameters.items():
        seen = f"{where}: parameters.{name}: {show_parameter(value)}"
        if name not in capabilities.parameters:
            known = list_accepted(capabilities.parameters, wanted=name)
            raise RequestError(f"{seen} - {campaign.model} has no such parameter now; {known}")
        accepted = capabilities.parameters[name]
        if accepted is not None and not is_listed(value, accepted):
            raise RequestError(f"{seen} - {list_accepted(map(show_parameter, accepted))}")
