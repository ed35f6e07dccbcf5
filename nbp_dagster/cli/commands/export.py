"""`nbp export`: a finished set as zips, for people who have none of our tools."""

from pathlib import Path

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("campaign")
@click.option(
    "--per-channel/--one",
    "per_channel",
    default=False,
    help="A zip for each channel, or one for all (the default).",
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the zips; NBP_HOME/exports by default.",
)
@click.option("--trial", is_flag=True, help="Take simulated pictures too.")
@click.option("--allow-missing", is_flag=True, help="Take a set that lacks pictures too.")
@report_errors
def export(
    campaign: str, per_channel: bool, to: Path | None, trial: bool, allow_missing: bool
) -> None:
    """Write a campaign's finished set as zips, with a list, the manifest and its schema."""
    # Imported here, so that `nbp --help` does not read the environment.
    from nbp_dagster.addresses import find_path_fault
    from nbp_dagster.briefs.load import load_briefs
    from nbp_dagster.cli.home.places import bring_sets
    from nbp_dagster.cli.openings import read_decisions
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.delivery.export import ExportRules, export_set
    from nbp_dagster.studio.storage.data_paths import StudioPaths

    if to is not None and (fault := find_path_fault(str(to))):
        raise click.BadParameter(f"{str(to)[:80]!r} - {fault}", param_hint="--to")
    settings = read_settings()
    paths = StudioPaths(settings.home)
    briefs = load_briefs(settings.config.absolute(), wanted={campaign})
    target = (to or settings.home / "exports").absolute()
    bring_sets(settings, campaign)
    rules = ExportRules(
        per_channel,
        is_trial=trial,
        allow_missing=allow_missing,
        decisions=read_decisions(settings, campaign),
    )
    for archive in export_set(paths.sets.absolute(), briefs, campaign, target, rules):
        noun = "picture" if archive.pictures == 1 else "pictures"
        click.echo(f"{archive.path}  ({archive.pictures} {noun}, {archive.size:,} bytes)")
