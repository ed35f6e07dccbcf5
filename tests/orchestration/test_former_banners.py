"""A banner whose words were once drawn in each locale: what is paid stays in use for it."""

import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from nbp_dagster.assets.names import PROMPT_STEP, Names
from nbp_dagster.cli.openings import open_studio
from nbp_dagster.studio.ordering.planned_images import PlannedImage
from nbp_dagster.studio.plan import plan_prompts
from nbp_dagster.studio.rebuild import Rebuilt, rebuild_ledger
from tests.rigs.briefs import campaign
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
BANNER = "winter/kitchen/all/16x9/v1"
DRAWN = {locale: f"winter/kitchen/{locale}/16x9/v1" for locale in ("en", "de")}
WORDS = {"en": "Slow mornings win", "de": "Der Tag kann warten"}
SCREEN: dict[str, Any] = {
    "name": "Strip",
    "width": 1600,
    "ratio": "16:9",
    "file_type": "jpeg",
    "max_bytes": 900_000,
    "source": "our own",
}


def drawn(name: str = "kitchen") -> dict[str, Any]:
    return {
        "id": name,
        "scene": f"a cup of tea in the {name}",
        "text": "drawn",
        "copy": {"headline": dict(WORDS)},
    }


def write(location: CodeLocation, heights: Mapping[str, int], **changes: Any) -> None:
    """Write the campaign, for screens 1600 pixels wide and so many high."""
    path = Path(location.settings.config) / "channels.yaml"
    screens = {name: {**SCREEN, "height": height} for name, height in heights.items()}
    path.write_text(yaml.safe_dump(screens), encoding="utf-8")
    fields = {"locales": ["en", "de"], "channels": list(heights), **changes}
    location.write(campaign(drawn(), **fields))


@pytest.fixture
def paid(location: CodeLocation) -> CodeLocation:
    """A home that bought the picture of its strip in each locale.

    A screen that is no banner asks for what a banner asked for: the whole of the picture, with the
    words of its locale.
    """
    write(location, {"strip": 900})
    assert location.materialize(PROMPT_ASSETS).success
    assert location.prompts() == list(DRAWN.values())
    assert location.service.bills == 2
    write(location, {"strip": 400})
    return location


def planned(location: CodeLocation, *, fresh: bool = False) -> PlannedImage:
    with open_studio(location.settings) as studio:
        plan = plan_prompts(studio, studio.prompts, fresh=fresh)
    return next(image for image in plan.images if image.key == BANNER)


def set_state(location: CodeLocation, **states: str) -> None:
    with sqlite3.connect(location.settings.home / "ledger.sqlite") as ledger:
        for locale, state in states.items():
            changed = ledger.execute(
                "UPDATE purchases SET state = ?, image = NULL WHERE key = ?",
                (state, DRAWN[locale]),
            )
            assert changed.rowcount == 1


def made_fresh(location: CodeLocation) -> bool:
    config = {PROMPT_STEP: {"config": {"fresh": True}}}
    return location.materialize(PROMPT_ASSETS, op_config=config).success


def test_pictures_that_are_made_serve_the_banner_of_every_locale(paid: CodeLocation) -> None:
    row = planned(paid)
    assert (row.standing, row.price_usd) == ("made", 0)
    assert WORDS["en"] in row.prompt
    assert row.note == "banner: asked before, with the words in en; --fresh asks for one without"

    assert paid.materialize(PROMPT_ASSETS).success

    assert paid.service.bills == 2
    assert planned(paid).why == ()
    with open_studio(paid.settings) as studio:
        record = studio.records.read(BANNER)
        # What vanished from the briefs is still known by what was bought for it.
        kept = {row.key: row.state for row in studio.ledger.rows()}
    assert record is not None
    assert [picture.locale for picture in record.pictures] == ["en", "de"]
    assert [check.name for check in record.failed_checks] == []
    assert kept == dict.fromkeys(DRAWN.values(), "made")
    assert paid.materialized(NAMES.channel_images) == {BANNER, *DRAWN.values()}


@pytest.mark.parametrize(
    ("states", "standing", "words"),
    [
        ({"en": "failed"}, "made", WORDS["de"]),
        ({"en": "refused"}, "made", WORDS["de"]),
        ({"en": "refused", "de": "enqueued"}, "open", WORDS["de"]),
        ({"en": "enqueued"}, "open", WORDS["en"]),
        ({"en": "failed", "de": "refused"}, "refused", WORDS["de"]),
        ({"en": "refused", "de": "refused"}, "refused", WORDS["en"]),
        ({"en": "failed", "de": "failed"}, "to_make", "entirely without lettering"),
        ({"en": "lost", "de": "withdrawn"}, "to_make", "entirely without lettering"),
    ],
)
def test_of_several_locales_one_that_is_made_or_at_the_service_counts_before_a_refusal(
    paid: CodeLocation, states: dict[str, str], standing: str, words: str
) -> None:
    set_state(paid, **states)

    row = planned(paid)

    assert (row.standing, words in row.prompt) == (standing, True)


