"""`nbp validate`: checks every brief, image file and copy text; buys and fetches nothing."""

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@report_errors
def validate() -> None:
    """Check every brief; print every error of every file, or that there are none.

    Warnings, of a folder without briefs, of channels that enlarge their pictures or whose figures
    are old, and what each campaign's markets ask, go to the error stream and fail nothing.
    """
    # Imported here: no other command needs the briefs, fonts and images all at once.
    from nbp_dagster.cli.choice import warn_of_no_briefs
    from nbp_dagster.clock import SystemClock, utc_date
    from nbp_dagster.disclosure.description import describe_disclosure, find_old_rows
    from nbp_dagster.disclosure.own_table import load_briefs, table_of
    from nbp_dagster.prompts.channel_age import find_old_channels
    from nbp_dagster.prompts.expansion import expand
    from nbp_dagster.prompts.picture_sizes import find_enlarged
    from nbp_dagster.prompts.platform_logos import find_logo_problems
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.references.supplied_files import check_files
    from nbp_dagster.studio.typography.copy_fit import find_crowded_copy
    from nbp_dagster.yaml_source.problems import BriefError

    settings = read_settings()
    briefs = load_briefs(settings.config)
    warn_of_no_briefs(briefs)
    check_files(briefs)
    crowded = find_crowded_copy(briefs)
    if crowded:
        raise BriefError(settings.config, crowded)
    today = utc_date(SystemClock().now())
    old = (*find_old_channels(briefs, today), *find_old_rows(today, table_of(briefs)))
    for warning in (*find_enlarged(briefs), *old, *find_logo_problems(briefs, today)):
        click.echo(f"nbp: warning: {warning}", err=True)
    for line in describe_disclosure(briefs):
        click.echo(f"nbp: {line}", err=True)
    prompts = expand(briefs)
    click.echo(
        f"{settings.config}: {len(briefs.brands)} brands, {len(briefs.campaigns)} campaigns, "
        f"{len(prompts)} prompts, {sum(len(prompt.channels) for prompt in prompts)} pictures: "
        "no errors"
    )
