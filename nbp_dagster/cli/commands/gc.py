"""`nbp gc`: removes what nothing needs any more from the store and the home."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from nbp_dagster.cli.errors import report_errors

if TYPE_CHECKING:
    from nbp_dagster.studio.retention.sweep import Amount, Sweep

_UNITS = {"d": 86_400.0, "w": 7 * 86_400.0}
_AGE = re.compile(r"([1-9][0-9]{0,4})([dw])")


@click.command()
@click.option(
    "--older-than",
    metavar="AGE",
    required=True,
    help="Only what was not used for so long: days or weeks, such as 90d or 12w.",
)
@click.option(
    "--originals",
    is_flag=True,
    help="Take paid originals too that no record, set, approval, sheet or edit uses.",
)
@click.option("--delete", is_flag=True, help="Remove it; without this it is only counted.")
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
@report_errors
def gc(older_than: str, originals: bool, delete: bool, as_json: bool) -> None:
    """Count, or with --delete remove, what no set, record, approval, sheet or purchase needs.

    Needs no key, asks no service, and is safe beside runs. An original that is wanted again after
    it was removed is fetched from the service, free, as long as that has it; nothing is bought anew
    but with `nbp run --fresh`.
    """
    # Imported here: the database.
    from nbp_dagster.cli.home.places import bring_sets, open_places
    from nbp_dagster.cli.openings import open_database
    from nbp_dagster.clock import SystemClock
    from nbp_dagster.settings import read_settings
    from nbp_dagster.studio.retention.sweep import Keeping, RetentionError, to_json
    from nbp_dagster.studio.storage.data_paths import StudioPaths
    from nbp_dagster.studio.storage.image_store import PrunableStore

    age = _read_age(older_than)
    settings = read_settings()
    home = settings.home.absolute()
    # What sets of other machines need is named by their manifests.
    bring_sets(settings, whole=False)
    places = open_places(settings)
    store = places.images
    if not isinstance(store, PrunableStore):
        raise RetentionError("the files of this store can't be listed; nothing is removed")
    dagster = settings.dagster_folder
    with open_database(settings) as database:
        keeping = Keeping(
            store,
            StudioPaths(home),
            database,
            dagster if dagster.is_relative_to(home) else None,
            SystemClock(),
            places.shared,
        )
        removed: Mapping[str, Amount] | None = None
        if delete:
            found, removed = keeping.sweep(age=age, originals=originals)
        else:
            found = keeping.plan(age=age, originals=originals)
    if as_json:
        click.echo(json.dumps(to_json(found, removed), indent=2))
        return
    for line in _describe(found, removed, older_than):
        click.echo(line)


def _read_age(text: str) -> float:
    """Return the seconds of an age such as 90d."""
    found = _AGE.fullmatch(text.strip().lower())
    if found is None:
        raise click.BadParameter(
            f"{text[:40]!r} - give days or weeks, such as 90d or 12w", param_hint="--older-than"
        )
    return int(found.group(1)) * _UNITS[found.group(2)]


def _describe(
    found: "Sweep", removed: "Mapping[str, Amount] | None", older_than: str
) -> Iterator[str]:
    from nbp_dagster.cli.tables import align

    amounts = found.amounts if removed is None else removed
    rows = [
        (kind, f"{each.files:,}", f"{each.size / 1e6:,.1f} MB") for kind, each in amounts.items()
    ]
    yield (
        f"the store has {found.stored.files:,} files, {found.stored.size / 1e6:,.1f} MB; "
        f"{'removed' if removed is not None else 'not needed'}, unused for {older_than}:"
    )
    yield from (f"  {line}" for line in align(rows or [("nothing",)]))
    kept = found.kept_originals
    if kept.files:
        yield (
            f"paid originals that nothing uses stay: {kept.files:,}, {kept.size / 1e6:,.1f} MB; "
            "--originals takes them too"
        )
    if removed is None and rows:
        yield "nothing was removed; --delete does"
