"""The resources that the assets need, under the same prefix as the assets' keys.

They are looked up by key and not taken by type: a parameter's name is the key, a code location has
one resource a key, and two instances of the component, each with a studio, would be refused.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import wraps
from typing import Any

import dagster as dg
from pydantic import Field

from nbp_dagster._dagster_private import leave_out_unlooked_checks
from nbp_dagster.assets.names import Names, scoped
from nbp_dagster.briefs.brief import BriefKind, Briefs
from nbp_dagster.errors import NbpError
from nbp_dagster.resources.publish_destination import PublishDestination
from nbp_dagster.resources.studio import StudioResource
from nbp_dagster.studio.delivery.publish_target import PublishTarget
from nbp_dagster.studio.ledger.orders import Progress
from nbp_dagster.studio.regenerate import PurchaseTerms
from nbp_dagster.studio.runs.heartbeat import Heartbeat
from nbp_dagster.studio.studio import Studio
from nbp_dagster.yaml_source.problems import BriefError

CAMPAIGN_TAG = "nbp/campaign"
MODE_TAG = "nbp/mode"


def studio_key(names: Names) -> str:
    """Return the resource key of the `StudioResource`: `studio`, or `marketing__studio`."""
    return scoped(names, "studio")


def progress_key(names: Names) -> str:
    """Return the resource key of whoever is told of the outcomes."""
    return scoped(names, "progress")


def destination_key(names: Names) -> str:
    """Return the resource key of the `PublishDestination`."""
    return scoped(names, "publish_destination")


def targets_of(
    context: dg.AssetExecutionContext, names: Names, studio: Studio
) -> tuple[PublishTarget, ...]:
    """Return where a step with `destination_key` among its resource keys publishes.

    Raises:
        NotPublishable: A field of the resource is empty.
    """
    resource: PublishDestination = getattr(context.resources, destination_key(names))
    return resource.open_targets(lambda: studio.client)


def studio_of(context: dg.AssetExecutionContext, names: Names) -> Studio:
    """Return the open studio of a step that has `studio_key` among its resource keys.

    Raises:
        BriefError: The brief of one of its partitions is broken; every error is named.
    """
    resource: StudioResource = getattr(context.resources, studio_key(names))
    studio = resource.studio
    if studio.briefs.set_aside:
        _require_sound(context, names, studio.briefs)
    return studio


def _require_sound(context: dg.AssetExecutionContext, names: Names, briefs: Briefs) -> None:
    of_brands = {names.brand_kits, names.character_sheets}
    kind: BriefKind = "brand" if context.selected_asset_keys <= of_brands else "campaign"
    wanted = dict.fromkeys(key.partition("/")[0] for key in context.partition_keys)
    needed = [problem for brief in wanted for problem in briefs.find_faults(kind, brief)]
    if needed:
        raise BriefError(briefs.root, needed)
    for problem in briefs.set_aside:
        context.log.warning("not needed here, and left out until it is corrected: %s", problem)


def heartbeat_of(context: dg.AssetExecutionContext, names: Names) -> Heartbeat | None:
    """Return the signs of life of the run of such a step."""
    resource: StudioResource = getattr(context.resources, studio_key(names))
    return resource.heartbeat


def tag_run(context: dg.AssetExecutionContext, studio: Studio, campaigns: Collection[str]) -> None:
    """Tag the run with what it is about, for the list of runs and its filter.

    Args:
        context: The step's.
        studio: The step's, which knows whether pictures are bought.
        campaigns: The campaigns that the run's partitions belong to, or that use its brands and
            characters. Without any only the mode is tagged.
    """
    count = len(campaigns)
    tags = {MODE_TAG: "live" if studio.provider == "oxen" else "simulator"}
    if campaigns:
        tags[CAMPAIGN_TAG] = next(iter(campaigns)) if count == 1 else f"{count} campaigns"
    context.instance.add_run_tags(context.run.run_id, tags)


def campaigns_of_brands(studio: Studio, brands: Collection[str]) -> list[str]:
    """Return the campaigns of some brands, in brief order."""
    campaigns = studio.briefs.campaigns.values()
    return [campaign.id for campaign in campaigns if campaign.brand in brands]


def campaigns_of_sheets(studio: Studio, sheets: Collection[str]) -> list[str]:
    """Return the campaigns that show a character of some sheets (`brand/character`)."""
    return [
        campaign.id
        for campaign in studio.briefs.campaigns.values()
        if any(
            f"{campaign.brand}/{character}" in sheets
            for shot in campaign.shots
            for character in shot.characters
        )
    ]


def is_strict(context: dg.AssetExecutionContext, names: Names) -> bool:
    """Whether every run has to fail a check that is skipped for want of an extra."""
    resource: StudioResource = getattr(context.resources, studio_key(names))
    return resource.strict


def studio_of_tick(context: dg.ScheduleEvaluationContext, names: Names) -> Studio:
    """Return the studio of a schedule's tick; it is opened when it is first asked for.

    Raises:
        NbpError: It can't be opened: a brief or a setting is not in order.
    """
    with _plain_errors():
        resource: StudioResource = getattr(context.resources, studio_key(names))
        return resource.studio


@contextmanager
def studio_for_sensor(context: dg.SensorEvaluationContext, names: Names) -> Iterator[Studio]:
    """Open the studio in a sensor's tick.

    Dagster would open a resource that a sensor requires at every tick, whether it is needed or not.

    Raises:
        NbpError: It can't be opened: a brief or a setting is not in order.
    """
    repository, key = context.repository_def, studio_key(names)
    if repository is None:
        raise dg.DagsterInvariantViolationError("the sensor's context has no repository_def")
    resources = {key: repository.get_top_level_resources()[key]}
    with _plain_errors(), dg.build_resources(resources, instance=context.instance) as opened:
        resource: StudioResource = getattr(opened, key)
        yield resource.studio


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Unwrap what Dagster makes of an error of ours: a tick has one line for it, no traceback."""
    try:
        yield
    except dg.DagsterError as error:
        if isinstance(error.__cause__, NbpError):
            raise error.__cause__ from None
        raise


