"""What a campaign's report says, from a set, a ledger and decisions."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.schema import purchases
from nbp_dagster.studio.manifest.manifest import Picture
from nbp_dagster.studio.report.campaign_report import CampaignReport, report_campaign, to_json
from nbp_dagster.studio.report.likeness_plot import plot_likeness
from nbp_dagster.studio.report.page import render_report, write_report
from nbp_dagster.studio.report.report_reader import create_report_reader
from nbp_dagster.studio.report.spending import CampaignSpending, SpendingLog
from nbp_dagster.studio.review.approvals import place_of
from nbp_dagster.studio.review.decision_log import ASKED_WORDS, Decision, DecisionLog, Verdict
from tests.fakes.clock import FakeClock
from tests.rigs.sets import build_set

SAMPLE = build_set(
    shots=("kitchen", "rooftop"),
    channels=("instagram_feed", "display_728x90"),
    locales=("en",),
    simulated=False,
    measured=True,
)
SET = SAMPLE.manifest
FIRST, SECOND = SET.pictures[:2]


def decision(picture: Picture, verdict: Verdict = "approved", **fields: object) -> Decision:
    facts = {
        "place": place_of(picture),
        "brand": "solstice",
        "campaign": "spring_launch",
        "number": 1,
        "who": "ada",
        "seen": {"failed_checks": [check.name for check in picture.failed_checks]},
    }
    return Decision(verdict=verdict, **{**facts, **fields})


def report(*decisions: Decision, **fields: object) -> CampaignReport:
    facts = {"made_at": {}, "budget_usd": Decimal(20), "now": 1_790_000_000.0}
    spending = CampaignSpending(made=4, billed_usd=Decimal("0.60"))
    return report_campaign(SET, decisions, spending, **{**facts, **fields})


def test_the_cost_of_an_approved_picture_is_all_that_was_charged() -> None:
    found = report(decision(FIRST), decision(SECOND))

    assert found.usd_per_approved == Decimal("0.30")
    assert found.states["approved"] == 2
    assert to_json(found)["usd_per_approved_picture"] == "0.3000"


def test_where_nothing_is_approved_no_price_of_it_is_told() -> None:
    found = report(decision(FIRST, "rejected", fault="subject_whole"))

    assert found.usd_per_approved is None
    assert to_json(found)["usd_per_approved_picture"] is None
    assert "nothing is approved yet" in render_report(found)


def test_an_approval_that_was_taken_back_counts_no_longer() -> None:
    found = report(decision(FIRST), decision(FIRST, "withdrawn", number=2))

    assert found.states["approved"] == 0
    assert found.usd_per_approved is None


def test_rejections_are_counted_by_check_shot_and_character() -> None:
    of_rooftop = next(row for row in SET.pictures if row.shot == "rooftop")
    found = report(
        decision(FIRST, "rejected", fault="subject_whole"),
        decision(SECOND, "rejected", reason=f"{ASKED_WORDS}smile"),
        decision(of_rooftop, "rejected", reason="the hand"),
    )

    assert found.ever_rejected == 3
    assert found.reasons == {"subject_whole": 1, "asked_again": 1, "in_words": 1}
    assert found.by_shot == {"kitchen": 2, "rooftop": 1}
    assert found.by_character == {"mira": 3, "otto": 1}


def test_a_rejected_picture_that_was_replaced_is_still_a_rejection() -> None:
    old = replace(FIRST, sha256="0" * 64)

    found = report(decision(old, "rejected", fault="subject_whole"), decision(FIRST))

    assert found.ever_rejected == 1
    assert found.states == {"pending": 3, "approved": 1, "rejected": 0, "passed_over": 0}


def test_checks_are_set_beside_what_people_decided() -> None:
    fails = next(row for row in SET.pictures if row.failed_checks)
    name = fails.failed_checks[0].name
    passes = next(row for row in SET.pictures if not row.failed_checks)

    found = report(decision(fails), decision(passes, "rejected", fault=name))

    rate = next(each for each in found.checks if each.name == name)
    assert 0 < (rate.rate or 0) < 1
    assert rate.agreement is not None
    assert (rate.agreement.overruled, rate.agreement.missed, rate.agreement.confirmed) == (1, 1, 0)


def test_a_character_is_plotted_from_the_oldest_picture_to_the_newest() -> None:
    jobs = list(dict.fromkeys(row.generation_id for row in SET.pictures))
    made_at = {job: 1_790_000_000.0 - 86_400 * place for place, job in enumerate(jobs)}

    points = report(made_at=made_at).likenesses["mira"]

    moments = [point.made_at for point in points]
    assert len(points) > 1
    assert None not in moments
    assert moments == sorted(moments, key=lambda each: each or 0)
    plot = plot_likeness(points)
    assert len(plot.days) == len(points) - 1
    assert sum(marks.count("M") for marks in plot.marks.values()) == len(points)
    assert 0 < plot.threshold_y < 200


def test_one_picture_of_a_character_has_a_plot_too() -> None:
    (point, *_) = report().likenesses["mira"]

    plot = plot_likeness([point])

    assert plot.low < point.facts.standing < plot.high
    assert plot.mean == ""


def test_the_page_loads_nothing_and_shows_no_markup_of_a_brief(tmp_path: Path) -> None:
    campaign = replace(SET.campaign, objective="<script>alert(1)</script>")
    hostile = replace(report(decision(FIRST)), manifest=replace(SET, campaign=campaign))

    path = write_report(tmp_path, hostile)
    page = path.read_text()

    assert path == tmp_path / "spring_launch.html"
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src &#39;none&#39;" in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_budget_is_told_only_where_the_brief_is_here() -> None:
    assert "3 % used" in render_report(report())
    assert "not known" in render_report(report(budget_usd=None))


@pytest.fixture
def database(tmp_path: Path) -> Engine:
    return open_ledger(tmp_path / "ledger.sqlite")


def buy(database: Engine, number: int, **columns: object) -> None:
    row = {
        "fingerprint": f"f{number}",
        "attempt": 1,
        "key": "spring_launch/kitchen/en/4x5/v1",
        "scope": "spring_launch",
        "run_id": "run",
        "model": "m",
        "request": {},
        "state": "made",
        "price_micros": 150_000,
        "billed": True,
        "generation_id": f"g{number}",
        "intended_at": 1.0,
        "provider": "oxen",
    }
    with database.begin() as connection:
        connection.execute(purchases.insert(), {**row, **columns})


def test_spending_is_that_of_one_campaign_and_provider(database: Engine) -> None:
    buy(database, 1)
    buy(database, 2, parent="f1")
    buy(database, 3, scope="winter")
    buy(database, 4, provider="simulator")
    buy(database, 5, state="refused", billed=False)
    buy(database, 6, state="enqueued", billed=False)
    buy(database, 7, state="failed", billed=False, generation_id=None)

    found = SpendingLog(database).of("spring_launch", provider="oxen")

    assert (found.made, found.again, found.refused, found.failed, found.open) == (2, 1, 1, 1, 1)
    assert found.billed_usd == Decimal("0.30")
    assert found.reserved_usd == Decimal("0.15")
    assert found.in_vain_usd == Decimal("0.15")


def test_a_refusal_that_was_reopened_and_made_is_none(database: Engine) -> None:
    buy(database, 1, state="refused", billed=False)
    buy(database, 2, fingerprint="f1", attempt=2)

    assert SpendingLog(database).of("spring_launch", provider="oxen").refused == 0


def test_a_reader_joins_ledger_and_decisions(database: Engine, tmp_path: Path) -> None:
    clock = FakeClock()
    buy(database, 1, generation_id=FIRST.generation_id, completed_at=5.0)
    DecisionLog(database, clock=clock).decide([decision(FIRST)])

    found = create_report_reader(database, tmp_path / "no briefs", clock).read(SET)

    assert found.budget_usd is None
    assert found.usd_per_approved == Decimal("0.15")
    assert [point.made_at for point in found.likenesses["mira"] if point.made_at] == [5.0]
