"""`nbp calibrate`: finds a brand's likeness thresholds on its own character sheets."""

import json

import click

from nbp_dagster.cli.errors import report_errors


@click.command()
@click.argument("brand")
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@report_errors
def calibrate(brand: str, as_json: bool) -> None:
    """Find a brand's likeness thresholds on its own sheets; buys nothing."""
    # Imported here: the studio brings the database, the client and imaging.
    from nbp_dagster.cli.openings import open_studio
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.checks.characters.calibration import describe_calibration

    with open_studio(read_settings()) as studio:
        if brand not in studio.briefs.brands:
            known = ", ".join(studio.briefs.brands)
            raise click.UsageError(f"no brand {brand} in {studio.briefs.root}; there are: {known}")
        sheets = studio.compiler.brand_sheets(brand)
        found, path = studio.measurer.calibrate(studio.briefs.brands[brand], sheets)
    if as_json:
        click.echo(json.dumps(describe_calibration(found), indent=2, default=dict))
        return
    click.echo(
        f"{brand}, scorer {found.scorer} {found.scorer_version}: a character counts as itself "
        f"from a standing of {found.cross:.3f}"
    )
    click.echo(
        f"equal error rate {found.equal_error_rate:.1%} in {found.genuine} scenes of the "
        f"characters and {found.impostor} of others, all made of the sheets themselves: the "
        "model's pictures vary more"
    )
    if any(found.faces.values()):
        click.echo(
            f"faces known: {sum(found.faces.values())}; up to a distance of "
            f"{found.face_same:.2f} a face counts as a character's"
        )
    if found.equal_error_rate > 0.05:
        click.echo("that is too much to block on: add references of whole figures on plain ground")
    click.echo(f"{path}; `nbp run` measures existing pictures again, free")
