"""Asking for another picture on the page: quoted, recorded once, and made in the background."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.review_app.context import Asking
from nbp_dagster.studio.asking.asker import CannotAsk, Change
from nbp_dagster.studio.regeneration_rules import AlreadyAsked
from tests.rigs.reviews import (
    CAMPAIGN,
    Browser,
    RecordedRuns,
    ReviewRig,
    ScriptedAsker,
    open_review_rig,
)
from tests.rigs.sets import build_set

SAMPLE = build_set(shots=("kitchen",), channels=("instagram_feed",))
FIRST = SAMPLE.manifest.pictures[0]


@dataclass
class AskingRig:
    rig: ReviewRig
    asker: ScriptedAsker
    runs: RecordedRuns
    browser: Browser

    def ask(self, **fields: str) -> Any:
        seen = self.browser.look(FIRST)
        form = {**seen, "note": "She waves", "price_usd": "0.15", **fields}
        return self.browser.post(f"/c/{CAMPAIGN}/ask", form)


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[AskingRig]:
    asker, runs = ScriptedAsker(), RecordedRuns()
    with open_review_rig(tmp_path, sample=SAMPLE) as rig:
        context = replace(rig.context, asking=Asking(asker, runs))  # type: ignore[arg-type]
        rig = replace(rig, context=context)
        yield AskingRig(rig, asker, runs, rig.browser())


def test_a_price_is_shown_first_and_nothing_is_recorded(asking: AskingRig) -> None:
    answer = asking.browser.get(
        f"/c/{CAMPAIGN}/quote", params={"file": FIRST.file, "note": "She waves"}
    )

    assert answer.json() == {
        "prompt": FIRST.prompt_key,
        "note": "She waves",
        "price_usd": "0.15",
        "over": [],
        "simulated": True,
        "follows": 0,
    }
    assert asking.asker.asked == []


def test_what_is_asked_for_is_recorded_and_made_and_the_picture_is_rejected(
    asking: AskingRig,
) -> None:
    answer = asking.ask()

    assert answer.status_code == 200
    assert asking.asker.asked == [(FIRST.prompt_key, Change("She waves"), Decimal("0.15"))]
    assert asking.runs.submitted == [FIRST.prompt_key]
    row = asking.rig.reviews.open(CAMPAIGN).find(FIRST.file)
    assert row.decision is not None
    assert (row.state, row.decision.reason) == ("rejected", "asked again: She waves")


def test_a_marked_area_is_read_in_hundredths_of_the_sides(asking: AskingRig) -> None:
    sides = {"left": "10", "top": "20.5", "right": "55", "bottom": "100"}

    answer = asking.ask(way="edit", **sides)

    assert answer.status_code == 200
    ((_, change, _),) = asking.asker.asked
    assert change == Change("She waves", is_edit=True, region=(0.1, 0.205, 0.55, 1.0))
    row = asking.rig.reviews.open(CAMPAIGN).find(FIRST.file)
    assert row.decision is not None
    assert row.decision.reason == "to be edited: She waves"


def test_without_an_area_all_of_the_picture_may_change(asking: AskingRig) -> None:
    asking.ask(way="edit", left="", top="", right="", bottom="")

    assert asking.asker.asked[0][1] == Change("She waves", is_edit=True)


@pytest.mark.parametrize("side", ["", "wide", "1e", "10%"])
def test_an_area_with_a_side_that_is_no_number_asks_for_nothing(
    asking: AskingRig, side: str
) -> None:
    answer = asking.ask(way="edit", left="10", top="10", right=side, bottom="90")

    assert answer.status_code == 400
    assert "a side that is no number; mark it again" in answer.json()["error"]
    assert asking.asker.asked == []


@pytest.mark.parametrize("price", ["", "free", "0,15", "NaN", "sNaN", "Infinity"])
def test_without_the_price_that_was_shown_nothing_is_asked_for(
    asking: AskingRig, price: str
) -> None:
    answer = asking.ask(price_usd=price)

    assert answer.status_code == 400
    assert "the price that was shown" in answer.json()["error"]
    assert asking.asker.asked == []


@pytest.mark.parametrize(
    ("fault", "status"),
    [(CannotAsk("over budget"), 400), (AlreadyAsked("asked for already"), 409)],
)
def test_what_can_not_be_asked_for_rejects_nothing_and_starts_nothing(
    asking: AskingRig, fault: Exception, status: int
) -> None:
    asking.asker.fault = fault

    answer = asking.ask()

    assert (answer.status_code, answer.json()["error"]) == (status, str(fault))
    assert asking.runs.submitted == []
    assert asking.rig.reviews.open(CAMPAIGN).find(FIRST.file).state == "pending"


def test_a_picture_that_somebody_decided_about_meanwhile_is_not_asked_for(
    asking: AskingRig,
) -> None:
    seen = asking.browser.look(FIRST)
    asking.rig.browser().decide(FIRST)

    answer = asking.browser.post(
        f"/c/{CAMPAIGN}/ask", {**seen, "note": "She waves", "price_usd": "0.15"}
    )

    assert answer.status_code == 409
    assert asking.asker.asked == []


def test_a_form_of_another_page_asks_for_nothing(asking: AskingRig) -> None:
    answer = asking.ask(form_key="wrong")

    assert answer.status_code == 403
    assert asking.asker.asked == []


def test_a_page_without_briefs_offers_no_asking(tmp_path: Path) -> None:
    with open_review_rig(tmp_path, sample=SAMPLE) as rig:
        browser = rig.browser()
        page = browser.get(f"/c/{CAMPAIGN}/picture", params={"file": FIRST.file}).text
        answer = browser.post(
            f"/c/{CAMPAIGN}/ask",
            {**browser.look(FIRST), "note": "She waves", "price_usd": "0.15"},
        )

    assert "Ask again" not in page
    assert answer.status_code == 400


def test_a_share_link_asks_for_nothing(asking: AskingRig) -> None:
    link = asking.rig.context.access.share(CAMPAIGN, days=1)
    stranger = asking.rig.browser(peer="203.0.113.9")

    for path in ("quote", "runs"):
        assert stranger.get(f"/s/{link}/{path}", params={"file": FIRST.file}).status_code == 404
    assert stranger.post(f"/s/{link}/ask", {"note": "She waves"}).status_code in (404, 405)
    assert asking.asker.asked == []
