"""Runs the assets of some prompts, one partitions definition after another, where any is due."""

import gc
from collections.abc import Iterable, Mapping, Sequence, Set
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import dagster as dg

from nbp_dagster.assets.materializations import SET_FOLLOWS, recorded_versions
from nbp_dagster.assets.names import PROMPT_STEP, SHEET_STEP, Names
from nbp_dagster.automation.stale_partitions import (
    outdated_brands,
    outdated_prompts,
    outdated_sheets,
    owed_corrections,
)
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.cli.choice import Chosen
from nbp_dagster.cli.launch import Launcher
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.cli.run_summary import CampaignRun, RunOptions, RunSummary
from nbp_dagster.interrupts import undisturbed_close
from nbp_dagster.project import build_definitions, open_instance
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.resources.studio import require_common_ledger
from nbp_dagster.settings import Settings, reveal
from nbp_dagster.studio.campaign_set import holds_set
from nbp_dagster.studio.ledger.budget import Cap, run_cap
from nbp_dagster.studio.ledger.orders import OutcomeCounts, Progress
from nbp_dagster.studio.ledger.owner_leases import take_file_lease
from nbp_dagster.studio.manifest.manifest import set_digest
from nbp_dagster.studio.manifest.records import judge_strictly
from nbp_dagster.studio.ordering.compiler import Compiled
from nbp_dagster.studio.plan import find_stranded
from nbp_dagster.studio.sets.attention import list_attention
from nbp_dagster.studio.sets.index_page import find_sets, write_index
from nbp_dagster.studio.studio import Studio


class Listener(Progress, Protocol):
    """Receives the outcomes, and the title of each batch."""

    @property
    def tally(self) -> OutcomeCounts:
        """Counts of all outcomes so far."""
        ...

    def title(self, text: str) -> None:
        """Name what comes next."""
        ...


def run_prompts(
    settings: Settings,
    briefs: Briefs,
    chosen: Chosen,
    *,
    options: RunOptions,
    listener: Listener,
) -> RunSummary:
    """Materialize what is missing or stale of some prompts, and their sets, through Dagster.

    Args:
        settings: Folders, mode, options and secrets.
        briefs: As they were read to choose the prompts.
        chosen: The prompts; nothing else is bought.
        options: Budget and checks of this command.
        listener: Receives every outcome.

    Raises:
        NbpError: A brief, a setting or the service fails, before anything is bought.
    """
    names = Names()
    # Imports and briefs stay to the end: the cycle collector need not walk them each time.
    gc.freeze()
    definitions = build_definitions(settings, briefs=briefs, progress=listener)
    with (
        open_instance(settings.dagster_folder) as instance,
        open_studio(settings, briefs=briefs) as studio,
        take_file_lease(settings.dagster_folder / "commands") as lease,
        undisturbed_close(),
    ):
        # Told once: else each of the runs would fail by it.
        url = reveal(settings.ledger_url)
        require_common_ledger(instance, url=url, home=Path(settings.home))
        # For people there is the progress bar; what reads JSON wants the log.
        log_level = "INFO" if settings.log_format == "json" else "CRITICAL"
        launcher = Launcher(definitions, instance, lease, log_level=log_level)
        launcher.close_dead_runs()
        run = _CampaignRuns(
            launcher, instance, studio, names=names, options=options, listener=listener
        )
        # Also where everything is made: what this home has and the store lacks is sent.
        studio.require_store()
        run.prepare(chosen)
        done = tuple(run.run_campaign(campaign, chosen[campaign]) for campaign in chosen)
        studio.sets.bring_all()
        index = write_index(studio.paths.sets, find_sets(studio.paths.sets))
        return RunSummary(campaigns=done, index=index, errors=tuple(run.errors))


def split_at_gaps(keys: Sequence[str], due: Iterable[str], chosen: Set[str]) -> list[list[str]]:
    """Return the due keys in groups, so that no key between two of a group is not chosen.

    A run is launched over everything from its first key to its last, and may buy all of it.

    Args:
        keys: All keys, in the order of their partitions.
        due: Those to run; all of them chosen.
        chosen: Those that may run.
    """
    wanted = set(due)
    stretches: list[list[str]] = [[]]
    for key in keys:
        if key in wanted:
            stretches[-1].append(key)
        elif key not in chosen and stretches[-1]:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


