"""`nbp whois`: finds the prompt, request, price and run behind picture files."""

import json
import sys
import warnings
from pathlib import Path

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print what is known as JSON.")
@report_errors
def whois(files: tuple[Path, ...], as_json: bool) -> None:
    """Find the prompt, request, price and run behind pictures, resized or cropped ones too.

    Ends with status 1 if any file is not a picture of this ledger.
    """
    # Imported here: no other command looks pictures up.
    from PIL import Image

    from nbp_dagster.cli.home.places import open_store
    from nbp_dagster.cli.identify_table import describe_identity
    from nbp_dagster.cli.openings import open_picture_index
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.provenance.identify import identify_files

    settings = read_settings()
    with open_picture_index(settings) as index, warnings.catch_warnings():
        # Our own line names a picture that is too large.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        found = list(identify_files(files, index, open_store(settings)))
    if as_json:
        click.echo(json.dumps([identity.to_json() for identity in found], indent=2))
    else:
        for identity in found:
            for line in describe_identity(identity):
                click.echo(line)
    if any(identity.match is None for identity in found):
        sys.exit(1)
