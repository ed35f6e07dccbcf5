"""A set holds what was paid, on whichever machine it is written, and is published only whole."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from PIL import Image

from nbp_dagster.assets.names import Names
from nbp_dagster.cli.openings import open_service
from nbp_dagster.clock import SystemClock
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation

NAMES = Names()
SHOTS = (shot("kitchen"), shot("garden"), shot("attic", characters=[]))
REPOSITORY = "simulated-user/campaigns"
AUTHOR: dict[str, Any] = {"author_name": "Marketing", "author_email": "marketing@example.com"}


@pytest.fixture
def made(location: CodeLocation) -> CodeLocation:
    """A location whose three prompts are made."""
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    return location


@pytest.fixture
def other(made: CodeLocation, tmp_path: Path) -> Iterator[CodeLocation]:
    """A second machine: the same briefs, service and ledger, and a home of its own."""
    settings = made.settings.model_copy(update={"home": tmp_path / "other"})
    settings.home.mkdir()
    shutil.copy(made.settings.home / "ledger.sqlite", settings.home / "ledger.sqlite")
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        yield replace(made, settings=settings, instance=instance)


def manifest_of(location: CodeLocation) -> dict[str, Any]:
    path = location.settings.home / "sets" / "winter" / "manifest.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    [event] = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None, event.step_failure_data.error_display_string
    return failure.description or ""


def publishing(location: CodeLocation) -> CodeLocation:
    """The location with a repository to publish to, which exists."""
    changes = {
        "publish_repository": REPOSITORY,
        "publish_author_name": AUTHOR["author_name"],
        "publish_author_email": AUTHOR["author_email"],
    }
    return replace(location, settings=location.settings.model_copy(update=changes))


def create_repository(location: CodeLocation) -> None:
    with open_service(location.settings, SystemClock()) as (client, _):
        client.create_repository(REPOSITORY, **AUTHOR)


def publish(location: CodeLocation, **config: bool) -> dg.ExecuteInProcessResult:
    return location.materialize(
        [NAMES.published_sets], op_config={"published_sets": {"config": config}}
    )


def test_a_second_machine_fetches_and_renders_what_the_first_bought(
    made: CodeLocation, other: CodeLocation
) -> None:
    assert made.materialize([NAMES.campaign_sets]).success
    bills = made.service.bills

    assert other.materialize([NAMES.campaign_sets]).success

    first, second = manifest_of(made), manifest_of(other)
    assert len(second["pictures"]) == len(first["pictures"]) == 3
    assert second["missing"] == []
    assert second["totals"]["spent_usd"] == first["totals"]["spent_usd"] == "0.45"
    assert [row["sha256"] for row in second["pictures"]] == [
        row["sha256"] for row in first["pictures"]
    ]
    assert made.service.bills == bills


@pytest.mark.parametrize("lost", ["records", "store"])
def test_what_a_machine_lost_is_restored_without_a_purchase(made: CodeLocation, lost: str) -> None:
    shutil.rmtree(made.settings.home / lost)
    bills = made.service.bills

    assert made.materialize([NAMES.campaign_sets]).success

    assert len(manifest_of(made)["pictures"]) == 3
    assert made.service.bills == bills


def test_renditions_alone_are_made_of_originals_that_another_machine_bought(
    other: CodeLocation,
) -> None:
    bills = other.service.bills

    assert other.materialize([NAMES.channel_images]).success

    assert other.materialized(NAMES.channel_images) == set(other.prompts())
    assert other.service.bills == bills


def test_a_set_whose_paid_pictures_can_not_be_fetched_fails_and_stays_as_it_was(
    made: CodeLocation,
) -> None:
    assert made.materialize([NAMES.campaign_sets]).success
    before = manifest_of(made)
    shutil.rmtree(made.settings.home / "store")
    # The service forgot every job.
    made.service.reset()

    result = made.materialize([NAMES.campaign_sets])

    assert not result.success
    words = failure_of(result)
    assert words.startswith("3 of the set's pictures are paid and not on this machine: winter/")
    assert "The set stays as it was" in words
    assert manifest_of(made) == before


def test_a_set_that_lacks_pictures_is_published_only_when_told(made: CodeLocation) -> None:
    location = publishing(made)
    made.service.script({"kind": "refuse", "prompt": "pier"})
    made.write(campaign(*SHOTS, shot("pier")))
    location.materialize(PROMPT_ASSETS)
    assert location.materialize([NAMES.campaign_sets]).success
    create_repository(location)

    refused = publish(location)
    told = publish(location, allow_missing=True)

    assert "it lacks the pictures of 1 prompts (winter/pier/" in failure_of(refused)
    assert "allow_missing: true" in failure_of(refused)
    assert told.success


def test_fewer_pictures_than_the_branch_has_are_published_only_when_told(
    made: CodeLocation,
) -> None:
    location = publishing(made)
    assert location.materialize([NAMES.campaign_sets]).success
    create_repository(location)
    assert publish(location).success
    made.write(campaign(*SHOTS[:2]))
    assert location.materialize([NAMES.campaign_sets]).success

    refused = publish(location)
    told = publish(location, allow_fewer=True)

    assert "has 3 pictures of it, and this set 2" in failure_of(refused)
    assert told.success


def test_a_set_that_is_not_the_recorded_one_is_not_published(
    made: CodeLocation, other: CodeLocation
) -> None:
    location = publishing(made)
    assert location.materialize([NAMES.campaign_sets]).success
    create_repository(location)
    # Another machine, with the same Dagster, records a set without one of the pictures.
    made.write(campaign(*SHOTS[:2]))
    elsewhere = replace(other, instance=location.instance)
    assert elsewhere.materialize([NAMES.campaign_sets]).success

    words = failure_of(publish(location))

    assert "does not hold the set that Dagster has recorded" in words


def test_a_set_whose_file_was_edited_is_not_published(made: CodeLocation) -> None:
    location = publishing(made)
    assert location.materialize([NAMES.campaign_sets]).success
    create_repository(location)
    name = manifest_of(made)["pictures"][0]["file"]
    (made.settings.home / "sets" / "winter" / name).write_bytes(b"edited by hand")

    words = failure_of(publish(location))

    assert f"files were changed or removed after it was written ({name})" in words


def test_a_set_shows_its_contact_sheet_and_links_its_gallery_where_it_is_served(
    made: CodeLocation,
) -> None:
    assert made.materialize([NAMES.campaign_sets]).success
    inline = made.latest(NAMES.campaign_sets, "winter").metadata
    served = "http://127.0.0.1:8900"
    made.settings = made.settings.model_copy(update={"gallery_url": f"{served}/"})
    assert made.materialize([NAMES.campaign_sets]).success
    linked = made.latest(NAMES.campaign_sets, "winter").metadata

    assert str(inline["preview"].value).startswith("![preview](data:image/webp;base64,")
    assert "open_gallery" not in inline
    assert linked["open_gallery"] == dg.MetadataValue.url(f"{served}/winter/index.html")
    assert f"({served}/winter/contact_sheet.jpg?" in str(linked["preview"].value)
    # Below what Dagster shows at once.
    assert len(str(linked["preview"].value)) < 1000
    assert Path(str(linked["gallery"].value)).is_file()


def test_a_logo_file_is_published_with_the_set_and_an_edit_of_it_is_refused(
    made: CodeLocation,
) -> None:
    images = made.settings.config / "brands" / "images"
    images.mkdir(parents=True)
    logo = Image.new("RGB", (300, 300), "navy")
    logo.paste("white", (100, 100, 200, 200))
    logo.save(images / "logo.png")
    brand = {**BRAND, "logo": "images/logo.png"}
    made.write(campaign(*SHOTS, channels=["google_square"]), brand=brand)
    location = publishing(made)
    assert location.materialize(PROMPT_ASSETS).success
    assert location.materialize([NAMES.campaign_sets]).success
    create_repository(location)
    file = made.settings.home / "sets" / "winter" / "logos" / "google_logo.png"
    data = file.read_bytes()

    file.write_bytes(b"edited")
    refused = publish(location)
    file.write_bytes(data)
    told = publish(location)

    assert "files were changed or removed after it was written (logos/" in failure_of(refused)
    assert told.success
    [logo] = manifest_of(made)["logos"]
    assert (logo["width"], logo["scale"], logo["ai_generated"]) == (1200, 4.0, False)
    with open_service(location.settings, SystemClock()) as (client, _):
        assert client.presign_file(REPOSITORY, "main", "winter/logos/google_logo.png")


def test_a_set_goes_to_a_repository_and_a_folder_at_once(
    made: CodeLocation, tmp_path: Path
) -> None:
    location = publishing(made)
    settings = location.settings.model_copy(update={"publish_to": f"{tmp_path}/shared"})
    location = replace(location, settings=settings)
    assert made.materialize([NAMES.campaign_sets]).success

    assert publish(location).success
    first = location.latest(NAMES.published_sets, "winter").metadata
    assert publish(location).success
    again = location.latest(NAMES.published_sets, "winter").metadata

    pointer = json.loads((tmp_path / "shared" / "winter" / "latest.json").read_text("utf-8"))
    edition = tmp_path / "shared" / "winter" / pointer["path"]
    assert json.loads((edition / "manifest.json").read_text("utf-8")) == manifest_of(made)
    assert first["repository"].value == REPOSITORY
    assert first["targets"].value == [
        f"{REPOSITORY}/winter: published",
        f"{edition}: published",
    ]
    assert again["commit"].value == "no changes: these files were there already"
    assert all("no changes" in line for line in again["targets"].value)


def test_one_target_that_fails_is_named_and_the_others_are_served(
    made: CodeLocation, tmp_path: Path
) -> None:
    location = publishing(made)
    (tmp_path / "taken").write_text("a file")
    settings = location.settings.model_copy(update={"publish_to": f"{tmp_path}/taken"})
    location = replace(location, settings=settings)
    assert made.materialize([NAMES.campaign_sets]).success

    words = failure_of(publish(location))

    assert "published to 1 of 2 targets (main of simulated-user/campaigns)" in words
    assert f"{tmp_path}/taken" in words


def test_a_simulated_set_goes_to_trials_alone(location: CodeLocation, tmp_path: Path) -> None:
    trial = {"mode": "simulator", "publish_trial_to": f"{tmp_path}/trial"}
    both = {**trial, "publish_to": f"{tmp_path}/shared"}
    simulated = replace(location, settings=location.settings.model_copy(update=trial))
    simulated.sheets_made()
    assert simulated.materialize(PROMPT_ASSETS).success
    assert simulated.materialize([NAMES.campaign_sets]).success

    told = publish(simulated)
    refused = publish(replace(simulated, settings=location.settings.model_copy(update=both)))

    assert told.success
    assert (tmp_path / "trial" / "winter" / "latest.json").is_file()
    assert "it holds simulated pictures, and those are never published" in failure_of(refused)
    assert not (tmp_path / "shared").exists()
