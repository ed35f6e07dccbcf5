"""`nbp gallery`: prints where the finished gallery pages are, or serves them."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.option("--serve", is_flag=True, help="Serve the pages to browsers of this machine.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8900,
    show_default=True,
    help="Port to serve at; 0 for any.",
)
@report_errors
def gallery(serve: bool, port: int) -> None:
    """Print the path of every finished gallery page; with --serve their addresses."""
    # Imported here, so that `nbp --help` does not read the environment.
    from nbp_dagster.cli.home.places import bring_sets, look_for_sets
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.storage.data_paths import StudioPaths

    settings = read_settings()
    sets = StudioPaths(settings.home).sets
    bring_sets(settings)
    if serve:
        _serve(sets, port, look_for_sets(settings))
        return
    pages = sorted(sets.glob("*/index.html"))
    if not pages:
        raise click.ClickException(f"{sets} holds no set yet; make one with `nbp run`")
    for page in pages:
        click.echo(page.absolute())


def _serve(sets: Path, port: int, look: Callable[[], object]) -> None:
    from nbp_dagster.studio.sets.set_server import HOST, open_set_server

    sets.mkdir(parents=True, exist_ok=True)
    with open_set_server(sets, port, look=look) as server:
        address = f"http://{HOST}:{server.server_port}"
        click.echo(f"{address}  (set NBP_GALLERY_URL to it where Dagster's runs start)")
        for page in sorted(sets.glob("*/index.html")):
            click.echo(f"{address}/{page.parent.name}/index.html")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