def test_a_milder_wording_that_was_made_counts_as_its_refused_request_does(
    location: CodeLocation,
) -> None:
    """The words of one locale are refused for good, those of the other made at the second try."""
    soft = {"on_refusal": "soften", "soften_tries": 1}
    location.service.script(
        {"kind": "refuse", "prompt": WORDS["en"]},
        {"kind": "refuse", "prompt": WORDS["de"], "times": 1},
    )
    write(location, {"strip": 900}, **soft)
    assert not location.materialize(PROMPT_ASSETS).success
    location.service.heal()
    bills = location.service.bills
    write(location, {"strip": 400}, **soft)

    row = planned(location)

    assert (row.standing, WORDS["de"] in row.prompt) == ("made", True)
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.bills == bills


def test_what_is_bought_again_on_purpose_has_no_words_and_stays_in_use(paid: CodeLocation) -> None:
    row = planned(paid, fresh=True)
    assert (row.standing, row.note) == (
        "to_make",
        "banner: asked without words, once for all locales",
    )

    assert made_fresh(paid)

    assert paid.service.bills == 3
    row = planned(paid)
    assert (row.standing, row.note, WORDS["en"] in row.prompt) == ("made", "", False)
    assert paid.materialize(PROMPT_ASSETS).success
    assert paid.service.bills == 3


def test_one_that_was_to_be_bought_again_and_failed_leaves_the_paid_one_in_use(
    paid: CodeLocation,
) -> None:
    paid.service.script({"kind": "fail"})
    assert not made_fresh(paid)
    paid.service.heal()
    bills = paid.service.bills

    assert planned(paid).standing == "made"
    assert paid.materialize(PROMPT_ASSETS).success
    assert paid.service.bills == bills


def test_what_is_at_the_service_is_not_paid_beside_even_on_purpose(paid: CodeLocation) -> None:
    set_state(paid, de="enqueued")

    row = planned(paid, fresh=True)
    assert (row.standing, WORDS["de"] in row.prompt) == ("open", True)
    assert made_fresh(paid)

    assert paid.service.bills == 2
    with open_studio(paid.settings) as studio:
        assert {row.key: row.state for row in studio.ledger.rows()} == dict.fromkeys(
            DRAWN.values(), "made"
        )


def test_every_open_one_is_fetched_though_only_one_is_used(paid: CodeLocation) -> None:
    set_state(paid, en="enqueued", de="enqueued")

    assert paid.materialize(PROMPT_ASSETS).success

    assert paid.service.bills == 2
    with open_studio(paid.settings) as studio:
        states = {row.key: row.state for row in studio.ledger.rows()}
    assert states == dict.fromkeys(DRAWN.values(), "made")


def test_corrections_of_a_former_picture_are_neither_lost_nor_bought_again(
    location: CodeLocation,
) -> None:
    """No picture of the plain painter is full of the accent, so that each is corrected once."""
    changes: dict[str, Any] = {
        "correct": {"max_attempts": 1, "checks": ["palette_coverage"]},
        "palette_targets": {"accent": 0.95},
    }
    write(location, {"strip": 900}, **changes)
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.bills == 4
    write(location, {"strip": 400}, **changes)

    assert (planned(location).standing, planned(location).may_correct) == ("made", 0)
    assert location.materialize(PROMPT_ASSETS).success

    assert location.service.bills == 4
    with open_studio(location.settings) as studio:
        assert len(studio.regenerations.log.all()) == 2


def test_a_lost_ledger_is_rebuilt_with_what_was_asked_in_the_former_way(
    paid: CodeLocation,
) -> None:
    for path in paid.settings.home.glob("ledger.sqlite*"):
        path.unlink()
    shutil.rmtree(paid.settings.home / "records")

    with open_studio(paid.settings) as studio:
        assert rebuild_ledger(studio) == Rebuilt(from_service=2)

    assert planned(paid).standing == "open"
    assert paid.materialize(PROMPT_ASSETS).success
    assert (paid.service.bills, planned(paid).standing) == (2, "made")


def test_a_paid_picture_of_a_ratio_with_other_channels_serves_its_banner_too(
    location: CodeLocation,
) -> None:
    """Words stay drawn on the others, so the picture is theirs as well."""
    write(location, {"wide": 900})
    assert location.materialize(PROMPT_ASSETS).success
    write(location, {"wide": 900, "strip": 400})

    assert planned(location).standing == "made"
    assert location.materialize(PROMPT_ASSETS).success

    assert location.service.bills == 2
    assert planned(location).why == ()


def test_a_new_banner_is_asked_once_without_words_and_set_in_each_locale(
    location: CodeLocation,
) -> None:
    write(location, {"wide": 900, "strip": 400})

    row = planned(location)
    assert (row.standing, row.note) == (
        "to_make",
        "banner: asked without words, once for all locales",
    )
    assert location.materialize(PROMPT_ASSETS).success

    assert location.service.bills == 3
    with open_studio(location.settings) as studio:
        record = studio.records.read(BANNER)
        others = [studio.records.read(key) for key in DRAWN.values()]
    assert record is not None
    assert [(item.channel, item.locale) for item in record.pictures] == [
        ("strip", "en"),
        ("strip", "de"),
    ]
    assert len({item.original_sha256 for item in record.pictures}) == 1
    assert "entirely without lettering" in record.pictures[0].prompt
    shown = [[item.channel for item in other.pictures] for other in others if other]
    assert shown == [["wide"], ["wide"]]
