"""`nbp calibrate`: finds a brand's likeness thresholds on its sheets and people's decisions."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from nbp_dagster.cli.errors import report_errors

if TYPE_CHECKING:
    from nbp_dagster.studio.thresholds.brand_calibration import BrandCalibration
    from nbp_dagster.studio.thresholds.decided_thresholds import ThresholdMove


@click.command()
@click.argument("brand")
@click.option(
    "--sheets-only", is_flag=True, help="Leave out what people approved and rejected in reviews."
)
@click.option("--json", "as_json", is_flag=True, help="Print the calibration as JSON.")
@report_errors
def calibrate(brand: str, sheets_only: bool, as_json: bool) -> None:
    """Find a brand's likeness thresholds; buys nothing.

    By its own sheets and, where there are enough, by approvals and rejections of its pictures.
    """
    # Imported here: the studio brings the database, the client and imaging.
    from nbp_dagster.cli.choice import load_of_brand
    from nbp_dagster.cli.openings import open_picture_index, open_studio
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.thresholds.brand_calibration import calibrate_brand

    settings = read_settings()
    briefs = load_of_brand(settings.config.absolute(), brand)
    with (
        open_studio(settings, briefs=briefs) as studio,
        open_picture_index(settings) as index,
    ):
        if brand not in studio.briefs.brands:
            known = ", ".join(studio.briefs.brands)
            raise click.UsageError(f"no brand {brand} in {studio.briefs.root}; there are: {known}")
        done = calibrate_brand(studio, index, brand, with_decisions=not sheets_only)
    if as_json:
        click.echo(json.dumps(_to_json(done), indent=2, default=dict))
        return
    for line in (*_tell_sheets(done), *_tell_decisions(done)):
        click.echo(line)
    click.echo(f"{done.path}; `nbp run` measures existing pictures again, free")


def _to_json(done: "BrandCalibration") -> dict[str, Any]:
    from nbp_dagster.studio.checks.characters.calibration import describe_calibration

    return {
        **describe_calibration(done.found),
        "by_sheets": done.by_sheets,
        "moves": [asdict(move) for move in done.moves],
        "left_out": done.left_out or {},
        "checks": [asdict(each) for each in done.agreements],
    }


def _tell_sheets(done: "BrandCalibration") -> Iterator[str]:
    found = done.found
    yield (
        f"{found.brand}, scorer {found.scorer} {found.scorer_version}: a character counts as "
        f"itself from a standing of {found.cross:.3f}"
    )
    yield (
        f"by the sheets alone {done.by_sheets:.3f}: equal error rate "
        f"{found.equal_error_rate:.1%} in {found.genuine} scenes of the characters and "
        f"{found.impostor} of others, all made of the sheets themselves: the model's pictures "
        "vary more"
    )
    if any(found.faces.values()):
        yield (
            f"faces known: {sum(found.faces.values())}; up to a distance of "
            f"{found.face_same:.2f} a face counts as a character's"
        )
    if found.equal_error_rate > 0.05:
        yield "that is too much to block on: add references of whole figures on plain ground"


def _tell_decisions(done: "BrandCalibration") -> Iterator[str]:
    """Say what people's decisions move, how many each rests on, and what they say of checks."""
    if done.left_out is None:
        return
    if not done.moves:
        yield "decisions: none about the likeness of a character that could count"
    for move in done.moves:
        yield _tell_move(move)
    for reason, number in done.left_out.items():
        yield f"left out: {number} {reason}"
    for each in done.agreements:
        plural = "" if each.decisions == 1 else "s"
        yield (
            f"{each.check}: {each.decisions} decision{plural}; {each.confirmed} rejected as it "
            f"said, {each.overruled} approved all the same, {each.missed} rejected that it passed"
        )


def _tell_move(move: "ThresholdMove") -> str:
    counted = (
        f"{move.name}: {move.approved} approved, {move.rejected} rejected; at {move.before:.3f} "
        f"{move.doubted} of the approved would be doubted and {move.passed} of the rejected pass"
    )
    rate = "" if move.rate is None else f" (equal error rate {move.rate:.1%})"
    if move.why:
        return f"{counted}; it stays: {move.why}{rate}"
    return f"{counted}; it is {move.after:.3f} now{rate}"
