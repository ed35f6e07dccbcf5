"""`nbp doctor`: looks at everything a run needs, and says what to do about what is wrong."""

import json
import sys

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@report_errors
def doctor(as_json: bool) -> None:
    """Look at versions, disk, briefs, ledger, Dagster, the store, the service and its models.

    Each is printed as it is found, and given up after 20 seconds without an end. Buys, migrates
    and repairs nothing. Status 1 where a run would fail, so that it serves as the
    health check of a container.
    """
    # Imported here: Dagster and the database.
    from nbp_dagster.cli.doctor.finding import SIGNS
    from nbp_dagster.cli.doctor.installation import look_at_installation
    from nbp_dagster.settings import read_settings

    found = []
    for each in look_at_installation(read_settings()):
        found.append(each)
        if not as_json:
            # At once: a part that hangs is waited for, and whoever ends that has the others.
            line = f"{SIGNS[each.verdict]:<7}  {each.part:<20}  {each.words}"
            click.echo(f"{line}; {each.advice}" if each.advice else line)
    if as_json:
        click.echo(json.dumps({"findings": [each.to_json() for each in found]}, indent=2))
    sys.exit(any(each.verdict == "fault" for each in found))
