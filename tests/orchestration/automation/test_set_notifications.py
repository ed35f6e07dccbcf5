"""What a person is told of sets that are approved as a whole, or published."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.assets.names import Names
from nbp_dagster.automation.set_notifications import (
    SetKind,
    SetNotification,
    build_set_notification_sensor,
)
from nbp_dagster.cli.openings import create_access_rules, open_review
from nbp_dagster.studio.review.decision_log import Verdict
from nbp_dagster.studio.review.reviews import Reviews, Seen
from tests.rigs.code_location import CodeLocation
from tests.rigs.daemon import ATTIC, GARDEN, KITCHEN, all_made

NAMES = Names()
WEB = "https://dagster.example.com/"


@dataclass
class Receiver:
    """A webhook on loopback.

    Attributes:
        posted: What it took.
        refusals: How many of the next messages it answers with an error.
    """

    posted: list[str] = field(default_factory=list)
    refusals: int = 0
    url: str = ""

    def tell(self, told: SetNotification) -> None:
        body = json.dumps({"text": f"{told.title}\n{told.text}"}).encode()
        urllib.request.urlopen(self.url, data=body, timeout=10).close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.refusals -= 1
            if found.refusals < 0:
                found.posted.append(message["text"])
            self.send_response(500 if found.refusals >= 0 else 200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing on the terminal."""

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        found.url = f"http://127.0.0.1:{server.server_port}/secret-hook"
        yield found
        server.shutdown()


class Watched:
    """A location, its sensor of decisions, and the sensor that a test ticks by hand."""

    def __init__(self, location: CodeLocation, **options: Any) -> None:
        self.told: list[SetNotification] = []
        self._location = location
        self._sensor = build_set_notification_sensor(
            options.pop("notify", self.told.append), **options
        )
        self._cursors: dict[str, str | None] = {}
        self.look()

    def look(self) -> str:
        """Show Dagster what was decided, then look once; return what the tick says."""
        repository = self._location.definitions().get_repository_def()
        instance = self._location.instance
        for event in self._tick(repository.get_sensor_def("decisions_made")).asset_events:
            instance.report_runless_asset_event(event)
        return self._tick(self._sensor).skip_message or ""

    def _tick(self, sensor: dg.SensorDefinition) -> Any:
        with dg.build_sensor_context(
            instance=self._location.instance,
            cursor=self._cursors.get(sensor.name),
            repository_def=self._location.definitions().get_repository_def(),
        ) as context:
            found = sensor.evaluate_tick(context)
        self._cursors[sensor.name] = found.cursor or self._cursors.get(sensor.name)
        return found


@pytest.fixture
def made(location: CodeLocation) -> CodeLocation:
    """A location with a finished set that is published to a folder."""
    settings = location.settings.model_copy(
        update={"publish_to": str(location.settings.home / "published")}
    )
    location = replace(location, settings=settings)
    all_made(location)
    return location


@pytest.fixture
def reviews(made: CodeLocation) -> Iterator[Reviews]:
    access = create_access_rules(made.settings, listen="127.0.0.1", default_name="ada@desk")
    with open_review(made.settings, access) as context:
        yield context.reviews


def decide(reviews: Reviews, *prompts: str, verdict: Verdict = "approved") -> None:
    for row in reviews.open("winter").rows:
        if row.picture.prompt_key in prompts:
            seen = Seen(row.picture.file, row.picture.sha256, row.number)
            reason = "the hand" if verdict == "rejected" else ""
            reviews.decide("winter", seen, verdict, who="ada", reason=reason)


def test_a_set_is_told_once_when_its_last_picture_is_approved(
    made: CodeLocation, reviews: Reviews, receiver: Receiver
) -> None:
    watched = Watched(made, notify=receiver.tell, webserver_url=WEB)
    decide(reviews, KITCHEN, GARDEN)
    watched.look()
    assert receiver.posted == []

    decide(reviews, ATTIC)
    watched.look()
    watched.look()

    (text,) = receiver.posted
    assert text.startswith("Marketing images of winter: approved, 3 pictures\n")
    assert text.endswith("https://dagster.example.com/assets/campaign_sets?partition=winter")


def test_a_set_that_was_rejected_and_approved_again_is_told_again(
    made: CodeLocation, reviews: Reviews
) -> None:
    watched = Watched(made)
    decide(reviews, KITCHEN, GARDEN, ATTIC)
    watched.look()
    decide(reviews, GARDEN, verdict="rejected")
    watched.look()
    decide(reviews, GARDEN)
    watched.look()

    assert [told.kind for told in watched.told] == ["set_approved", "set_approved"]


def test_what_was_approved_before_the_first_look_is_not_told(
    made: CodeLocation, reviews: Reviews
) -> None:
    decide(reviews, KITCHEN, GARDEN, ATTIC)
    watched = Watched(made)
    decide(reviews, KITCHEN)

    watched.look()

    assert watched.told == []


def test_publishing_is_told_with_its_places_and_the_same_set_is_not_told_again(
    made: CodeLocation, receiver: Receiver
) -> None:
    watched = Watched(made, notify=receiver.tell)
    assert made.materialize([NAMES.published_sets]).success
    watched.look()
    assert made.materialize([NAMES.published_sets]).success
    watched.look()

    (text,) = receiver.posted
    assert text.startswith("Marketing images of winter: published to 1 place\n")
    assert "/published" in text


def test_a_receiver_that_fails_is_told_again_by_the_next_tick(
    made: CodeLocation, reviews: Reviews, receiver: Receiver
) -> None:
    watched = Watched(made, notify=receiver.tell)
    decide(reviews, KITCHEN, GARDEN, ATTIC)
    receiver.refusals = 1

    with pytest.raises(Exception, match="was not delivered: notify raised HTTPError") as refused:
        watched.look()
    watched.look()
    watched.look()

    assert "secret-hook" not in str(refused.value)
    assert len(receiver.posted) == 1


def test_what_was_told_before_a_failure_in_the_same_tick_is_not_told_again(
    made: CodeLocation, reviews: Reviews, receiver: Receiver
) -> None:
    watched = Watched(made, notify=receiver.tell)
    decide(reviews, KITCHEN, GARDEN, ATTIC)
    watched.look()
    assert made.materialize([NAMES.published_sets]).success
    decide(reviews, GARDEN, verdict="rejected")
    watched_before = len(receiver.posted)
    decide(reviews, GARDEN)
    receiver.refusals = 1

    with pytest.raises(Exception, match="was not delivered"):
        watched.look()
    watched.look()

    assert [text.split("\n")[0] for text in receiver.posted[watched_before:]] == [
        "Marketing images of winter: published to 1 place"
    ]


def test_only_the_kinds_that_are_asked_for_are_told(made: CodeLocation, reviews: Reviews) -> None:
    watched = Watched(made, on=["set_published"])
    decide(reviews, KITCHEN, GARDEN, ATTIC)
    watched.look()

    assert watched.told == []


@pytest.mark.parametrize("on", [[], ["set_sold"]])
def test_a_kind_that_does_not_exist_is_named(on: list[SetKind]) -> None:
    with pytest.raises(ValueError, match="accepted: one or more of set_approved, set_published"):
        build_set_notification_sensor(print, on=on)
