"""Approval in Dagster: the check `approved` of each prompt follows what people decided."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from zipfile import ZipFile

import dagster as dg
import pytest

from nbp_dagster.assets.asset_checks import APPROVED
from nbp_dagster.assets.names import Names
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.cli.openings import create_access_rules, open_review, read_decisions
from nbp_dagster.studio.delivery.export import ExportRules, export_set
from nbp_dagster.studio.manifest.manifest import SetManifest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, read_manifest
from nbp_dagster.studio.review.decision_log import Verdict
from nbp_dagster.studio.review.reviews import Reviews, Seen
from tests.rigs.briefs import campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.daemon import ATTIC, GARDEN, KITCHEN, BriefsSensor, Follower, all_made
from tests.rigs.dagster_private import PartitionKeyFilter

NAMES = Names()
SHOTS = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))


def evaluations(events: list[dg.DagsterEvent]) -> dict[str | None, dg.AssetCheckEvaluation]:
    found = [
        event.event_specific_data
        for event in events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return {
        item.partition: item
        for item in found
        if isinstance(item, dg.AssetCheckEvaluation) and item.check_name == APPROVED
    }


@pytest.fixture
def reviews(location: CodeLocation) -> Iterator[Reviews]:
    access = create_access_rules(location.settings, listen="127.0.0.1", default_name="ada@desk")
    with open_review(location.settings, access) as context:
        yield context.reviews


def decide(reviews: Reviews, prompt: str, verdict: Verdict, number: int = 0) -> None:
    """Decide about every picture of a prompt."""
    for row in reviews.open("winter").rows:
        if row.picture.prompt_key == prompt:
            seen = Seen(row.picture.file, row.picture.sha256, number)
            reason = "the hand" if verdict == "rejected" else ""
            reviews.decide("winter", seen, verdict, who="ada", reason=reason)


def tick(sensor: BriefsSensor) -> dict[str | None, dg.AssetCheckEvaluation] | str:
    """Evaluate the decisions' sensor once: the checks it records, or what it says instead."""
    repository = sensor.definitions.get_repository_def()
    with dg.build_sensor_context(
        instance=sensor.location.instance, cursor=sensor.cursor, repository_def=repository
    ) as context:
        data = repository.get_sensor_def("decisions_made").evaluate_tick(context)
    sensor.cursor = data.cursor or sensor.cursor
    assert not data.run_requests
    assert data.skip_message is not None
    found = {
        item.partition: item
        for item in data.asset_events
        if isinstance(item, dg.AssetCheckEvaluation)
    }
    return found or data.skip_message


def test_a_campaign_nobody_reviews_has_no_event_of_it(location: CodeLocation) -> None:
    location.sheets_made()

    result = location.materialize(PROMPT_ASSETS)

    assert result.success
    assert evaluations(result.all_events) == {}


def test_where_approval_is_required_new_pictures_are_pending(location: CodeLocation) -> None:
    location.write(campaign(*SHOTS, require_approval=True))
    location.sheets_made()

    found = evaluations(location.materialize(PROMPT_ASSETS).all_events)

    assert set(found) == set(location.prompts())
    assert not any(item.passed for item in found.values())
    assert found[KITCHEN].severity == dg.AssetCheckSeverity.WARN
    assert found[KITCHEN].description == f"{KITCHEN}: 1 pending"


def test_requiring_approval_changes_no_request(location: CodeLocation) -> None:
    all_made(location)
    bills = location.service.bills

    location.write(campaign(*SHOTS, require_approval=True))

    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.bills == bills
    assert location.stale(NAMES.generated_images) == set()


def test_a_decision_is_shown_by_the_next_tick_with_who_and_when(
    location: CodeLocation, reviews: Reviews
) -> None:
    all_made(location)
    sensor = BriefsSensor(location)
    assert tick(sensor) == "nobody has decided anything since"
    decide(reviews, KITCHEN, "approved")
    decide(reviews, GARDEN, "rejected")

    found = tick(sensor)

    assert isinstance(found, dict)
    assert set(found) == {KITCHEN, GARDEN, None}
    assert found[KITCHEN].passed
    assert not found[GARDEN].passed
    assert found[GARDEN].severity == dg.AssetCheckSeverity.ERROR
    table = found[GARDEN].metadata["decisions"]
    assert isinstance(table, dg.TableMetadataValue)
    (row,) = table.records
    assert (row.data["who"], row.data["state"]) == ("ada", "rejected")
    assert row.data["why"] == "by ada: the hand"
    assert tick(sensor) == "nobody has decided anything since"


