"""`nbp watch`: on each save of a brief, what it breaks, what becomes stale and what that costs."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbp_dagster.cli.errors import report_errors

if TYPE_CHECKING:
    # For annotations: the command imports what it uses when it runs.
    from nbp_dagster.briefs.brief import Briefs
    from nbp_dagster.cli.choice import Chosen
    from nbp_dagster.settings import Settings
    from nbp_dagster.studio.canary.comparison import OpenStudio
    from nbp_dagster.studio.ordering.planned_images import Plan

_WATCHED = frozenset((".yaml", ".yml", ".png", ".jpg", ".jpeg", ".webp", ".svg", ".ttf", ".otf"))
# Milliseconds that saves which come together are taken for one.
_TOGETHER = 300
# And after which the first look begins, where nothing is saved.
_WAKES = 500


@click.command()
@click.argument("keys", nargs=-1)
@click.option("--render", is_flag=True, help="Make the free part again after each save.")
@report_errors
def watch(keys: tuple[str, ...], render: bool) -> None:
    """Watch the briefs; on each save show errors, stale pictures, their price and their prompts.

    KEYS are campaigns, shots, prompts or patterns, as for `nbp run`; without any, all. Nothing is
    bought: --render makes files again of pictures that are here, and on the simulator, where all is
    free, every stale picture. Ctrl-C ends it.
    """
    from nbp_dagster.cli.openings import open_studios
    from nbp_dagster.settings import read_settings

    settings = read_settings()
    with open_studios(settings) as open_one:
        watcher = _Watcher(settings, open_one, keys, renders=render)
        try:
            for names in list_saves(settings.config):
                if names:
                    click.echo(f"\nsaved: {', '.join(names)}")
                watcher.look()
                if not names:
                    click.echo(f"watching {settings.config}; Ctrl-C ends it")
        except KeyboardInterrupt:
            click.echo("stopped")


def list_saves(folder: Path) -> Iterator[tuple[str, ...]]:
    """Yield the names of files that were just saved in a folder of briefs, until interrupted.

    The first are none: from then on no save is missed, however long one is looked at.

    Raises:
        BriefError: There is no such folder.
    """
    import watchfiles

    from nbp_dagster.yaml_source.problems import BriefError, BriefProblem

    def is_brief(change: watchfiles.Change, path: str) -> bool:
        name = Path(path)
        below = name.relative_to(folder.absolute()) if name.is_absolute() else name
        hidden = any(part.startswith(".") for part in below.parts)
        return not hidden and name.suffix.lower() in _WATCHED

    if not folder.is_dir():
        message = "no such folder; create it or set NBP_CONFIG to the folder of the briefs"
        raise BriefError(folder, [BriefProblem(str(folder), None, "", "", message)])
    saves = watchfiles.watch(
        folder.absolute(),
        watch_filter=is_brief,
        debounce=_TOGETHER,
        rust_timeout=_WAKES,
        yield_on_timeout=True,
    )
    is_first = True
    for changes in saves:
        if is_first and changes:
            yield ()
        if changes or is_first:
            yield tuple(sorted({Path(path).name for _, path in changes}))
        is_first = False


class _Watcher:
    """Plans the briefs as they are now, and tells what differs from the last time they loaded."""

    def __init__(
        self,
        settings: "Settings",
        open_one: "OpenStudio",
        keys: Sequence[str],
        *,
        renders: bool,
    ) -> None:
        self._settings = settings
        self._open = open_one
        self._keys = keys
        self._renders = renders
        self._last: Plan | None = None

    def look(self) -> None:
        """Load and plan the briefs; print errors, or what changed and the total."""
        from nbp_dagster.authoring.plan_changes import compare_plans, describe_change
        from nbp_dagster.cli.plan_table import describe_total
        from nbp_dagster.cli.tables import free_note
        from nbp_dagster.errors import NbpError

        try:
            briefs, chosen, planned = self._plan()
        except (NbpError, click.UsageError) as error:
            _tell(error)
            return
        lines: Iterable[str] = ()
        if self._last is not None:
            lines = describe_change(compare_plans(self._last, planned))
        self._last = planned
        for line in lines:
            click.echo(line)
        is_simulated = self._settings.mode != "live"
        click.echo(f"total: {describe_total(planned)}{free_note(is_simulated)}")
        for line in planned.over:
            click.echo(f"nbp: {line}", err=True)
        if self._renders:
            try:
                if render_free(self._settings, briefs, chosen, planned):
                    _, _, self._last = self._plan()
            except (NbpError, click.UsageError) as error:
                _tell(error)

    def _plan(self) -> "tuple[Briefs, Chosen, Plan]":
        from nbp_dagster.cli.choice import choose_prompts, load_chosen
        from nbp_dagster.studio.plan import plan_prompts
        from nbp_dagster.studio.storage.data_paths import StudioPaths

        briefs = load_chosen(self._settings.config.absolute(), self._keys)
        chosen = choose_prompts(briefs, self._keys)
        with self._open(briefs, StudioPaths(self._settings.home)) as studio:
            prompts = [prompt for prompts in chosen.values() for prompt in prompts]
            return briefs, chosen, plan_prompts(studio, prompts)


def render_free(settings: "Settings", briefs: "Briefs", chosen: "Chosen", planned: "Plan") -> bool:
    """Make again what is free: files of pictures that are here, or on the simulator all.

    Args:
        settings: Folders, mode, options and secrets.
        briefs: Those that were planned.
        chosen: Prompts that may be made.
        planned: What each of them is due for.

    Returns:
        Whether anything was run.
    """
    from decimal import Decimal

    from rich.console import Console

    from nbp_dagster.cli.run import run_prompts
    from nbp_dagster.cli.run_report import RunReport
    from nbp_dagster.cli.run_summary import RunOptions, print_summary

    is_live = settings.mode == "live"
    free = {
        image.key
        for image in planned.images
        if image.is_rendered_again or (image.is_due and not is_live)
    }
    due = {
        campaign: [prompt for prompt in prompts if prompt.key in free]
        for campaign, prompts in chosen.items()
    }
    wanted = {campaign: prompts for campaign, prompts in due.items() if prompts}
    if not wanted:
        return False
    # In live mode nothing may be bought, whatever has happened since it was planned.
    options = RunOptions(budget=Decimal(0) if is_live else None)
    with RunReport(Console(stderr=True)) as report:
        summary = run_prompts(settings, briefs, wanted, options=options, listener=report)
    print_summary(summary, report, simulated=not is_live)
    return True


def _tell(error: Exception) -> None:
    message = error.message if isinstance(error, click.ClickException) else str(error)
    click.echo(f"nbp: {message}", err=True)
