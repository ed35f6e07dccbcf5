"""The reusable Component: a folder of briefs in any Dagster project; reads no environment."""

import logging
import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import dagster as dg
from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from nbp_dagster.addresses import SERVED_ADDRESS, find_path_fault
from nbp_dagster.assets.factory import build_assets
from nbp_dagster.assets.names import GROUP, Names, scoped
from nbp_dagster.assets.step import destination_key, progress_key, studio_key
from nbp_dagster.automation.definitions import SensorsDefault, build_automation
from nbp_dagster.automation.reload import reload_through
from nbp_dagster.automation.set_notifications import (
    SetNotification,
    build_set_notification_sensor,
)
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.components.moved_options import refuse_moved, with_refusal
from nbp_dagster.components.options import ComponentOptions, PublishTo, resolve_options
from nbp_dagster.components.scaffolder import BrandCampaignsScaffolder
from nbp_dagster.components.translation import SpecTranslation, check_spec
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.errors import NbpError
from nbp_dagster.resources.oxen import OxenResource, SimulatedOxenResource
from nbp_dagster.resources.publish_destination import PublishDestination
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.studio.ledger.orders import NoProgress, Progress
from nbp_dagster.yaml_source.problems import BriefError, show_text

_LOG = logging.getLogger(__name__)

# What Dagster accepts in the names of steps and resources.
_PREFIX = re.compile(r"[A-Za-z0-9_]+")
# What POSIX shells accept; few keys that are pasted in place of the name look like this.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class BriefsUnusable(NbpError):
    """An instance of the component has no briefs folder, or one with errors."""


