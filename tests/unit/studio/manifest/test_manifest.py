"""The manifest keeps every fact of a set, in one order, and refuses what it cannot hold."""

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.studio.manifest.manifest import (
    BrandFacts,
    ManifestError,
    count_totals,
    from_json,
    picture_file,
    set_digest,
    to_json,
)
from nbp_dagster.studio.manifest.manifest_file import write_manifest
from nbp_dagster.studio.manifest.value_types import LogoFacts
from tests.rigs.sets import build_set

SAMPLE = build_set(scale=0.05).manifest


def test_a_manifest_survives_the_round_trip_through_json() -> None:
    assert from_json(to_json(SAMPLE)) == SAMPLE


def test_json_keeps_the_order_of_the_records() -> None:
    document = json.loads(to_json(SAMPLE))
    assert list(document)[:4] == ["schema_version", "name", "created", "simulated"]
    assert list(document["pictures"][0])[:4] == ["file", "channel", "shot", "locale"]
    assert to_json(from_json(to_json(SAMPLE))) == to_json(SAMPLE)


def test_money_is_a_decimal_string_that_nobody_rounds() -> None:
    row = replace(SAMPLE.pictures[0], price_usd=Decimal("0.1340000001"))
    text = to_json(replace(SAMPLE, pictures=(row,)))
    assert json.loads(text)["pictures"][0]["price_usd"] == "0.1340000001"
    assert from_json(text).pictures[0].price_usd == Decimal("0.1340000001")


def test_figures_keep_their_types() -> None:
    check = replace(
        SAMPLE.pictures[0].checks[0],
        figures={"n": 1, "x": 1.0, "yes": True, "none": None, "s": "1"},
    )
    row = replace(SAMPLE.pictures[0], checks=(check,))
    read = from_json(to_json(replace(SAMPLE, pictures=(row,))))
    figures = read.pictures[0].checks[0].figures
    assert [type(value) for value in figures.values()] == [int, float, bool, type(None), str]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"pictures": "many"}, "pictures"),
        ({"simulated": "yes"}, "simulated"),
        ({"surprise": 1}, "surprise"),
        ({"created": "yesterday"}, "created"),
        ({"schema_version": 99, "pictures": "in another form"}, "schema_version"),
    ],
)
def test_a_field_of_the_wrong_kind_is_named(change: dict[str, object], words: str) -> None:
    document = {**json.loads(to_json(SAMPLE)), **change}
    with pytest.raises(ManifestError, match=rf"^sets/x\.json: {words}: .*saw ") as caught:
        from_json(json.dumps(document), what="sets/x.json")
    assert "\n" not in str(caught.value)


def test_text_that_is_not_json_is_refused_in_one_line() -> None:
    with pytest.raises(ManifestError, match=r"^a\.json: the document: Invalid JSON") as caught:
        from_json("<html>", what="a.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "file",
    [
        "../secrets.jpg",
        "images/../../x.jpg",
        "images/story/..",
        "/etc/passwd",
        "javascript:alert(1)",
        "images/story/a b.jpg",
        "images/story/sub/x.jpg",
        "images/story/.hidden",
        "",
    ],
)
def test_a_picture_cannot_have_a_file_outside_its_set(file: str) -> None:
    with pytest.raises(ManifestError, match="not a plain path"):
        replace(SAMPLE.pictures[0], file=file)


def test_a_palette_holds_colours_only() -> None:
    with pytest.raises(ManifestError, match=r"solstice: palette colour night is 'red;\}'"):
        BrandFacts(id="solstice", name="Solstice", palette={"night": "red;}"})


def test_a_picture_of_an_unknown_channel_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"channel 'instagram_feed' is not among.*known: none"):
        replace(SAMPLE, channels=())


def test_a_gap_in_an_unknown_shot_is_refused() -> None:
    with pytest.raises(ManifestError, match=r"shot 'rooftop' is not among"):
        replace(SAMPLE, shots=SAMPLE.shots[:1], pictures=())


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ManifestError, match="has no time zone"):
        replace(SAMPLE, created=datetime(2026, 1, 1))  # noqa: DTZ001


def test_totals_count_a_generation_once_however_many_channels_it_serves() -> None:
    first = replace(
        SAMPLE.pictures[0], billed=True, reused=False, price_usd=Decimal("0.134"), prompt_key="a"
    )
    second = replace(first, channel="linkedin_post", file="images/linkedin_post/x.jpg")
    paid_before = replace(first, generation_id="old", billed=False, reused=True, prompt_key="b")
    totals = count_totals([first, second, paid_before], SAMPLE.missing)
    assert (totals.pictures, totals.prompts_made, totals.reused) == (3, 2, 1)
    assert (totals.missing, totals.spent_usd) == (3, Decimal("0.134"))


def test_a_simulated_set_has_spent_nothing() -> None:
    assert SAMPLE.totals.spent_usd == 0


def test_a_pictures_file_tells_channel_shot_locale_ratio_and_variant() -> None:
    file = picture_file(
        channel="story", shot="kitchen", locale="en", ratio="9:16", variant=2, file_type="jpeg"
    )
    assert file == "images/story/kitchen_en_9x16_v2.jpg"


def test_the_digest_follows_pictures_and_gaps_and_nothing_else() -> None:
    later = replace(SAMPLE, name="another", created=SAMPLE.created.replace(year=2027))
    assert set_digest(later) == set_digest(SAMPLE)
    assert set_digest(replace(SAMPLE, missing=())) != set_digest(SAMPLE)
    other = replace(SAMPLE.pictures[0], sha256="0" * 64)
    assert set_digest(replace(SAMPLE, pictures=(other, *SAMPLE.pictures[1:]))) != set_digest(SAMPLE)


def test_failed_checks_leave_out_those_that_were_skipped() -> None:
    leaderboard = next(row for row in SAMPLE.pictures if row.channel == "display_728x90")
    assert [check.name for check in leaderboard.failed_checks] == ["smallest_letter"]


def test_a_manifest_is_written_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sets" / "manifest.json"
    write_manifest(SAMPLE, path)
    assert from_json(path.read_text("utf-8")) == SAMPLE


def test_a_manifest_from_before_logo_files_is_read_and_keeps_its_digest() -> None:
    document = json.loads(to_json(SAMPLE))
    del document["logos"]

    assert set_digest(from_json(json.dumps(document))) == set_digest(SAMPLE)


@pytest.mark.parametrize("file", ["logos/../x.png", "/logos/a.png", "images/a.png", "logos/a.svg"])
def test_a_logo_file_lies_in_its_folder(file: str) -> None:
    logo = LogoFacts(
        file=file,
        platform="Google",
        width=1,
        height=1,
        bytes=1,
        sha256="ab" * 32,
        source_sha256="ab" * 32,
        scale=1.0,
        ground="transparent",
    )

    with pytest.raises(ManifestError, match="not a plain path logos/"):
        replace(SAMPLE, logos=(logo,))