def test_one_approved_prompt_does_not_make_the_check_green_over_the_others(
    location: CodeLocation, reviews: Reviews
) -> None:
    all_made(location)
    sensor = BriefsSensor(location)
    decide(reviews, GARDEN, "rejected")
    tick(sensor)
    decide(reviews, KITCHEN, "approved")

    found = tick(sensor)

    assert isinstance(found, dict)
    assert list(found) == [KITCHEN, None]
    assert not found[None].passed
    assert found[None].severity == dg.AssetCheckSeverity.ERROR
    assert found[None].description == "winter: 1 of 3 settled"
    decide(reviews, GARDEN, "approved", number=1)
    decide(reviews, ATTIC, "approved")
    last = tick(sensor)
    assert isinstance(last, dict)
    assert last[None].passed


def test_what_is_decided_twice_between_ticks_is_shown_as_it_is_now(
    location: CodeLocation, reviews: Reviews
) -> None:
    all_made(location)
    decide(reviews, KITCHEN, "rejected")
    decide(reviews, KITCHEN, "approved", number=1)

    found = tick(BriefsSensor(location))

    assert isinstance(found, dict)
    assert found[KITCHEN].passed


def test_new_bytes_are_pending_again_as_soon_as_they_are_made(
    location: CodeLocation, reviews: Reviews
) -> None:
    all_made(location)
    decide(reviews, KITCHEN, "approved")
    decide(reviews, GARDEN, "approved")
    edited = (shot("kitchen", scene="Ada reads a letter"), *SHOTS[1:])
    location.write(campaign(*edited))

    result = location.materialize(PROMPT_ASSETS)

    found = evaluations(result.all_events)
    assert result.success
    assert not found[KITCHEN].passed
    assert found[GARDEN].passed


def observations(sensor: BriefsSensor) -> list[dg.AssetObservation]:
    """Evaluate the decisions' sensor once, and record what it observes of sets."""
    repository = sensor.definitions.get_repository_def()
    instance = sensor.location.instance
    with dg.build_sensor_context(
        instance=instance, cursor=sensor.cursor, repository_def=repository
    ) as context:
        data = repository.get_sensor_def("decisions_made").evaluate_tick(context)
    found = [item for item in data.asset_events if isinstance(item, dg.AssetObservation)]
    for item in found:
        instance.report_runless_asset_event(item)
    return found


def test_a_prompt_that_is_decided_anew_is_recorded_anew(
    location: CodeLocation, reviews: Reviews
) -> None:
    """Dagster itself can't store a second evaluation of one partition that no run made."""
    all_made(location)
    sensor = BriefsSensor(location)
    check = dg.AssetCheckKey(NAMES.channel_images, APPROVED)
    for number, verdict in enumerate(("approved", "rejected", "approved")):
        decide(reviews, KITCHEN, verdict, number=number)
        repository = sensor.definitions.get_repository_def()
        with dg.build_sensor_context(
            instance=location.instance, cursor=sensor.cursor, repository_def=repository
        ) as context:
            data = repository.get_sensor_def("decisions_made").evaluate_tick(context)
        sensor.cursor = data.cursor
        for event in data.asset_events:
            location.instance.report_runless_asset_event(event)

        [latest] = location.instance.event_log_storage.get_asset_check_execution_history(
            check, limit=1, partition_filter=PartitionKeyFilter(key=KITCHEN)
        )
        assert latest.status.value == ("SUCCEEDED" if verdict == "approved" else "FAILED")


def test_a_set_has_no_price_of_an_approved_picture_before_one_is_approved(
    location: CodeLocation,
) -> None:
    all_made(location)

    metadata = location.latest(NAMES.campaign_sets, "winter").metadata

    assert metadata["campaign_made"].value == 3
    assert metadata["campaign_spent_usd"].value == pytest.approx(0.45)
    assert metadata["pending"].value == 3
    assert "usd_per_approved_picture" not in metadata


def test_a_tick_observes_what_the_set_came_to_and_makes_nothing_stale(
    location: CodeLocation, reviews: Reviews
) -> None:
    all_made(location)
    decide(reviews, KITCHEN, "approved")
    decide(reviews, GARDEN, "rejected")

    (observed,) = observations(BriefsSensor(location))

    assert observed.asset_key == NAMES.campaign_sets
    assert observed.partition == "winter"
    assert observed.metadata["usd_per_approved_picture"].value == pytest.approx(0.45)
    assert observed.metadata["budget_usd"].value > 0
    table = observed.metadata["rejections"]
    assert isinstance(table, dg.TableMetadataValue)
    assert [(row.data["by"], row.data["name"]) for row in table.records] == [
        ("check", "in_words"),
        ("shot", "garden"),
        ("character", "ada"),
    ]
    assert location.stale(NAMES.campaign_sets) == set()
    assert location.stale(NAMES.channel_images) == set()


def test_what_is_observed_of_a_set_requests_nothing(
    location: CodeLocation, reviews: Reviews
) -> None:
    all_made(location)
    follower = Follower(location)
    follower.tick()
    decide(reviews, KITCHEN, "approved")

    assert observations(BriefsSensor(location))

    assert follower.tick() == {}


