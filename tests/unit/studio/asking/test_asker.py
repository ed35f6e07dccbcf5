"""Asking for another picture: what is quoted, what is recorded, and what is refused."""

from collections.abc import Iterator
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.asking.asker import LONGEST_NOTE, Asker, CannotAsk
from nbp_dagster.studio.regeneration_rules import AlreadyAsked
from nbp_dagster.studio.studio import Studio
from tests.crash.correcting import make, open_prompts
from tests.rigs.service import ServiceProbe

KEY = "winter/shot0/all/1x1/v1"
PRICE = Decimal("0.15")


@pytest.fixture
def studio(simulator: SimulatorServer, tmp_path: Path) -> Iterator[Studio]:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False) as opened:
        make(opened)
        yield opened


@pytest.fixture
def asker(studio: Studio) -> Asker:
    return Asker(lambda: nullcontext(studio))


def test_a_quote_is_the_price_of_one_picture_and_records_nothing(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    quote = asker.quote(KEY, "  She waves\n at us ")

    assert (quote.note, quote.price_usd, quote.over) == ("She waves at us.", PRICE, ())
    make(studio)
    assert ServiceProbe(simulator.url).bills == 1


def test_what_was_asked_for_is_made_by_the_next_run(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    asker.ask(KEY, "She waves", price_usd=PRICE)
    assert ServiceProbe(simulator.url).bills == 1

    make(studio)
    make(studio)

    assert ServiceProbe(simulator.url).bills == 2
    record = studio.records.read(KEY)
    assert record is not None
    assert {picture.prompt.endswith("She waves.") for picture in record.pictures} == {True}
    assert all(picture.parent for picture in record.pictures)


def test_two_people_ask_for_one_picture(asker: Asker) -> None:
    asker.ask(KEY, "She waves", price_usd=PRICE)

    with pytest.raises(AlreadyAsked):
        asker.ask(KEY, "She sleeps", price_usd=PRICE)


def test_another_price_than_was_shown_is_said(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    with pytest.raises(CannotAsk, match=r"it costs 0\.15 USD now, not 0\.10; look again"):
        asker.ask(KEY, "She waves", price_usd=Decimal("0.10"))

    make(studio)
    assert ServiceProbe(simulator.url).bills == 1


def test_a_cap_is_named_before_anything_is_recorded(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False, budget_usd=0.2) as studio:
        make(studio)
        asker = Asker(lambda: nullcontext(studio))

        (over,) = asker.quote(KEY, "She waves").over
        assert "over budget: campaign winter allows 0.20 USD" in over
        with pytest.raises(CannotAsk, match="over budget"):
            asker.ask(KEY, "She waves", price_usd=PRICE)
        make(studio)

    assert ServiceProbe(simulator.url).bills == 1


@pytest.mark.parametrize(
    ("note", "words"),
    [
        (" \n\t ", "say what the other picture shall show"),
        ("x" * (LONGEST_NOTE + 1), "the note has 301 characters; accepted: at most 300"),
    ],
)
def test_a_note_is_a_short_clause(asker: Asker, note: str, words: str) -> None:
    with pytest.raises(CannotAsk, match=words):
        asker.quote(KEY, note)


def test_what_a_brand_prohibits_is_not_asked_for(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False) as studio:
        make(studio)
        brand = studio.briefs.brands["hilltop"]
        terms = {"en": ("world's best",)}
        studio.briefs.brands["hilltop"] = brand.model_copy(update={"prohibited_terms": terms})

        with pytest.raises(CannotAsk, match='the brand prohibits "world\'s best" '):
            Asker(lambda: nullcontext(studio)).quote(KEY, "A sign says The World’s Best tea")


def test_a_prompt_without_a_picture_can_not_be_asked_for_again(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False) as studio:
        asker = Asker(lambda: nullcontext(studio))

        with pytest.raises(
            CannotAsk, match="there is no picture of its present brief; make it first"
        ):
            asker.quote(KEY, "She waves")
        with pytest.raises(CannotAsk, match="the briefs have no such prompt now"):
            asker.quote("winter/gone/all/1x1/v1", "She waves")
