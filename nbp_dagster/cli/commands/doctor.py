"""`nbp doctor`: looks at everything a run needs, and says what to do about what is wrong."""

import json
import sys

import click

from nbp_dagster.cli.errors import report_errors
from nbp_dagster.cli.tables import align


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
@report_errors
def doctor(as_json: bool) -> None:
    """Look at versions, disk, briefs, ledger, Dagster, the store, the service and its models.

    Buys, migrates and repairs nothing. Status 1 where a run would fail, so that it serves as the
    health check of a container.
    """
    # Imported here: Dagster and the database.
    from nbp_dagster.cli.doctor.finding import SIGNS
    from nbp_dagster.cli.doctor.machine import look_at_machine
    from nbp_dagster.cli.doctor.service import look_at_service
    from nbp_dagster.cli.doctor.state import look_at_briefs, look_at_state
    from nbp_dagster.cli.doctor.store import look_at_store
    from nbp_dagster.settings import read_settings

    settings = read_settings()
    briefs, models = look_at_briefs(settings)
    found = [
        *look_at_machine(settings),
        briefs,
        *look_at_state(settings),
        *look_at_store(settings),
        *look_at_service(settings, models),
    ]
    if as_json:
        click.echo(json.dumps({"findings": [each.to_json() for each in found]}, indent=2))
    else:
        rows = [(SIGNS[each.verdict], each.part, each.words) for each in found]
        for line, each in zip(align(rows), found, strict=True):
            click.echo(f"{line}; {each.advice}" if each.advice else line)
    sys.exit(any(each.verdict == "fault" for each in found))
