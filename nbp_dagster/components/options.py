"""The studio's options as a field of the Component: what YAML may say, and how templates resolve.

Every name, type, default and description comes from `StudioOptions`; none stands here.
"""

from typing import Any, get_args

import dagster as dg
from dagster.components.resolved.errors import ResolutionException
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from nbp_dagster.studio.options import StudioOptions


class ComponentOptions(StudioOptions, dg.Resolvable):
    """The options of a studio, as a type that Dagster lets a Component nest."""


class PublishTo(dg.Model, dg.Resolvable):
    """Where finished sets are published; see `PublishDestination`."""

    repository: str = ""
    branch: str = "main"
    author_name: str = ""
    author_email: str = ""
    to: list[str] = Field(default_factory=list)
    trial_to: list[str] = Field(default_factory=list)


def derive_yaml_model(options: type[StudioOptions]) -> type[BaseModel]:
    """Return the model of a YAML block: each option, or the text of a template in its place."""
    fields: dict[str, Any] = {
        name: (
            _or_template(field.annotation),
            Field(default=field.default, description=field.description),
        )
        for name, field in options.model_fields.items()
    }
    # A secret that was pasted into an option must not come back in the error.
    config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    return create_model(f"{options.__name__}Yaml", __config__=config, **fields)


def _or_template(annotation: Any) -> Any:
    # YAML reads the words `on` and `off` as booleans; the options take them back.
    is_switch = "off" in get_args(annotation)
    return annotation | str | bool if is_switch else annotation | str


def resolve_options(options: type[StudioOptions]) -> dg.Resolver:
    """Return what resolves a Component's field that holds these options."""

    def resolve(context: dg.ResolutionContext, block: BaseModel) -> StudioOptions:
        given = block.model_dump(exclude_unset=True)
        try:
            return options(**context.resolve_value(given, as_type=dict[str, Any]))
        except ValidationError as error:
            raise ResolutionException(describe_faults(error)) from None

    return dg.Resolver(
        resolve,
        model_field_type=derive_yaml_model(options),
        description="How the studio works and what it may spend; each option has its default.",
    )


def describe_faults(error: ValidationError) -> str:
    """Return every wrong option in one line.

    A text is left out: it may be a secret that was pasted into the wrong place.
    """
    return "; ".join(
        f"options.{'.'.join(map(str, item['loc']))}: {_show(item['input'])}"
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors(include_url=False)
    )


def _show(value: object) -> str:
    return "" if isinstance(value, str) else f"{value!r} - "
