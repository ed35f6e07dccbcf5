"""The composition root: settings in, Definitions out."""

import logging
from importlib.resources import files
from pathlib import Path

import dagster as dg
from pydantic import SecretStr

from nbp_dagster._dagster_private import (
    latest_record_id,
    open_without_compute_logs,
    replace_console_logger,
)
from nbp_dagster.addresses import split_list
from nbp_dagster.assets.factory import build_assets
from nbp_dagster.assets.names import Names
from nbp_dagster.assets.step import destination_key, progress_key, studio_key
from nbp_dagster.automation.definitions import build_automation
from nbp_dagster.automation.reload import reload_through
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.disclosure.own_table import load_briefs
from nbp_dagster.instance.home_locks import wait_for_home_locks
from nbp_dagster.instance.setting_faults import describe_setting_fault
from nbp_dagster.resources.oxen import OxenResource, SimulatedOxenResource
from nbp_dagster.resources.publish_destination import PublishDestination
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.settings import Settings, SettingsError, read_settings, variable_of
from nbp_dagster.studio.ledger.orders import NoProgress, Progress
from nbp_dagster.studio.options import StudioOptions
from nbp_dagster.studio.storage.files import hold_lock, make_private_folder, write_atomically
from nbp_dagster.telemetry.json_logs import JsonHandler, set_up_json_logs

_LOG = logging.getLogger(__name__)

# That another program may hold a file of Dagster's.
_LOCK_SECONDS = 60.0


def build_definitions(
    settings: Settings | None = None,
    *,
    briefs: Briefs | None = None,
    progress: Progress | None = None,
) -> dg.Definitions:
    """Return the code location: assets over the briefs, automation, resources for the mode.

    Args:
        settings: Read from the environment when None.
        briefs: Those of the settings' folder, where they are read already.
        progress: Told of every outcome; nobody when None.

    Raises:
        SettingsError: A setting is wrong.
        BriefError: No campaign's briefs are sound; every error is named.
    """
    settings = settings or read_settings()
    if settings.log_format == "json":
        _write_logs_as_json(settings)
    if briefs is None:
        # One unfinished brief must not take the others' assets out of the UI.
        briefs = load_briefs(settings.config, leaves_out=True)
        for problem in briefs.set_aside:
            _LOG.warning("left out until it is corrected: %s", problem)
    oxen = build_oxen(settings)
    names, url = Names(), settings.dagster_url
    studio = build_studio(settings, oxen)
    automation = build_automation(
        briefs, names, studio, reload=reload_through(url) if url else None
    )
    return dg.Definitions(
        assets=build_assets(briefs, names, prompts_per_run=settings.prompts_per_run),
        jobs=automation.jobs,
        schedules=automation.schedules,
        sensors=automation.sensors,
        resources={
            "oxen": oxen,
            studio_key(names): studio,
            destination_key(names): build_destination(settings),
            progress_key(names): progress or NoProgress(),
        },
        # The work is waiting for a service: a process a step would only cost its start.
        executor=dg.in_process_executor,
    )


def _write_logs_as_json(settings: Settings) -> None:
    """Have this process write its logs, and those of Dagster's runs in it, as JSON."""

    def make_logger(context: dg.InitLoggerContext) -> logging.Logger:
        # Not one of the process's tree: its records would be written by the root's handler, too.
        made = logging.Logger("dagster", level=context.logger_config["log_level"].upper())
        made.addHandler(JsonHandler(settings.secrets))
        return made

    set_up_json_logs(settings.secrets)
    replace_console_logger(make_logger)


def build_destination(settings: Settings) -> PublishDestination:
    """Return where finished sets are published."""
    return PublishDestination(
        repository=settings.publish_repository,
        branch=settings.publish_branch,
        author_name=settings.publish_author_name,
        author_email=settings.publish_author_email,
        to=list(split_list(settings.publish_to)),
        trial_to=list(split_list(settings.publish_trial_to)),
    )


def build_oxen(settings: Settings) -> OxenResource:
    """Return the service of the mode; live only where the mode is set to it.

    Dagster gets the name of the key's variable, which is what it serialises and shows.
    """
    if settings.mode == "live":
        return OxenResource(
            api_key=dg.EnvVar("OXEN_API_KEY"),
            base_url=settings.oxen_base_url,
            allow_http=settings.allow_http,
        )
    pictures = settings.simulator_pictures
    return SimulatedOxenResource(
        latency_seconds=float(settings.simulator_latency),
        state_dir=str((settings.home / "simulator").absolute()),
        pictures_dir=None if pictures is None else str(pictures.absolute()),
        # Where brands keep theirs.
        fonts_dir=str(settings.config.absolute()),
    )


def build_studio(settings: Settings, oxen: OxenResource) -> StudioResource:
    """Return the studio over a service; Dagster gets the names of the secrets' variables."""

    def name_variable(secret: SecretStr | None, variable: str) -> str:
        return "" if secret is None else dg.EnvVar(variable)

    return StudioResource(
        oxen=oxen,
        home=str(settings.home.absolute()),
        config=str(settings.config.absolute()),
        ledger_url=name_variable(settings.ledger_url, "NBP_LEDGER_URL"),
        store_url=name_variable(settings.store_url, "NBP_STORE_URL"),
        c2pa_key=name_variable(settings.c2pa_key, "NBP_C2PA_KEY"),
        c2pa_cert=settings.c2pa_cert or "",
        daily_budget_setting=variable_of("daily_budget_usd"),
        **StudioOptions.of(settings).with_paths_from(Path.cwd()).model_dump(),
    )


def open_instance(folder: Path) -> dg.DagsterInstance:
    """Open Dagster's instance, with our settings file where there is none yet.

    Args:
        folder: DAGSTER_HOME; made when it is not there.

    Raises:
        SettingsError: Dagster can't keep its databases below that path, or the settings file there
            has a mistake, or names a variable that is not set.
    """
    if "?" in str(folder.absolute()):
        raise SettingsError(
            f"DAGSTER_HOME or NBP_HOME: {str(folder.absolute())!r} - has a question mark, at which "
            "Dagster ends the path of its SQLite files; move the folder to a path without one"
        )
    # Its events hold prompts, and small pictures.
    make_private_folder(folder)
    # Dagster makes its tables on first use, and two processes that do so at once break them.
    with hold_lock(folder / ".opening.lock"):
        target = folder / "dagster.yaml"
        if not target.exists():
            packaged = files("nbp_dagster.instance").joinpath("dagster.yaml")
            write_atomically(target, packaged.read_bytes())
        # Dagster would start two helpers to copy this process's output into files; they would
        # print tracebacks of their own at Ctrl-C, and the terminal shows the output already.
        wait_for_home_locks(folder, _LOCK_SECONDS)
        try:
            instance = open_without_compute_logs(folder)
        except Exception as error:
            fault = describe_setting_fault(error)
            if fault is None:
                raise
            # Its chain may hold an address with its password.
            raise SettingsError(f"Dagster's settings {target}: {fault}") from None
        instance.get_run_records(limit=1)
        latest_record_id(instance)
        return instance
