"""The review page in a real browser: by keys, by touch, in two windows, read by axe."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from nbp_dagster.review_app.context import Asking
from tests.rigs.browsers import browser, patience
from tests.rigs.reviews import (
    CAMPAIGN,
    RecordedRuns,
    ReviewRig,
    ScriptedAsker,
    open_review_rig,
    serve_review,
)
from tests.rigs.sets import build_large_set, build_long_set, build_set

__all__ = ["browser", "patience"]

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts" / "review"
SIDES = ("Left", "Top", "Right", "Bottom")
# More than a page of pictures.
LONG = build_long_set(70)
# What pages reported; an error raised where they report it would end the browser.
COMPLAINTS: list[str] = []


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Whatever a test does, no page may report an error."""
    COMPLAINTS.clear()
    yield
    assert COMPLAINTS == []


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ReviewRig]:
    with open_review_rig(tmp_path, sample=LONG) as opened:
        yield opened


@pytest.fixture
def address(rig: ReviewRig) -> Iterator[str]:
    with serve_review(rig) as served:
        yield f"{served}/c/{CAMPAIGN}"


def visit(browser: Browser, address: str, *, width: int = 1440, **options: Any) -> Page:
    context = browser.new_context(
        viewport={"width": width, "height": 860}, reduced_motion="reduce", **options
    )
    page = context.new_page()
    page.on("pageerror", lambda error: COMPLAINTS.append(str(error)))
    page.goto(address)
    return page


def counted(page: Page, state: str) -> Any:
    return page.locator(f'[data-count="{state}"]')


def states(rig: ReviewRig) -> list[str]:
    return [row.state for row in rig.reviews.open(CAMPAIGN).worst_first]


def test_fifty_pictures_are_approved_by_keyboard(
    browser: Browser, rig: ReviewRig, address: str
) -> None:
    page = visit(browser, address)
    expect(page.locator("#picture .looked")).to_be_visible()

    for _ in range(50):
        page.keyboard.press("a")

    expect(counted(page, "approved")).to_have_text("50")
    assert states(rig) == ["approved"] * 50 + ["pending"] * 20
    expect(page.locator(".card.here")).to_have_attribute(
        "data-file", rig.reviews.open(CAMPAIGN).worst_first[50].picture.file
    )


def test_a_rejection_takes_its_reason_by_a_number_and_undo_takes_it_back(
    browser: Browser, rig: ReviewRig, address: str
) -> None:
    page = visit(browser, address)
    expect(page.locator("#picture .looked")).to_be_visible()

    page.keyboard.press("j")
    # Faster than the picture comes: the reasons are those of the picture in hand all the same.
    page.keyboard.press("r")
    expect(page.locator("#reasons input[type=radio]").first).to_be_focused()
    page.keyboard.press("2")
    expect(counted(page, "rejected")).to_have_text("1")

    row = rig.reviews.open(CAMPAIGN).worst_first[1]
    assert row.decision is not None
    assert (row.state, row.decision.fault) == ("rejected", "copy_legible")
    page.keyboard.press("u")
    expect(counted(page, "rejected")).to_have_text("0")
    assert states(rig)[1] == "pending"


def test_a_rejection_takes_words(browser: Browser, rig: ReviewRig, address: str) -> None:
    page = visit(browser, address)
    expect(page.locator("#picture .looked")).to_be_visible()

    page.keyboard.press("r")
    page.locator("#reasons [name=reason]").fill("the <b>cup</b> floats, j and a are keys")
    page.keyboard.press("Enter")
    expect(counted(page, "rejected")).to_have_text("1")
    page.keyboard.press("k")

    expect(page.locator("#words")).to_contain_text("the <b>cup</b> floats, j and a are keys")
    assert states(rig)[:2] == ["rejected", "pending"]


def test_a_rejection_without_a_reason_is_asked_for_one(
    browser: Browser, rig: ReviewRig, address: str
) -> None:
    page = visit(browser, address)
    expect(page.locator("#picture .looked")).to_be_visible()

    page.get_by_role("button", name="Reject").first.click()
    page.locator("#reasons button").click()

    expect(page.get_by_role("alert")).to_contain_text("Say why")
    assert set(states(rig)) == {"pending"}


def test_the_second_of_two_windows_sees_that_it_moved(
    browser: Browser, rig: ReviewRig, address: str
) -> None:
    one, two = visit(browser, address), visit(browser, address)
    for page in (one, two):
        expect(page.locator("#picture .looked")).to_be_visible()

    one.keyboard.press("a")
    expect(counted(one, "approved")).to_have_text("1")
    two.keyboard.press("r")
    two.keyboard.press("1")

    expect(two.get_by_role("alert")).to_contain_text("approved by ada@desk")
    assert states(rig)[0] == "approved"
    expect(counted(two, "rejected")).to_have_text("0")


