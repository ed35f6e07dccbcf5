"""`nbp gallery`: prints where the finished gallery pages are."""

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@report_errors
def gallery() -> None:
    """Print the path of every finished gallery page."""
    # Imported here, so that `nbp --help` does not read the environment.
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.storage.data_paths import StudioPaths

    sets = StudioPaths(read_settings().home).sets
    pages = sorted(sets.glob("*/index.html"))
    if not pages:
        raise click.ClickException(f"{sets} holds no set yet; make one with `nbp run`")
    for page in pages:
        click.echo(page.absolute())