class _CampaignRuns:
    def __init__(
        self,
        launcher: Launcher,
        instance: dg.DagsterInstance,
        studio: Studio,
        *,
        names: Names,
        options: RunOptions,
        listener: Listener,
    ) -> None:
        self._launcher = launcher
        self._instance = instance
        self._studio = studio
        self._names = names
        self._options = options
        self._listener = listener
        self.errors: list[str] = []
        self._run_ids: list[str] = []

    def prepare(self, chosen: Chosen) -> None:
        """Make brand kits, then the character sheets the prompts are anchored to.

        Raises:
            BriefError: Reference images can't be used; every one is named, and nothing is bought.
        """
        self._studio.compiler.require_references(chosen)
        prompts = [prompt for campaign in chosen.values() for prompt in campaign]
        brands = outdated_brands(self._instance, self._studio, self._names)
        if self._studio.compiler.models.find_news(chosen):
            # Their check says so before anything is bought.
            named = {self._studio.briefs.campaigns[name].brand for name in chosen}
            brands = [name for name in self._studio.briefs.brands if name in {*brands, *named}]
        if brands:
            self._launch([self._names.brand_kits], brands, title="brand kits")
        stranded, sheets_of = find_stranded(self._studio, prompts), self._studio.compiler.sheets_of
        wanted = [
            key for prompt in prompts if prompt.key not in stranded for key in sheets_of(prompt)
        ]
        # One run a sheet: a range between two could include one that is not needed.
        for sheet in outdated_sheets(self._instance, self._studio, self._names, wanted):
            self._launch(
                [self._names.character_sheets],
                [sheet],
                title=f"sheet of {sheet}",
                op_config={SHEET_STEP: self._buying_config(fresh=False)},
            )

    def run_campaign(self, campaign: str, prompts: Sequence[Prompt]) -> CampaignRun:
        """Run what is due of some of the campaign's prompts, then its set."""
        # A run changes the ledger and the records, not its prompts' requests.
        compiled = self._studio.compile(self._studio.prompts_of(campaign))
        due = self._due(prompts, compiled)
        chosen = {prompt.key for prompt in prompts}
        keys = [prompt.key for prompt in self._studio.prompts_of(campaign)]
        # One run where all are chosen: what lies between two due prompts is made, and reused.
        for stretch in split_at_gaps(keys, due, chosen):
            assets = [
                self._names.image_requests,
                self._names.generated_images,
                self._names.channel_images,
            ]
            config = self._buying_config(fresh=self._options.fresh)
            op_config = {PROMPT_STEP: {**config, "strict": self._options.strict}}
            tags = {SET_FOLLOWS: "true"}
            self._launch(assets, stretch, title=campaign, op_config=op_config, tags=tags)
        if any(map(self._base_of, self._studio.prompts_of(campaign))):
            # What edits start from may be another picture by now.
            compiled = self._studio.compile(self._studio.prompts_of(campaign))
        # The digest depends on the pictures alone: no comparison is needed.
        manifest = self._studio.assemble(campaign, compiled, compares=False)
        recorded = recorded_versions(self._instance, self._names.campaign_sets, [campaign])
        gallery = self._studio.paths.sets / campaign / "index.html"
        version = set_digest(manifest)
        self._studio.sets.bring(campaign)
        if recorded.get(campaign) != version or not holds_set(gallery.parent, version):
            self._launch([self._names.campaign_sets], [campaign], title=f"set of {campaign}")
        pictures = [item for item in manifest.pictures if item.prompt_key in chosen]
        return CampaignRun(
            campaign=campaign,
            gallery=gallery.absolute(),
            has_page=gallery.is_file(),
            prompts=len(prompts),
            up_to_date=len(prompts) - len(due),
            missing=tuple(
                (item.prompt_key, item.reason)
                for item in manifest.missing
                if item.prompt_key in chosen
            ),
            unchecked=self._unchecked(prompts) if self._options.strict else (),
            uncorrected=tuple(
                key for key in owed_corrections(self._studio, compiled) if key in chosen
            )
            if self._studio.briefs.campaigns[campaign].correct is not None
            else (),
            pictures=len(pictures),
            failing=sum(bool(item.failed_checks) for item in pictures),
            attention=list_attention(pictures),
        )

    def _due(self, prompts: Sequence[Prompt], compiled: Compiled) -> list[str]:
        if self._options.fresh:
            return [prompt.key for prompt in prompts]
        due = outdated_prompts(
            self._instance, self._studio, self._names, prompts=prompts, compiled=compiled
        )
        # Edits of what is made anew are made anew with it.
        wanted, held = set(due), compiled.for_review
        return [
            prompt.key
            for prompt in prompts
            if prompt.key in wanted or (self._base_of(prompt) in wanted and prompt.key not in held)
        ]

    def _base_of(self, prompt: Prompt) -> str | None:
        return self._studio.compiler.edit_bases.key_of(prompt)

    def _unchecked(self, prompts: Sequence[Prompt]) -> tuple[tuple[str, str], ...]:
        """Return the checks that some picture was not given because an extra is not installed."""
        found: dict[str, str] = {}
        for prompt in prompts:
            record = self._studio.records.read(prompt.key)
            for item in () if record is None else record.checks:
                if judge_strictly(item) is not item:
                    found.setdefault(item.name, item.sentence)
        return tuple(found.items())

    def _buying_config(self, *, fresh: bool) -> dict[str, object]:
        """Return the run config of a paid step: the rest of the command's budget."""
        config: dict[str, object] = {"fresh": fresh}
        if fresh:
            # The quote is of the command: what two of its runs ask for alike is bought once.
            config["earlier_runs"] = list(self._run_ids)
        budget = self._options.budget
        if budget is not None:
            # By the ledger: a picture that can't be read is billed, and no outcome says so.
            config["budget_usd"] = float(max(budget - self._spent(run_cap(budget)), Decimal(0)))
        return config

    def _spent(self, cap: Cap) -> Decimal:
        """Return the USD that count against a cap of this command: all its runs together."""
        ledger, provider = self._studio.ledger, self._studio.provider
        spent = (ledger.spent(cap, provider=provider, run_id=name) for name in self._run_ids)
        return sum(spent, Decimal(0))

    def _launch(
        self,
        assets: list[dg.AssetKey],
        partitions: list[str],
        *,
        title: str,
        op_config: Mapping[str, Mapping[str, object]] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self._listener.title(title)
        if op_config:
            # The steps that pay are those that are configured.
            self._launcher.await_place(self._listener.wait)
        launch = self._launcher.run(assets, partitions, op_config=op_config, tags=tags)
        self._run_ids.append(launch.run_id)
        if not launch.succeeded:
            self.errors.append(f"{title}: {launch.error} (run {launch.run_id} in the Dagster UI)")