def test_a_variant_is_chosen_by_its_number(browser: Browser, tmp_path: Path) -> None:
    with (
        open_review_rig(tmp_path, sample=build_large_set(3)) as rig,
        serve_review(rig) as served,
    ):
        page = visit(browser, f"{served}/c/{CAMPAIGN}")
        expect(page.locator(".variants li")).to_have_count(3)

        page.keyboard.press("2")

        expect(counted(page, "passed_over")).to_have_text("2")
        chosen = {row.picture.variant: row.state for row in rig.reviews.open(CAMPAIGN).rows}
        assert chosen == {1: "passed_over", 2: "approved", 3: "passed_over"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_telephone_a_picture_fills_the_screen_and_is_decided_by_touch(
    browser: Browser, rig: ReviewRig, address: str, scheme: str
) -> None:
    page = visit(browser, address, width=360, has_touch=True, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

    page.locator(".card .open").first.tap()
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_in_viewport()
    box = approve.bounding_box()
    assert box is not None
    assert box["height"] >= 40
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"telephone-{scheme}.png")
    approve.tap()

    expect(page.locator("#picture .looked")).to_have_attribute(
        "data-file", rig.reviews.open(CAMPAIGN).worst_first[1].picture.file
    )
    expect(counted(page, "approved")).to_have_text("1")
    assert states(rig)[0] == "approved"
    page.get_by_role("button", name="Back").tap()
    expect(page.locator("#pictures")).to_be_visible()


def test_a_large_set_has_pages(browser: Browser, rig: ReviewRig, address: str) -> None:
    page = visit(browser, f"{address}?state=pending")
    expect(page.locator(".card")).to_have_count(60)

    page.get_by_role("link", name="Next").click()

    expect(page.locator(".card")).to_have_count(10)
    assert "page=2" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1920])
def test_axe_finds_nothing_serious(
    browser: Browser, tmp_path: Path, scheme: str, width: int
) -> None:
    sample = build_set(scale=0.2, measured=True)
    with open_review_rig(tmp_path, sample=sample) as rig, serve_review(rig) as served:
        page = visit(browser, f"{served}/c/{CAMPAIGN}", width=width, color_scheme=scheme)
        page.locator(".card .open").first.click()
        expect(page.locator("#picture .looked")).to_be_visible()
        page.get_by_role("button", name="Reject").first.click()
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"set-{width}-{scheme}.png")
        found = [_serious(page)]
        page.goto(served)
        found.append(_serious(page))
        page.goto(f"{served}/c/{CAMPAIGN}/report")
        found.append(_serious(page))
        assert page.evaluate("document.documentElement.scrollWidth") == width

    assert found == [[], [], []]


def test_a_share_link_opens_and_decides_nothing(
    browser: Browser, rig: ReviewRig, address: str
) -> None:
    link = rig.context.access.share(CAMPAIGN, days=1)
    page = visit(browser, address.replace(f"/c/{CAMPAIGN}", f"/s/{link}"))
    expect(page.locator("#picture .looked img")).to_be_visible()

    page.keyboard.press("a")
    page.keyboard.press("j")

    expect(page.locator("#picture .looked")).to_have_attribute(
        "data-file", rig.reviews.open(CAMPAIGN).worst_first[1].picture.file
    )
    assert page.get_by_role("button", name="Approve").count() == 0
    assert set(states(rig)) == {"pending"}


def _serious(page: Page) -> list[str]:
    results = Axe().run(page).response
    return [
        f"{item['id']}: {item['nodes'][0]['html']}"
        for item in results["violations"]
        if item["impact"] in ("serious", "critical")
    ]


@pytest.mark.parametrize("width", [1280, 360])
def test_an_area_is_marked_on_the_original_and_its_price_asked_again_after_a_change(
    browser: Browser, tmp_path: Path, width: int
) -> None:
    with open_review_rig(tmp_path, sample=build_large_set(1)) as rig:
        asker = ScriptedAsker()
        context = replace(rig.context, asking=Asking(asker, RecordedRuns()))  # type: ignore[arg-type]
        with serve_review(replace(rig, context=context)) as served:
            page = visit(browser, f"{served}/c/{CAMPAIGN}", width=width)
            if width > 960:
                # The first picture is there already, and is put there once more.
                expect(page.locator("#picture .looked")).to_be_visible()
                mark = "(article) => article.setAttribute('data-before', '')"
                page.locator("#picture .looked").evaluate(mark)
            page.locator(".card .open").first.click()
            expect(page.locator("#picture .looked:not([data-before])")).to_be_visible()
            page.get_by_role("button", name="Ask again").click()
            page.get_by_label("Change this one").check()
            page.get_by_label("What shall be different?").fill("Add a cat")
            drag(page, (0.25, 0.25), (0.75, 0.5))

            sides = [page.get_by_role("spinbutton", name=name) for name in SIDES]
            near = [float(side.input_value()) for side in sides]
            assert near == pytest.approx([25, 25, 75, 50], abs=2)
            expect(page.locator(".mark")).to_be_visible()
            page.get_by_role("button", name="What does it cost?").click()
            order = page.get_by_role("button", name="Ask for it")
            expect(order).to_be_visible()
            page.get_by_role("button", name="All of it").click()
            expect(order).to_be_hidden()
            expect(page.locator(".mark")).to_be_hidden()
            drag(page, (0.1, 0.1), (0.5, 0.5))
            page.get_by_role("button", name="What does it cost?").click()
            order.click()
            expect(counted(page, "rejected")).to_have_text("1")

    ((_, change, _),) = asker.asked
    assert (change.note, change.is_edit) == ("Add a cat", True)
    assert change.region == pytest.approx((0.1, 0.1, 0.5, 0.5), abs=0.02)


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag over the original from one place to another, as shares of its sides."""
    canvas = page.locator(".canvas")
    canvas.scroll_into_view_if_needed()
    bounds = canvas.bounding_box()
    assert bounds is not None
    for index, (x, y) in enumerate((start, end)):
        place = (bounds["x"] + x * bounds["width"], bounds["y"] + y * bounds["height"])
        page.mouse.move(*place)
        if index == 0:
            page.mouse.down()
    page.mouse.up()
