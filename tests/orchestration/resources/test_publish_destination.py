"""Where sets are published: from settings and Component, and what is said where it is missing."""

import pytest

from nbp_dagster.components import BrandCampaigns
from nbp_dagster.project import build_destination
from nbp_dagster.resources.publish_destination import PublishDestination
from nbp_dagster.settings import Settings
from nbp_dagster.studio.publish import Destination, NotPublishable


def test_the_settings_say_where_sets_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_PUBLISH_REPOSITORY", "acme/campaigns")
    monkeypatch.setenv("NBP_PUBLISH_AUTHOR_NAME", "Marketing")
    monkeypatch.setenv("NBP_PUBLISH_AUTHOR_EMAIL", "m@example.com")

    found = build_destination(Settings()).require()

    assert found == Destination("acme/campaigns", "main", "Marketing", "m@example.com")


def test_every_field_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(NotPublishable) as caught:
        PublishDestination(repository="acme/campaigns").require()

    assert "NBP_PUBLISH_AUTHOR_NAME, NBP_PUBLISH_AUTHOR_EMAIL" in str(caught.value)
    assert "NBP_PUBLISH_REPOSITORY" not in str(caught.value)


def test_the_component_says_where_sets_are_published() -> None:
    component = BrandCampaigns.from_attributes_dict(
        attributes={"publish": {"repository": "acme/campaigns", "author_name": "Marketing"}}
    )

    assert component.publish.repository == "acme/campaigns"
    assert component.publish.branch == "main"
