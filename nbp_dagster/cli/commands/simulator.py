"""`nbp simulator`: serves a stand-in of the Oxen API on a loopback port."""

from pathlib import Path
from typing import Any, Literal

import click

from nbp_dagster.addresses import find_path_fault
from nbp_dagster.cli.errors import report_errors


def _require_path(context: click.Context, parameter: click.Parameter, value: Path | None) -> Any:
    fault = None if value is None else find_path_fault(str(value))
    if fault is not None:
        raise click.BadParameter(f"{value} is {fault}")
    return value


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="Port on 127.0.0.1.",
)
@click.option("--latency", default=2.0, show_default=True, help="Seconds a job takes.")
@click.option("--slots", default=16, show_default=True, help="Jobs worked on at once.")
@click.option(
    "--schema",
    type=click.Choice(["page", "live"]),
    default="page",
    show_default=True,
    help="Parameters of the model's page, or those the service has added since.",
)
@click.option(
    "--scenario",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="YAML or JSON file of faults, as docs/simulator.md describes.",
)
@click.option("--rate-limit", type=float, help="Requests a second above which 429 is answered.")
@click.option("--max-in-flight", type=int, help="Requests at once above which 429 is answered.")
@click.option(
    "--painter",
    type=click.Choice(["full", "plain"]),
    default="full",
    show_default=True,
    help="What the prompt says, or for benchmarks one picture a size.",
)
@click.option(
    "--file-type",
    type=click.Choice(["jpeg", "png"]),
    default="jpeg",
    show_default=True,
    help="What painted pictures are sent as; the model sends JPEG.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of pictures to send in place of painted ones, chosen by the prompt.",
)
@click.option(
    "--fonts",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of fonts for letters that Inter lacks; without it those that are installed.",
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    callback=_require_path,
    help="Folder in which jobs outlive the process.",
)
@report_errors
def simulator(
    port: int,
    latency: float,
    slots: int,
    schema: Literal["page", "live"],
    scenario: Path | None,
    rate_limit: float | None,
    max_in_flight: int | None,
    painter: Literal["full", "plain"],
    file_type: Literal["jpeg", "png"],
    pictures: Path | None,
    fonts: Path | None,
    state: Path | None,
) -> None:
    """Serve a stand-in of the Oxen API on 127.0.0.1; its URL is the first line printed."""
    # Imported here: the web server and the painter are needed to serve, not to print help.
    from nbp_dagster.simulator.faults import load_scenario
    from nbp_dagster.simulator.options import SimulatorOptions
    from nbp_dagster.simulator.server import serve

    try:
        options = SimulatorOptions(
            latency=latency,
            slots=slots,
            schema=schema,
            rate_limit=rate_limit,
            max_in_flight=max_in_flight,
            painter=painter,
            file_type=file_type,
            pictures=pictures,
            fonts=fonts,
            faults=() if scenario is None else load_scenario(scenario),
            state_dir=state,
        )
        serve(options, port=port, ready=click.echo)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}; choose another") from error
