"""What models accept: packaged for those that are known, and a campaign checked against it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import Field

from nbp_dagster.briefs.models import MAX_MODEL_REFERENCES, BriefRecord, Campaign, ModelId, Prose
from nbp_dagster.errors import NbpError
from nbp_dagster.yaml_source.document import parse_document
from nbp_dagster.yaml_source.problems import BriefError, list_accepted
from nbp_dagster.yaml_source.validation import check_record

MODELS_FILE = "model_limits.yaml"


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


class KnownModel(BriefRecord):
    """A model of the packaged table.

    Attributes:
        ratios: Aspect ratios that it can be asked for, `auto` left out.
        unlisted: What is done about one of them that its live schema does not list.
        parameters: Further parameters by name with their accepted values.
        checked_on: Day the figures were last compared with their source.
    """

    id: ModelId = Field(description="the key of the model in its file")
    ratios: tuple[str, ...] = Field(min_length=1, description='a list of ratios such as "4:5"')
    unlisted: Literal["nearest", "refuse"] = Field(description="nearest or refuse")
    parameters: Mapping[str, tuple[str | bool, ...]] = Field(
        default_factory=dict, description="a mapping of parameter to a list of values"
    )
    source: Prose = Field(description="where the figures come from")
    checked_on: date = Field(description="a day such as 2026-11-28")


@cache
def load_known_models() -> Mapping[str, KnownModel]:
    """Return the packaged models by id, in the order of their file.

    Raises:
        BriefError: The packaged file is damaged.
    """
    path = Path(str(resources.files("nbp_dagster.briefs") / MODELS_FILE))
    document, problems = parse_document(path.read_bytes(), file=MODELS_FILE, path=path)
    found: dict[str, KnownModel] = {}
    for name in document.data if document else ():
        assert document is not None
        model, faults = check_record(KnownModel, document, at=(name,), extra={"id": name})
        problems = [*problems, *faults]
        if model is not None:
            found[name] = model
    if problems:
        raise BriefError(path.parent, problems)
    return found


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


def check_ratio(
    ratio: str, model: str, capabilities: Capabilities, *, what: str, where: str
) -> None:
    """Raise RequestError where a known model no longer lists a ratio that stands in partition keys.

    Args:
        ratio: What the prompt's channels are asked in.
        model: The model's id.
        capabilities: What its live schema lists.
        what: Names the channels.
        where: Begins the message.
    """
    known = load_known_models().get(model)
    if known is None or known.unlisted == "nearest" or ratio not in known.ratios:
        return
    if ratio not in capabilities.aspect_ratios:
        accepted = list_accepted(capabilities.aspect_ratios)
        raise RequestError(
            f"{where}: {model} does not list the aspect ratio {ratio} now, in which {what} is "
            f"asked for; {accepted}; leave the channel out or name another model"
        )


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
