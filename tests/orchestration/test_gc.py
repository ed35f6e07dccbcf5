"""`nbp gc` after briefs were edited: what people and runs need still opens, and costs nothing."""

import json
import os
import time
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from nbp_dagster.assets.names import Names
from nbp_dagster.cli.main import main
from nbp_dagster.cli.openings import create_access_rules, open_review, open_studio
from nbp_dagster.studio.asking.asker import Asker, Change
from nbp_dagster.studio.manifest.manifest_file import read_manifest
from nbp_dagster.studio.plan import plan_prompts
from nbp_dagster.studio.review.reviews import Seen
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
MENU, PARK = "winter/menu/all/1x1/v1", "winter/park/all/1x1/v1"
SNOW = {
    "id": "snow",
    "scene": "a bench in snow",
    "text": "none",
    "from": "park",
    "instruction": "make it winter",
}


def write(location: CodeLocation, *, menu: str) -> None:
    """Write a shot with a character, one without, and an edit of that."""
    shots: tuple[dict[str, Any], ...] = (
        shot("menu", scene=menu),
        shot("park", scene="a bench", characters=[]),
        SNOW,
    )
    location.write(campaign(*shots))


@pytest.fixture
def lived_in(location: CodeLocation) -> CodeLocation:
    """A set that was reviewed, one shot written anew, one picture asked for again; long ago."""
    write(location, menu="Ada pours tea")
    location.sheets_made()
    make(location)
    access = create_access_rules(location.settings, listen="127.0.0.1", default_name="ada")
    with open_review(location.settings, access) as context:
        for row in context.reviews.open("winter").rows:
            if row.picture.prompt_key == MENU:
                continue
            seen = Seen(row.picture.file, row.picture.sha256, 0)
            context.reviews.decide("winter", seen, "approved", who="ada")
    write(location, menu="Ada reads a letter")
    make(location)
    asker = Asker(partial(open_studio, location.settings))
    asker.ask(PARK, Change("A dog on the bench"), price_usd=Decimal("0.15"))
    make(location)
    stamp = time.time() - 100 * 86_400
    for path in (location.settings.home / "store").rglob("*"):
        os.utime(path, (stamp, stamp))
    return location


def make(location: CodeLocation) -> None:
    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success


def collect(location: CodeLocation, *words: str) -> Result:
    environment = {
        "NBP_HOME": str(location.settings.home),
        "NBP_CONFIG": str(location.settings.config),
        "NBP_MODE": "live",
    }
    done = CliRunner().invoke(main, ["gc", "--older-than", "90d", *words], env=environment)
    assert done.exit_code == 0, done.output
    return done


def stored(location: CodeLocation) -> set[str]:
    return {path.name for path in (location.settings.home / "store").glob("??/*")}


def test_everything_that_is_there_still_opens_and_nothing_is_bought(
    lived_in: CodeLocation,
) -> None:
    bills, before = lived_in.service.bills, stored(lived_in)
    assert "nothing was removed; --delete does" in collect(lived_in, "--originals").output
    assert stored(lived_in) == before

    counts = json.loads(collect(lived_in, "--originals", "--delete", "--json").output)

    assert counts["removed"] == counts["unneeded"]
    assert len(before) - len(stored(lived_in)) == sum(
        each["files"] for each in counts["removed"].values()
    )
    assert set(counts["removed"]) == {"originals", "renditions", "thumbnails and the like"}
    with open_studio(lived_in.settings) as studio:
        assert {row.standing for row in plan_prompts(studio, studio.prompts).images} == {"made"}
    make(lived_in)
    folder = lived_in.settings.home / "sets" / "winter"
    access = create_access_rules(lived_in.settings, listen="127.0.0.1", default_name="ada")
    with open_review(lived_in.settings, access) as context:
        for picture in read_manifest(folder / "manifest.json").pictures:
            assert context.files.rendition("winter", picture)
            assert context.files.thumb("winter", picture)
            assert context.files.stored(picture.original_sha256)
    assert lived_in.service.bills == bills


def test_without_originals_every_paid_picture_stays(lived_in: CodeLocation) -> None:
    assert "paid originals that nothing uses stay" in collect(lived_in, "--delete").output

    with open_studio(lived_in.settings) as studio:
        rows = [row for key in (MENU, PARK) for row in studio.ledger.made_for(key, ())]
        assert len(rows) == 4
        assert all(row.image and studio.store.has(row.image.sha256) for row in rows)


def test_a_brief_that_is_taken_back_has_its_picture_fetched_not_bought(
    lived_in: CodeLocation,
) -> None:
    collect(lived_in, "--originals", "--delete")
    bills = lived_in.service.bills

    write(lived_in, menu="Ada pours tea")
    make(lived_in)

    assert lived_in.service.bills == bills


def test_an_age_that_is_none_is_one_clear_error(location: CodeLocation, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["gc", "--older-than", "90"], env={"NBP_HOME": str(tmp_path)})

    assert done.exit_code == 2
    assert "'90' - give days or weeks, such as 90d or 12w" in done.output
