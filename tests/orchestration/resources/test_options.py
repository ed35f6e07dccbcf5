"""An option is typed once: settings, resource and Component take it from `StudioOptions`."""

import inspect
from pathlib import Path
from typing import Annotated, Any

import dagster as dg
import pytest
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nbp_dagster.components import BrandCampaigns
from nbp_dagster.components.options import ComponentOptions, derive_yaml_model, resolve_options
from nbp_dagster.resources.oxen import SimulatedOxenResource
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.settings import Settings
from nbp_dagster.studio.options import StudioOptions


class MadeUpOptions(StudioOptions):
    """One option more, written in this one place."""

    made_up: int = Field(default=7, ge=1, description="An option of this test.")


class MadeUpSettings(BaseSettings, MadeUpOptions):
    model_config = SettingsConfigDict(env_prefix="NBP_", extra="ignore", frozen=True)


class MadeUpResource(MadeUpOptions, dg.ConfigurableResource[Any]):
    """As `StudioResource` inherits its options."""


class MadeUpComponentOptions(MadeUpOptions, dg.Resolvable):
    """As the Component nests them."""


class MadeUpComponent(dg.Component, dg.Model, dg.Resolvable):
    options: Annotated[MadeUpComponentOptions, resolve_options(MadeUpComponentOptions)] = (
        MadeUpComponentOptions()
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        return dg.Definitions()


def test_an_option_made_up_in_one_place_is_in_all_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_MADE_UP", "9")

    options = MadeUpOptions(made_up=3)
    settings = MadeUpSettings()
    resource = MadeUpResource(made_up=4)
    component = MadeUpComponent.from_attributes_dict(attributes={"options": {"made_up": 5}})

    found = (options.made_up, settings.made_up, resource.made_up, component.options.made_up)
    assert found == (3, 9, 4, 5)
    for model in (
        MadeUpOptions,
        MadeUpSettings,
        MadeUpResource,
        derive_yaml_model(MadeUpComponentOptions),
    ):
        assert model.model_fields["made_up"].default == 7
        assert model.model_fields["made_up"].description == "An option of this test."


@pytest.mark.parametrize("name", StudioOptions.model_fields)
@pytest.mark.parametrize(
    "model",
    [Settings, StudioResource, ComponentOptions, derive_yaml_model(ComponentOptions)],
    ids=["settings", "resource", "component", "yaml"],
)
def test_every_option_has_one_default_and_one_description(
    model: type[BaseModel], name: str
) -> None:
    field, option = model.model_fields[name], StudioOptions.model_fields[name]
    assert (field.default, field.description) == (option.default, option.description)


def test_no_ring_writes_an_option_down_again() -> None:
    names = set(StudioOptions.model_fields)
    for model in (Settings, StudioResource, BrandCampaigns):
        assert not names & set(inspect.get_annotations(model)), model


def test_dagster_shows_the_description_and_the_default_of_an_option() -> None:
    fields = StudioResource.to_config_schema().as_field().config_type.fields  # type: ignore[attr-defined]
    assert fields["in_flight"].description == StudioOptions.model_fields["in_flight"].description
    assert fields["in_flight"].default_value == 64


@pytest.mark.parametrize("field", ["home", "config"])
def test_a_resource_takes_no_url_for_a_folder(field: str) -> None:
    folders = {"home": "state", "config": "briefs", field: "s3://bucket/nbp"}

    with pytest.raises(ValidationError) as caught:
        StudioResource(oxen=SimulatedOxenResource(), **folders)

    assert "a URL, where a path of this machine belongs" in str(caught.value)


def test_a_resource_takes_no_url_for_a_folder_from_a_variable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The value is known when a run starts, and refused before a folder is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_OF_THIS_TEST", "s3://bucket/nbp")
    studio = StudioResource(
        oxen=SimulatedOxenResource(), home=dg.EnvVar("STATE_OF_THIS_TEST"), config="briefs"
    )

    @dg.asset(required_resource_keys={"studio"})
    def looked_at() -> None: ...

    result = dg.materialize([looked_at], resources={"studio": studio}, raise_on_error=False)

    assert not result.success
    assert "a URL, where a path of this machine belongs" in str(
        [event.event_specific_data for event in result.all_events]
    )
    assert not list(tmp_path.iterdir())


def test_the_simulator_s_state_takes_no_url() -> None:
    with pytest.raises(ValidationError, match="a URL, where a path"):
        SimulatedOxenResource(state_dir="s3://bucket/jobs")
