"""Asking for another picture: what is quoted, what is recorded, and what is refused."""

from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.asking.asker import (
    LONGEST_INSTRUCTION,
    LONGEST_NOTE,
    Asker,
    CannotAsk,
    Change,
)
from nbp_dagster.studio.ledger.orders import Generated, Reused
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.regeneration_rules import AlreadyAsked
from nbp_dagster.studio.studio import Studio
from tests.crash.correcting import make, open_prompts, open_shots
from tests.rigs.briefs import shot
from tests.rigs.service import ServiceProbe

KEY = "winter/shot0/all/1x1/v1"
PRICE = Decimal("0.15")


def bought(studio: Studio) -> list[Purchase]:
    """The ledger's rows, oldest first."""
    return list(studio.ledger.rows())


@pytest.fixture
def asker(studio: Studio) -> Asker:
    return Asker(lambda: nullcontext(studio))


def test_a_quote_is_the_price_of_one_picture_and_records_nothing(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    quote = asker.quote(KEY, Change("  She waves\n at us "))

    assert (quote.note, quote.price_usd, quote.over) == ("She waves at us.", PRICE, ())
    make(studio)
    assert ServiceProbe(simulator.url).bills == 1


def test_what_was_asked_for_is_made_by_the_next_run(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    asker.ask(KEY, Change("She waves"), price_usd=PRICE)
    assert ServiceProbe(simulator.url).bills == 1

    make(studio)
    make(studio)

    assert ServiceProbe(simulator.url).bills == 2
    record = studio.records.read(KEY)
    assert record is not None
    assert {picture.prompt.endswith("She waves.") for picture in record.pictures} == {True}
    assert all(picture.parent for picture in record.pictures)


def test_two_people_ask_for_one_picture(asker: Asker) -> None:
    asker.ask(KEY, Change("She waves"), price_usd=PRICE)

    with pytest.raises(AlreadyAsked):
        asker.ask(KEY, Change("She sleeps"), price_usd=PRICE)


def test_another_price_than_was_shown_is_said(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    with pytest.raises(CannotAsk, match=r"it costs 0\.15 USD now, not 0\.10; look again"):
        asker.ask(KEY, Change("She waves"), price_usd=Decimal("0.10"))

    make(studio)
    assert ServiceProbe(simulator.url).bills == 1


def test_a_cap_is_named_before_anything_is_recorded(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False, budget_usd=0.2) as studio:
        make(studio)
        asker = Asker(lambda: nullcontext(studio))

        (over,) = asker.quote(KEY, Change("She waves")).over
        assert "over budget: campaign winter allows 0.20 USD" in over
        with pytest.raises(CannotAsk, match="over budget"):
            asker.ask(KEY, Change("She waves"), price_usd=PRICE)
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
        asker.quote(KEY, Change(note))


def test_what_a_brand_prohibits_is_not_asked_for(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False) as studio:
        make(studio)
        brand = studio.briefs.brands["hilltop"]
        terms = {"en": ("world's best",)}
        studio.briefs.brands["hilltop"] = brand.model_copy(update={"prohibited_terms": terms})

        with pytest.raises(CannotAsk, match='the brand prohibits "world\'s best" '):
            Asker(lambda: nullcontext(studio)).quote(
                KEY, Change("A sign says The World’s Best tea")
            )


def test_a_prompt_without_a_picture_can_not_be_asked_for_again(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    with open_prompts(simulator.url, tmp_path, count=1, fails=False) as studio:
        asker = Asker(lambda: nullcontext(studio))

        with pytest.raises(CannotAsk, match="no picture of its present brief; make it first"):
            asker.quote(KEY, Change("She waves"))
        with pytest.raises(CannotAsk, match="the briefs have no such prompt now"):
            asker.quote("winter/gone/all/1x1/v1", Change("She waves"))


def test_an_edit_is_made_from_the_very_picture_and_kept(
    studio: Studio, asker: Asker, simulator: SimulatorServer
) -> None:
    (first,) = studio.find_made(studio.compile(studio.prompts).orders.values())
    assert isinstance(first, Reused)
    region = (0.1, 0.2, 0.5, 0.75)

    quote = asker.quote(KEY, Change("Add a cat", is_edit=True, region=region))
    asker.ask(KEY, Change("Add a cat", is_edit=True, region=region), price_usd=quote.price_usd)
    done = make(studio)
    make(studio)

    assert ServiceProbe(simulator.url).bills == 2
    (second,) = done.values()
    assert isinstance(second, Generated)
    assert second.receipt.parent == first.receipt.fingerprint
    request = bought(studio)[-1].request
    assert request["prompt"].startswith("Edit Image 1, a finished picture of Hilltop Tea: Add a c")
    assert "from 10 % to 50 % of the width, counted from the left" in request["prompt"]
    roles = [(each["role"], each["digest"]) for each in request["references"]]
    assert roles[0] == ("original", first.image.sha256)
    assert [role for role, _ in roles] == ["original", "region"]


def test_an_edit_of_an_edit_starts_from_the_picture_as_it_was_drawn(
    studio: Studio, asker: Asker
) -> None:
    (first,) = studio.find_made(studio.compile(studio.prompts).orders.values())
    assert isinstance(first, Reused)
    for words, region in (("Add a cat", (0.1, 0.1, 0.3, 0.3)), ("Add a dog", (0.5, 0.2, 0.9, 0.9))):
        asker.ask(KEY, Change(words, is_edit=True, region=region), price_usd=PRICE)
        make(studio)

    request = bought(studio)[-1].request
    assert ": Add a cat. Add a dog.\n" in request["prompt"]
    assert "from 10 % to 90 % of the width" in request["prompt"]
    assert request["references"][0]["digest"] == first.image.sha256


def test_a_note_after_an_edit_keeps_the_edit(studio: Studio, asker: Asker) -> None:
    asker.ask(KEY, Change("Add a cat", is_edit=True), price_usd=PRICE)
    make(studio)
    asker.ask(KEY, Change("The cat sleeps"), price_usd=PRICE)
    make(studio)

    request = bought(studio)[-1].request
    assert request["references"][0]["role"] == "original"
    assert "Add a cat." in request["prompt"]
    assert request["prompt"].endswith("The cat sleeps.")
    assert [row.state for row in bought(studio)] == ["made"] * 3


def test_an_edit_after_a_note_starts_from_what_the_note_brought(
    studio: Studio, asker: Asker
) -> None:
    asker.ask(KEY, Change("She waves"), price_usd=PRICE)
    (noted,) = make(studio).values()
    assert isinstance(noted, Generated)
    asker.ask(KEY, Change("Add a cat", is_edit=True), price_usd=PRICE)
    make(studio)

    assert bought(studio)[-1].request["references"][0]["digest"] == noted.image.sha256


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ((0.5, 0.1, 0.4, 0.9), "none of the picture; mark it again"),
        ((0.0, 0.0, 1.1, 1.0), "none of the picture; mark it again"),
        ((float("nan"), 0.0, 1.0, 1.0), "none of the picture; mark it again"),
        ((0.1, 0.1, 0.11, 0.9), "less than 2% of a side; mark a larger one"),
    ],
)
def test_an_area_that_is_none_is_refused(
    asker: Asker, region: tuple[float, float, float, float], words: str
) -> None:
    with pytest.raises(CannotAsk, match=words):
        asker.quote(KEY, Change("Add a cat", is_edit=True, region=region))


def test_changes_without_end_are_refused(studio: Studio, asker: Asker) -> None:
    for _ in range(LONGEST_INSTRUCTION // LONGEST_NOTE - 1):
        asker.ask(KEY, Change("x" * (LONGEST_NOTE - 1), is_edit=True), price_usd=PRICE)
        make(studio)

    with pytest.raises(CannotAsk, match="ask again instead, so that it is drawn anew"):
        asker.quote(KEY, Change("x" * LONGEST_NOTE, is_edit=True))


def test_a_prompt_that_is_an_edit_is_not_edited_again(
    simulator: SimulatorServer, tmp_path: Path
) -> None:
    drawn = shot("park", characters=[])
    edit = {**shot("snow", characters=[]), "from": "park", "instruction": "make it winter"}
    with open_shots(simulator.url, tmp_path, drawn, edit) as studio:
        make(studio)
        make(studio)
        asker = Asker(lambda: nullcontext(studio))

        with pytest.raises(CannotAsk, match="is an edit already"):
            asker.quote("winter/snow/all/1x1/v1", Change("Add a cat", is_edit=True))
        assert asker.quote("winter/snow/all/1x1/v1", Change("More snow")).price_usd == PRICE