@dg.scaffold_with(BrandCampaignsScaffolder)
class BrandCampaigns(dg.Component, dg.Model, dg.Resolvable):
    """Turns a folder of brand and campaign briefs into sets of marketing images.

    Every prompt is a partition. Pictures are made by Oxen.ai's google-nano-banana-pro, or drawn by
    a built-in simulator. Several instances live side by side, each under its own `key_prefix`.

    To change what Dagster shows of the assets, what runs around a step, which service draws, or who
    is told of each outcome or finished set, subclass and override `get_asset_spec`, `execute`,
    `get_oxen`, `get_progress` or `get_set_notify`.

    Example:
        >>> class OurCampaigns(BrandCampaigns):
        ...     def get_asset_spec(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        ...         return super().get_asset_spec(spec).replace_attributes(owners=["team:design"])
    """

    # A key that was pasted where its variable's name belongs must not come back in the error.
    model_config = ConfigDict(hide_input_in_errors=True)

    briefs: Annotated[
        str,
        dg.Resolver.default(
            description="Folder of the briefs (brands/, campaigns/, channels.yaml): absolute, or "
            "relative to the folder of this defs.yaml."
        ),
    ] = "briefs"
    home: Annotated[
        str | None,
        dg.Resolver.default(
            description="Folder of the state (ledger, image store, sets), one for each instance: "
            "absolute, or relative to the project. Left out: .nbp in the project, and in it a "
            "folder named like the key prefix."
        ),
    ] = None
    mode: Annotated[
        Literal["simulator", "live"],
        dg.Resolver.default(
            description="simulator draws stand-ins locally and free; live buys from Oxen."
        ),
    ] = "simulator"
    base_url: Annotated[
        str,
        dg.Resolver.default(description="The service's address in live mode, without a path."),
    ] = "https://hub.oxen.ai"
    allow_http: Annotated[
        bool,
        dg.Resolver.default(
            description="true lets base_url be http to another machine, which sends the key in "
            "clear."
        ),
    ] = False
    api_key_env: Annotated[
        str,
        dg.Resolver.default(
            description="Name of the environment variable that holds the key, read when a run "
            "starts in live mode. Never the key itself: definitions are stored and shown."
        ),
    ] = "OXEN_API_KEY"
    options: Annotated[ComponentOptions, resolve_options(ComponentOptions)] = ComponentOptions()
    ledger_url_env: Annotated[
        str | None,
        dg.Resolver.default(
            description="Name of the environment variable that holds the PostgreSQL address of a "
            "shared ledger. Left out: a SQLite file in the state folder."
        ),
    ] = None
    store_url_env: Annotated[
        str | None,
        dg.Resolver.default(
            description="Name of the environment variable that holds the URL of a store that "
            "several machines share. Left out: folders in the state folder."
        ),
    ] = None
    c2pa_key_env: Annotated[
        str | None,
        dg.Resolver.default(
            description="Name of the environment variable that holds the private key by which "
            "content credentials are signed: PKCS#8 PEM, or a path. Left out: none are signed."
        ),
    ] = None
    c2pa_cert_env: Annotated[
        str | None,
        dg.Resolver.default(
            description="Name of the environment variable that holds that key's certificate and "
            "its issuers: PEM, or a path."
        ),
    ] = None
    publish: Annotated[
        PublishTo, dg.Resolver.default(description="Where published_sets commits finished sets.")
    ] = PublishTo()
    simulator_latency: Annotated[
        float, dg.Resolver.default(description="Seconds a job of the simulator takes.")
    ] = 0.3
    key_prefix: Annotated[
        str | list[str] | None,
        dg.Resolver.default(
            description="Put before every asset key, step and resource of this instance; letters, "
            "digits and underscores. Needed as soon as there are two instances.",
            examples=["marketing", ["acme", "marketing"]],
        ),
    ] = None
    sensors: Annotated[
        SensorsDefault,
        dg.Resolver.default(
            description="Whether the sensors, which spend nothing, run unless somebody switches "
            "them in the UI. Schedules spend: they are always stopped at first."
        ),
    ] = "running"
    dagster_url: Annotated[
        str | None,
        dg.Resolver.default(
            description="Address of the Dagster webserver that is asked to reload the definitions "
            "when an edit adds or removes prompts. Left out: people are asked.",
            examples=["http://127.0.0.1:3000"],
        ),
    ] = None
    group: Annotated[
        str | None,
        dg.Resolver.default(
            description="Asset group in the UI. Left out: marketing, or named like the key prefix, "
            "so that two instances are two groups."
        ),
    ] = None
    translation: SpecTranslation = None

    @model_validator(mode="before")
    @classmethod
    def _check_moved(cls, attributes: Any) -> Any:
        return refuse_moved(attributes)

    @classmethod
    def model(cls) -> type[BaseModel]:
        """Return what Dagster reads defs.yaml as."""
        return with_refusal(super().model())

    @field_validator("key_prefix")
    @classmethod
    def _check_prefix(cls, value: str | list[str] | None) -> str | list[str] | None:
        for part in _parts(value):
            if not _PREFIX.fullmatch(part):
                raise ValueError(f"{part!r}; accepted: letters, digits and underscores")
        return value

    @field_validator("briefs", "home")
    @classmethod
    def _check_folder(cls, value: str | None) -> str | None:
        fault = None if value is None else find_path_fault(value)
        if fault is not None:
            raise ValueError(f"{show_text(value or '')}; {fault}")
        return value

    @field_validator("api_key_env", "ledger_url_env", "c2pa_key_env", "c2pa_cert_env")
    @classmethod
    def _check_variable(cls, value: str | None) -> str | None:
        if value is not None and not _VARIABLE.fullmatch(value):
            raise ValueError("not the name of an environment variable, such as OXEN_API_KEY")
        return value

    @field_validator("dagster_url")
    @classmethod
    def _check_url(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(SERVED_ADDRESS, value):
            raise ValueError("accepted: an http(s) address without user, query and fragment")
        return value

    # Not as a constraint of the field: Dagster would apply it to a template's text as well.
    @field_validator("simulator_latency")
    @classmethod
    def _check_latency(cls, value: float) -> float:
        if not 0 <= value < math.inf:
            raise ValueError(f"{value}; accepted: seconds, 0 or more")
        return value

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return the seven assets over the briefs, their automation and the resources they need.

        Raises:
            BriefsUnusable: The folder is missing, or no campaign's briefs are sound; every error
                is named.
        """
        names = Names(_parts(self.key_prefix))
        folder = _folder_of(context)
        config = folder / self.briefs
        home = self._home(context.project_root)
        studio = StudioResource(
            oxen=self.get_oxen(home),
            home=str(home.absolute()),
            config=str(config.absolute()),
            ledger_url=_variable(self.ledger_url_env),
            store_url=_variable(self.store_url_env),
            c2pa_key=_variable(self.c2pa_key_env),
            c2pa_cert=_variable(self.c2pa_cert_env),
            daily_budget_setting=f"options.daily_budget_usd of the BrandCampaigns {folder.name}",
            **self.options.with_paths_from(folder).model_dump(),
        )
        briefs, url, notify = _load(config, folder), self.dagster_url, self.get_set_notify()
        for problem in briefs.set_aside:
            _LOG.warning("%s: left out until it is corrected: %s", folder, problem)
        automation = build_automation(
            briefs, names, studio, sensors=self.sensors, reload=reload_through(url) if url else None
        )
        return dg.Definitions(
            assets=dg.map_asset_specs(
                lambda spec: check_spec(spec, self.get_asset_spec(spec)),
                build_assets(
                    briefs,
                    names,
                    execute=self.execute,
                    prompts_per_run=self.options.prompts_per_run,
                ),
            ),
            jobs=automation.jobs,
            schedules=automation.schedules,
            sensors=[
                *automation.sensors,
                *([self._tell_of_sets(names, notify)] if notify is not None else []),
            ],
            resources={
                studio_key(names): studio,
                destination_key(names): PublishDestination(**self.publish.model_dump()),
                progress_key(names): self.get_progress(),
            },
        )

    def get_asset_spec(self, spec: dg.AssetSpec) -> dg.AssetSpec:
        """Return how Dagster shows an asset: `group` and `translation` of defs.yaml applied.

        Keys come from `key_prefix`; versions and partitions belong to the asset's own code: a spec
        that changes them is refused.

        Args:
            spec: As this package makes it; called once for each of the seven assets.
        """
        grouped = spec.replace_attributes(group_name=self.group or self._default_group)
        return self.translation(grouped, grouped) if self.translation else grouped

    def execute(self, context: dg.AssetExecutionContext, step: Iterator[Any]) -> Iterator[Any]:
        """Run one step; what stands around `yield from` runs before and after it.

        What the step buys and records is its own. It raises when prompts have no image, after it
        has recorded the others; iterated only in part, it stops as a cancelled run does.

        Args:
            context: The step's; `selected_asset_keys` and `partition_keys` say what it makes.
            step: The work, done once, as it is iterated; its events are Dagster's.
        """
        yield from step

    def get_oxen(self, home: Path) -> OxenResource:
        """Return the service of the mode: live only when asked for in so many words.

        Args:
            home: Folder of this instance's state.
        """
        if self.mode == "live":
            return OxenResource(
                api_key=dg.EnvVar(self.api_key_env),
                base_url=self.base_url,
                allow_http=self.allow_http,
            )
        return SimulatedOxenResource(
            latency_seconds=self.simulator_latency, state_dir=str((home / "simulator").absolute())
        )

    def get_progress(self) -> Progress:
        """Return whoever is told of every outcome while a run goes on; nobody by default."""
        return NoProgress()

    def get_set_notify(self) -> Callable[[SetNotification], object] | None:
        """Return who is told of sets that are approved or published; nobody by default."""
        return None

    def _tell_of_sets(
        self, names: Names, notify: Callable[[SetNotification], object]
    ) -> dg.SensorDefinition:
        return build_set_notification_sensor(
            notify,
            name=scoped(names, "set_notifications"),
            key_prefix=names.prefix,
            webserver_url=self.dagster_url,
            default_status=dg.DefaultSensorStatus[self.sensors.upper()],
        )

    @property
    def _default_group(self) -> str:
        return "_".join(_parts(self.key_prefix)) or GROUP

    def _home(self, project: Path) -> Path:
        if self.home is not None:
            return project / self.home
        return project.joinpath(".nbp", *_parts(self.key_prefix))


def _variable(name: str | None) -> str:
    return "" if name is None else dg.EnvVar(name)


def _parts(prefix: str | list[str] | None) -> tuple[str, ...]:
    if prefix is None:
        return ()
    return (prefix,) if isinstance(prefix, str) else tuple(prefix)


def _folder_of(context: dg.ComponentLoadContext) -> Path:
    """Return the folder of the defs.yaml or component.py; a component.py is given as the file."""
    return context.path.parent if context.path.is_file() else context.path


def _load(config: Path, folder: Path) -> Briefs:
    if not config.is_dir():
        raise BriefsUnusable(
            f"the BrandCampaigns of {folder} has no briefs: there is no folder {config}; create "
            "it with brands/ and campaigns/ in it, or correct `briefs` in defs.yaml"
        )
    try:
        # One unfinished brief must not take the others' assets out of the UI.
        return load_briefs(config, leaves_out=True)
    except BriefError as error:
        raise BriefsUnusable(
            f"the BrandCampaigns of {folder} can't be used until its briefs are corrected; {error}"
        ) from None