def test_a_prompt_that_left_its_brief_is_not_told(location: CodeLocation, reviews: Reviews) -> None:
    all_made(location)
    decide(reviews, GARDEN, "approved")
    location.write(campaign(SHOTS[0]))

    found = tick(BriefsSensor(location))
    assert isinstance(found, dict)
    assert set(found) == {None}


def publish(location: CodeLocation) -> str:
    """Publish to a folder; return why it was refused, or "" where it was not."""
    settings = location.settings.model_copy(
        update={"publish_to": str(location.settings.home / "published")}
    )
    result = replace(location, settings=settings).materialize([NAMES.published_sets])
    if result.success:
        return ""
    (failure,) = [event for event in result.all_events if event.is_step_failure]
    return failure.step_failure_data.error_display_string


def test_a_rejected_picture_is_never_published(location: CodeLocation, reviews: Reviews) -> None:
    all_made(location)
    decide(reviews, GARDEN, "rejected")

    told = publish(location)

    assert "1 pictures are rejected" in told
    assert "rejected by ada: the hand" in told
    decide(reviews, GARDEN, "approved", number=1)
    assert publish(location) == ""


def test_where_approval_is_required_publishing_waits_and_says_for_what(
    location: CodeLocation, reviews: Reviews
) -> None:
    location.write(campaign(*SHOTS, require_approval=True))
    all_made(location)
    decide(reviews, KITCHEN, "approved")

    told = publish(location)

    assert "2 pictures wait for approval" in told
    assert f"{GARDEN} for" in told
    for prompt in location.prompts():
        if prompt != KITCHEN:
            decide(reviews, prompt, "approved")
    assert publish(location) == ""
    assert (location.settings.home / "published" / "winter" / "latest.json").is_file()


def choose(reviews: Reviews, shot: str, variant: int) -> None:
    """Choose a variant of a shot."""
    rows = [row for row in reviews.open("winter").rows if row.picture.shot == shot]
    rows.sort(key=lambda row: row.picture.variant != variant)
    seen = [Seen(row.picture.file, row.picture.sha256, row.number) for row in rows]
    reviews.choose("winter", seen, who="ada")


def published(location: CodeLocation) -> tuple[Path, SetManifest]:
    """Return the edition that the pointer names, and its manifest."""
    place = location.settings.home / "published" / "winter"
    edition = place / json.loads((place / "latest.json").read_text())["path"]
    return edition, read_manifest(edition / MANIFEST)


def test_variants_that_were_passed_over_are_not_published(
    location: CodeLocation, reviews: Reviews
) -> None:
    location.write(campaign(*SHOTS[:2], variants=2))
    all_made(location)
    assert publish(location) == ""
    choose(reviews, "kitchen", 2)

    assert publish(location) == ""

    edition, manifest = published(location)
    kept = [(picture.shot, picture.variant) for picture in manifest.pictures]
    assert kept == [("kitchen", 2), ("garden", 1), ("garden", 2)]
    assert manifest.passed_over == ("winter/kitchen/instagram_square/all/v1",)
    assert manifest.totals.pictures == 3
    images = sorted(path.name for path in edition.glob("images/*/*"))
    assert len(images) == 3
    assert not any("kitchen_all_1x1_v1" in name for name in images)
    for name in ("index.html", "delivery.csv"):
        assert "kitchen_all_1x1_v1" not in (edition / name).read_text()
    assert len(reviews.read("winter").manifest.pictures) == 4
    assert location.stale(NAMES.published_sets) == set()


def test_variants_that_were_passed_over_are_not_exported(
    location: CodeLocation, reviews: Reviews, tmp_path: Path
) -> None:
    location.write(campaign(SHOTS[0], variants=2))
    all_made(location)
    choose(reviews, "kitchen", 2)
    settings = location.settings

    (archive,) = export_set(
        settings.home / "sets",
        load_briefs(settings.config),
        "winter",
        tmp_path / "zips",
        ExportRules(decisions=read_decisions(settings, "winter")),
    )

    assert archive.pictures == 1
    with ZipFile(archive.path) as opened:
        (picture,) = [name for name in opened.namelist() if name.startswith("images/")]
    assert picture.endswith("_v2.jpg")


def test_a_choice_that_was_taken_back_publishes_all_variants_again(
    location: CodeLocation, reviews: Reviews
) -> None:
    location.write(campaign(SHOTS[0], variants=2))
    all_made(location)
    choose(reviews, "kitchen", 2)
    assert publish(location) == ""
    for row in reviews.open("winter").rows:
        seen = Seen(row.picture.file, row.picture.sha256, row.number)
        reviews.undo("winter", seen, who="ada")

    assert publish(location) == ""

    assert len(published(location)[1].pictures) == 2
