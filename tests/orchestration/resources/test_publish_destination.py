"""Where sets are published: from settings and Component, and what is said where it is missing."""

from pathlib import Path

import pytest

from nbp_dagster.components import BrandCampaigns
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.project import build_destination
from nbp_dagster.resources.publish_destination import PublishDestination
from nbp_dagster.settings import Settings
from nbp_dagster.studio.delivery.parcel import NotPublishable
from nbp_dagster.studio.delivery.repository_target import Destination, RepositoryTarget


def no_client() -> OxenClient:
    raise AssertionError("no target is used")


def test_the_settings_say_where_sets_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_PUBLISH_REPOSITORY", "acme/campaigns")
    monkeypatch.setenv("NBP_PUBLISH_AUTHOR_NAME", "Marketing")
    monkeypatch.setenv("NBP_PUBLISH_AUTHOR_EMAIL", "m@example.com")

    [found] = build_destination(Settings()).open_targets(no_client)

    assert isinstance(found, RepositoryTarget)
    assert found.destination == Destination("acme/campaigns", "main", "Marketing", "m@example.com")
    assert not found.is_trial


def test_folders_and_urls_stand_beside_the_repository(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NBP_PUBLISH_TO", f"{tmp_path}/a, s3://acme/sets ,")
    monkeypatch.setenv("NBP_PUBLISH_TRIAL_TO", "memory://trials")

    found = build_destination(Settings()).open_targets(no_client)

    assert [(each.name, each.is_trial) for each in found] == [
        (f"{tmp_path}/a", False),
        ("s3://acme/sets", False),
        ("memory://trials", True),
    ]


@pytest.mark.parametrize("place", ["a\0b", "s3:/acme/sets", "x" * 5000])
def test_a_place_that_can_be_none_is_named(place: str) -> None:
    with pytest.raises(NotPublishable, match="NBP_PUBLISH_TO: "):
        PublishDestination(to=[place]).open_targets(no_client)


def test_a_password_in_an_address_is_refused_and_not_shown() -> None:
    with pytest.raises(NotPublishable, match="with a password, which Dagster shows") as caught:
        PublishDestination(to=["sftp://anna:geheim@files/sets"]).open_targets(no_client)

    assert "geheim" not in str(caught.value)
    [found] = PublishDestination(to=["sftp://anna@files/sets"]).open_targets(no_client)
    assert found.name == "sftp://files/sets"


@pytest.mark.parametrize("password", ["of/geheim", "of#geheim", "of?geheim"])
def test_a_password_with_what_ends_a_host_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(NotPublishable, match=r"s3://\.\.\. - has an @ behind a /") as caught:
        PublishDestination(to=[f"s3://anna:{password}@files/sets"]).open_targets(no_client)

    assert "geheim" not in str(caught.value)


def test_every_field_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(NotPublishable) as caught:
        PublishDestination(repository="acme/campaigns").open_targets(no_client)

    assert "NBP_PUBLISH_AUTHOR_NAME, NBP_PUBLISH_AUTHOR_EMAIL" in str(caught.value)
    assert "NBP_PUBLISH_REPOSITORY" not in str(caught.value)


def test_the_component_says_where_sets_are_published() -> None:
    component = BrandCampaigns.from_attributes_dict(
        attributes={
            "publish": {
                "repository": "acme/campaigns",
                "author_name": "Marketing",
                "to": ["/srv/sets"],
            }
        }
    )

    assert component.publish.to == ["/srv/sets"]
    assert component.publish.repository == "acme/campaigns"
    assert component.publish.branch == "main"