def progress_of(context: dg.AssetExecutionContext, names: Names) -> Progress:
    """Return the listener of a step that has `progress_key` among its resource keys."""
    listener: Progress = getattr(context.resources, progress_key(names))
    return listener


def purchasing_run_id(context: dg.AssetExecutionContext) -> str:
    """Return the run that a step's purchases are counted for: the first of a chain of retries.

    A retry buys within what is left of the first run's budget, and its `fresh` pictures are those
    that the first run has not bought anew.
    """
    return context.run.root_run_id or context.run.run_id


# Seconds of nothing but 429s after which it is said; single ones pass unnoticed.
_LONG_THROTTLE = 10.0


def wait_reason(studio: Studio) -> str:
    """Return what a batch waits for beside its jobs, in words; empty where nothing holds it up."""
    outage = studio.breaker.outage()
    if outage is not None:
        return outage.in_words()
    failures = studio.engine.job_failures
    if failures is not None:
        return failures.in_words()
    throttled = studio.engine.throttled_seconds
    if throttled >= _LONG_THROTTLE:
        return f"the service has answered 429 (too many requests) for {throttled:.0f} s"
    lost = studio.engine.waits_for_lost
    named = "a lost answer" if lost == 1 else f"{lost} lost answers"
    return f"looking for {named}, {studio.options.absence_seconds:.0f} s each" if lost else ""


# Given a step's context and its work, which is done once, as it is iterated.
Execute = Callable[[dg.AssetExecutionContext, Iterator[Any]], Iterator[Any]]


def pass_through(context: dg.AssetExecutionContext, step: Iterator[Any]) -> Iterator[Any]:
    """Do the step's work and nothing else."""
    yield from step


def run_within(execute: Execute) -> Callable[[Callable[..., Any]], Callable[..., Iterator[Any]]]:
    """Return a decorator for an asset's function; it stands below Dagster's own.

    Example:
        >>> @run_within(pass_through)
        ... def brand_kits(context: dg.AssetExecutionContext): ...
    """

    def decorate(body: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        @wraps(body)
        def run(
            context: dg.AssetExecutionContext, *args: object, **config: object
        ) -> Iterator[Any]:
            leave_out_unlooked_checks(context)
            yield from execute(context, body(context, *args, **config))

        return run

    return decorate


class BuyingConfig(dg.Config):
    """Run config of the paid steps."""

    budget_usd: float | None = Field(
        default=None,
        description="Most USD this run may spend, beside the campaign's and the day's budgets.",
    )
    fresh: bool = Field(
        default=False,
        description="Buy again what earlier runs have made. The ledger says that it was meant.",
    )
    earlier_runs: list[str] = Field(
        default=[],
        description="Runs of the same command before this one: what they have made counts as this "
        "run's, and `fresh` does not buy it again.",
    )

    @property
    def budget(self) -> Decimal | None:
        """The budget as exact money."""
        return None if self.budget_usd is None else Decimal(str(self.budget_usd))

    def terms(self, run_id: str) -> PurchaseTerms:
        """Return what a run with this config may buy.

        Args:
            run_id: The run that its purchases are counted for.
        """
        return PurchaseTerms(run_id, self.budget, self.fresh, self.earlier_runs)


class PromptConfig(BuyingConfig):
    """Run config of the step that makes and checks the pictures of prompts."""

    strict: bool = Field(
        default=False,
        description="Whether a check that is skipped because an extra is not installed has "
        "failed; NBP_STRICT says so for every run.",
    )
