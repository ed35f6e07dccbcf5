"""The gallery in a real browser: opened from a disk, driven by keys, read by axe."""

import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from nbp_dagster.studio.sets.index_page import find_sets, write_index
from nbp_dagster.studio.sets.picture_order import UNFOLDED
from nbp_dagster.studio.sets.set_files import INLINE_SETS
from nbp_dagster.studio.sets.set_writer import WrittenSet, write_set
from tests.rigs.browsers import browser, patience
from tests.rigs.sets import build_long_set, build_set

__all__ = ["browser", "patience"]

pytestmark = pytest.mark.browser

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts" / "gallery"
SAMPLE = build_set(scale=0.5, measured=True)
# As the page has them: by shot, the one channel that fails a check first.
PICTURES = [
    row
    for shot in SAMPLE.manifest.shots
    for failed in (True, False)
    for row in SAMPLE.manifest.pictures
    if row.shot == shot.id and bool(row.failed_checks) is failed
]
# The channel that fails a check comes first.
CHANNELS = sorted(SAMPLE.manifest.channels, key=lambda channel: channel.id != "display_728x90")

Scheme = Literal["light", "dark"]


@dataclass
class Visit:
    """A page, and what it asked for and complained about."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> WrittenSet:
    folder = tmp_path_factory.mktemp("sets") / "spring_launch"
    return write_set(folder, SAMPLE.manifest, rendition=SAMPLE.rendition, sheet=SAMPLE.sheet)


def visit(
    browser: Browser, path: Path, *, width: int = 1440, scheme: Scheme = "light", **options: Any
) -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
        reduced_motion="reduce",
        **options,
    )
    found = Visit(context.new_page())
    context.on("request", lambda request: found.requests.append(request.url))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    found.page.on(
        "console",
        lambda message: found.complaints.append(message.text) if message.type == "error" else None,
    )
    found.page.goto(path.as_uri())
    return found


@pytest.fixture
def opened(browser: Browser, written: WrittenSet) -> Iterator[Visit]:
    """The page as it opens; whatever a test does, nothing may leave it or be reported."""
    found = visit(browser, written.index)
    yield found
    found.page.context.close()
    assert found.complaints == []
    home = written.folder.as_uri()
    assert [url for url in found.requests if not url.startswith((home, "data:"))] == []


def shown(page: Page) -> list[str]:
    """The files of the pictures that can be seen, in order."""
    links = page.locator("a.picture:visible")
    return list(links.evaluate_all("links => links.map(link => link.getAttribute('href'))"))


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('href')"))


def files(*, locale: str = "", channel: str = "") -> list[str]:
    return [
        row.file
        for row in PICTURES
        if (not locale or row.locale in (locale, "all")) and (not channel or row.channel == channel)
    ]


def test_every_picture_is_there_when_the_page_opens(opened: Visit) -> None:
    assert shown(opened.page) == files()
    assert opened.page.evaluate(
        "[...document.querySelectorAll('a.picture img')].every(i => i.complete && i.naturalWidth)"
    )


@pytest.mark.parametrize(("width", "height", "whole"), [(1280, 800, 2), (390, 844, 2)])
def test_the_first_screen_shows_pictures(
    browser: Browser, written: WrittenSet, width: int, height: int, whole: int
) -> None:
    page = visit(browser, written.index, width=width).page
    page.set_viewport_size({"width": width, "height": height})
    bottoms = page.locator("a.picture:visible").evaluate_all(
        "links => links.map(link => link.getBoundingClientRect().bottom)"
    )
    assert sum(bottom <= height for bottom in bottoms) >= whole
    page.context.close()


def test_likeness_is_folded_below_and_the_head_leads_to_it(opened: Visit) -> None:
    page = opened.page
    section = page.locator("details.likeness")
    expect(section).not_to_have_attribute("open", "")
    marked = sum(not row.is_like for row in SAMPLE.manifest.likenesses)
    page.get_by_role("link", name=f"{marked} to look at").click()
    expect(section).to_have_attribute("open", "")
    expect(page.locator("a.rank").first).to_be_in_viewport()


def test_opening_the_page_asks_for_nothing_but_the_page(opened: Visit) -> None:
    opened.page.wait_for_load_state("networkidle")
    assert [url for url in opened.requests if not url.startswith("data:")] == [opened.page.url]


def test_the_first_tab_stop_skips_to_the_pictures(opened: Visit) -> None:
    opened.page.keyboard.press("Tab")
    assert focused(opened.page) == "#pictures"


def test_the_pictures_can_be_walked_opened_and_left_by_keys(opened: Visit) -> None:
    page = opened.page
    page.locator("a.picture").first.focus()
    page.keyboard.press("ArrowRight")
    assert focused(page) == PICTURES[1].file
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert focused(page) == PICTURES[0].file
    page.keyboard.press("Enter")
    viewer = page.get_by_role("dialog")
    expect(viewer).to_be_visible()
    heading = viewer.get_by_role("heading", level=2).first
    expect(heading).to_have_text("Kitchen · Leaderboard 728 × 90 · EN")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(heading).to_have_text("Kitchen · Instagram feed · EN")
    expect(page.locator("#viewer-count")).to_have_text(f"3 of {len(PICTURES)}")
    page.keyboard.press("Escape")
    expect(viewer).to_be_hidden()
    assert focused(page) == PICTURES[2].file


def test_the_large_view_keeps_focus_within_and_goes_around(opened: Visit) -> None:
    page = opened.page
    page.locator("a.picture").first.click()
    for _ in range(12):
        page.keyboard.press("Tab")
        outside = "!document.activeElement.closest('dialog') && document.activeElement.tagName"
        assert page.evaluate(outside) in (False, "BODY")
    page.get_by_role("button", name="Previous picture").click()
    expect(page.locator("#viewer-count")).to_have_text(f"{len(PICTURES)} of {len(PICTURES)}")
    page.get_by_role("button", name="Close").click()
    assert focused(page) == PICTURES[-1].file


@pytest.mark.parametrize("number", [0, 2, 4, 6, 8])
def test_the_large_view_shows_the_full_file_at_its_true_ratio(opened: Visit, number: int) -> None:
    page, row = opened.page, PICTURES[number]
    page.locator("a.picture").nth(number).click()
    image = page.locator("#viewer-image")
    expect(image).to_have_attribute("src", f"{page.url.removesuffix('index.html')}{row.file}")
    box = image.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(row.width / row.height, rel=0.02)
    assert box["width"] <= row.width + 1
    link = page.get_by_role("link", name="Open the full file")
    assert link.get_attribute("href") == row.file


def test_the_large_view_tells_the_lineage_and_copies_the_prompt(opened: Visit) -> None:
    page, row = opened.page, PICTURES[0]
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("a.picture").first.click()
    panel = page.get_by_role("region", name="Lineage")
    for fact in (row.fingerprint, row.generation_id, row.sha256, row.references[0].digest):
        expect(panel).to_contain_text(fact)
    panel.get_by_role("button", name="Copy the prompt").click()
    expect(panel.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == row.prompt


def test_languages_are_switched_by_button_and_by_key(opened: Visit) -> None:
    page = opened.page
    group = page.get_by_role("group", name="Language")
    group.get_by_role("button", name="de").click()
    assert shown(page) == files(locale="de")
    expect(group.get_by_role("button", name="de")).to_have_attribute("aria-pressed", "true")
    copy = page.locator(".copy-line:visible")
    expect(copy.filter(has_text="Langsame Morgen gewinnen")).to_have_count(1)
    expect(copy.filter(has_text="Slow mornings win")).to_have_count(0)
    count = len(files(locale="de"))
    expected = f"{count} of {len(PICTURES)} pictures, language de, by shot"
    expect(page.locator("#status")).to_have_text(expected)
    page.keyboard.press("l")
    assert shown(page) == files()
    page.keyboard.press("L")
    assert shown(page) == files(locale="en")


def test_the_large_view_walks_only_what_is_shown(opened: Visit) -> None:
    page = opened.page
    page.keyboard.press("l")
    page.locator("a.picture:visible").first.click()
    expect(page.locator("#viewer-count")).to_have_text(f"1 of {len(files(locale='en'))}")


def test_a_channel_filter_leaves_that_channel_and_its_gaps(opened: Visit) -> None:
    page = opened.page
    page.get_by_label("Channel").select_option("instagram_story")
    assert shown(page) == files(channel="instagram_story")
    assert page.locator(".missing:visible").count() == 1
    expect(page.locator("#status")).to_contain_text("Instagram story")


def test_a_filter_that_leaves_nothing_says_so_and_can_be_undone(opened: Visit) -> None:
    page = opened.page
    page.get_by_label("Channel").select_option("instagram_feed")
    page.get_by_role("button", name="Needs a look").click()
    expect(page.get_by_text("Nothing in this set matches.")).to_be_visible()
    assert page.get_by_role("heading", level=2).all_inner_texts() == [
        "Characters and palette",
        "Likeness to the sheet",
    ]
    page.get_by_role("button", name="Show everything").click()
    assert shown(page) == files()


def test_what_needs_a_look_is_failed_checks_and_gaps(opened: Visit) -> None:
    page = opened.page
    button = page.get_by_role("button", name="Needs a look")
    button.click()
    assert shown(page) == files(channel="display_728x90")
    cards = page.locator(".card:visible").count()
    expect(button.locator(".count")).to_have_text(str(cards))


def test_grouping_by_channel_moves_every_picture_and_back(opened: Visit) -> None:
    page = opened.page
    page.get_by_role("button", name="By channel").click()
    by_channel = [row.file for channel in CHANNELS for row in PICTURES if row.channel == channel.id]
    assert shown(page) == by_channel
    headings = page.get_by_role("main").get_by_role("heading", level=2).all_inner_texts()
    assert headings == [channel.name for channel in CHANNELS]
    page.keyboard.press("g")
    assert shown(page) == files()


def test_safe_areas_are_drawn_over_the_pictures(opened: Visit) -> None:
    page = opened.page
    drawn = "getComputedStyle(document.querySelector('.channel-1'), '::after').top"
    page.get_by_role("button", name="Safe areas").click()
    height = page.locator(".channel-1").first.bounding_box()
    assert height is not None
    top = float(str(page.evaluate(drawn)).removesuffix("px"))
    assert top == pytest.approx(height["height"] * 250 / 1920, abs=1)
    page.keyboard.press("s")
    assert page.evaluate(drawn) == "auto"


def test_heads_subject_and_type_are_drawn_over_the_large_view_where_they_are(opened: Visit) -> None:
    page = opened.page
    page.locator("figure.card a.picture").first.click()
    boxes = page.locator("#viewer-boxes")
    expect(boxes).to_be_hidden()
    page.get_by_role("button", name="Heads and type").click()
    expect(boxes).to_be_visible()
    picture = page.locator("#viewer-image").bounding_box()
    head = page.locator("#viewer-boxes .head").bounding_box()
    assert picture is not None
    assert head is not None
    left, top, right, bottom = PICTURES[0].boxes[0].box
    assert head["x"] == pytest.approx(picture["x"] + left * picture["width"], abs=2)
    assert head["y"] == pytest.approx(picture["y"] + top * picture["height"], abs=2)
    assert head["width"] == pytest.approx((right - left) * picture["width"], abs=4)
    assert head["height"] == pytest.approx((bottom - top) * picture["height"], abs=4)
    expect(page.locator("#viewer-boxes rect")).to_have_count(len(PICTURES[0].boxes))
    page.keyboard.press("b")
    expect(boxes).to_be_hidden()


def test_single_letter_keys_can_be_turned_off(opened: Visit) -> None:
    page = opened.page
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.get_by_label("Single-letter keys work").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("l")
    page.keyboard.press("?")
    assert shown(page) == files()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Keyboard help").click()
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_a_reader_who_wants_less_motion_gets_none(opened: Visit) -> None:
    duration = "getComputedStyle(document.querySelector('a.picture')).transitionDuration"
    assert opened.page.evaluate(duration) == "0s"


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_the_page_never_scrolls_sideways(browser: Browser, written: WrittenSet, width: int) -> None:
    page = visit(browser, written.index, width=width).page
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    page.get_by_role("button", name="By channel").click()
    assert page.evaluate(overflow) == 0
    page.locator("a.picture").first.click()
    assert page.evaluate("document.querySelector('#viewer').scrollWidth") <= width
    page.context.close()


def test_printing_leaves_pictures_and_words_and_no_controls(opened: Visit) -> None:
    page = opened.page
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator(".toolbar")).to_be_hidden()
    assert shown(page) == files()
    expect(page.locator("a.rank").first).to_be_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(page.locator("details.likeness")).to_have_attribute("open", "")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(page.locator("details.likeness")).not_to_have_attribute("open", "")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 250, 247)"


def test_without_javascript_pictures_lineage_and_links_remain(
    browser: Browser, written: WrittenSet
) -> None:
    page = visit(browser, written.index, java_script_enabled=False).page
    assert shown(page) == files()
    expect(page.locator(".toolbar")).to_be_hidden()
    page.get_by_text("Lineage of Kitchen, Leaderboard 728 × 90, en").click()
    expect(page.get_by_text(PICTURES[0].fingerprint).first).to_be_visible()
    expect(page.get_by_role("button")).to_have_count(0)
    page.locator("a.picture").first.click()
    assert page.url == (written.folder / PICTURES[0].file).as_uri()
    page.context.close()


def test_a_zipped_and_mailed_folder_works_where_it_is_unpacked(
    browser: Browser, written: WrittenSet, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "mailed"), "zip", written.folder))
    unpacked = tmp_path / "my downloads #1"
    with zipfile.ZipFile(archive) as file:
        file.extractall(unpacked)
    found = visit(browser, unpacked / "index.html")
    found.page.locator("a.picture").first.click()
    full = (unpacked / PICTURES[0].file).as_uri()
    expect(found.page.locator("#viewer-image")).to_have_attribute("src", full)
    assert found.complaints == []
    found.page.context.close()


def test_a_large_set_shows_the_thumbnails_beside_its_page(browser: Browser, tmp_path: Path) -> None:
    rows = tuple(
        replace(row, file=row.file.replace("_v1.", f"_v{number}."), variant=number)
        for row in PICTURES
        for number in range(1, INLINE_SETS // len(PICTURES) + 2)
    )
    manifest = replace(SAMPLE.manifest, pictures=rows)
    page = write_set(tmp_path, manifest, rendition=SAMPLE.rendition, sheet=SAMPLE.sheet).index
    found = visit(browser, page)
    found.page.get_by_role("button", name="Unfold all").click()
    last = found.page.locator("a.picture img").last
    last.scroll_into_view_if_needed()
    expect(last).to_have_js_property("complete", True)
    assert last.evaluate("image => image.naturalWidth") > 0
    assert str(last.get_attribute("src")).startswith("thumbs/")
    assert found.complaints == []
    found.page.context.close()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> WrittenSet:
    sample = build_long_set(360)
    folder = tmp_path_factory.mktemp("long") / "spring_launch"
    return write_set(folder, sample.manifest, rendition=sample.rendition, sheet=sample.sheet)


def test_the_list_of_shots_leads_to_a_shot(browser: Browser, long: WrittenSet) -> None:
    found = visit(browser, long.index)
    page = found.page
    page.get_by_text("Jump to one of 24 shots").click()
    page.get_by_role("link", name=re.compile("^Scene 17 ")).click()
    expect(page.get_by_role("heading", name="Scene 17")).to_be_in_viewport()
    expect(page.locator("details.jump")).not_to_have_attribute("open", "")
    page.keyboard.press("g")
    summary = page.locator("details.jump > summary")
    assert summary.inner_text() == "Jump to one of 5 channels"
    summary.click()
    page.get_by_role("link", name=re.compile("^LinkedIn post ")).click()
    expect(page.get_by_role("heading", name="LinkedIn post")).to_be_in_viewport()
    assert found.complaints == []
    page.context.close()


def test_the_list_has_only_what_a_filter_leaves(browser: Browser, long: WrittenSet) -> None:
    page = visit(browser, long.index).page
    page.keyboard.press("g")
    page.get_by_label("Channel").select_option("instagram_story")
    page.get_by_text("Jump to one of").click()
    expect(page.locator(".jump a:visible")).to_have_count(1)
    page.context.close()


@pytest.mark.parametrize(("width", "screens"), [(1280, 16), (390, 20)])
def test_a_set_of_360_pictures_is_a_short_page(
    browser: Browser, long: WrittenSet, width: int, screens: int
) -> None:
    page = visit(browser, long.index, width=width).page
    assert page.evaluate("document.documentElement.scrollHeight") <= screens * 844
    assert 0 < len(shown(page)) <= UNFOLDED
    page.get_by_role("button", name="Unfold all").click()
    assert len(shown(page)) == 360
    page.get_by_role("button", name="Unfold all").click()
    assert len(shown(page)) <= UNFOLDED
    page.context.close()


def test_a_fold_opens_by_keys_and_says_how_much_it_holds(
    browser: Browser, long: WrittenSet
) -> None:
    page = visit(browser, long.index).page
    before = len(shown(page))
    fold = page.locator("#shot-1 .more > summary")
    expect(fold).to_have_text(re.compile("11 more of Scene 1"))
    fold.focus()
    page.keyboard.press("Enter")
    assert len(shown(page)) == before + 11
    page.context.close()


def test_a_filter_unfolds_what_it_leaves(browser: Browser, long: WrittenSet) -> None:
    """The first pictures that match, in every group, and the folds count only such."""
    page = visit(browser, long.index).page
    page.get_by_label("Channel").select_option("linkedin_post")
    assert all(file.startswith("images/linkedin_post/") for file in shown(page))
    assert 0 < len(shown(page)) <= UNFOLDED
    count = "[...document.querySelectorAll('figure.card:not([hidden])')].length"
    matching = page.evaluate(count)
    assert len({row.file for row in long.manifest.pictures if "linkedin" in row.file}) == matching
    page.get_by_role("button", name="Unfold all").click()
    assert len(shown(page)) == matching
    page.context.close()


@pytest.mark.parametrize("key", ["", "g"])
def test_the_page_arrives_as_its_script_deals_it_out(
    browser: Browser, long: WrittenSet, key: str
) -> None:
    """The page and its script decide alike, in the order of the shots and of the channels."""
    page = visit(browser, long.index).page
    arrived = shown(page)
    if key:
        page.keyboard.press(key)
        assert shown(page) != arrived
        page.keyboard.press(key)
    else:
        page.get_by_label("Channel").select_option("linkedin_post")
        page.get_by_label("Channel").select_option("")
    assert shown(page) == arrived
    page.context.close()


def test_the_large_view_walks_into_folds_and_leaves_focus_there(
    browser: Browser, long: WrittenSet
) -> None:
    page = visit(browser, long.index).page
    page.locator("#shot-1 a.picture:visible").last.click()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#viewer-count")).to_have_text("5 of 360")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.checkVisibility()")
    expect(page.locator("#shot-1 .more")).to_have_attribute("open", "")
    page.context.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_paper_has_every_picture_of_a_long_page(
    browser: Browser, long: WrittenSet, scripted: bool
) -> None:
    page = visit(browser, long.index, java_script_enabled=scripted).page
    page.emulate_media(media="print")
    assert page.locator("a.picture:visible").count() == 360
    page.context.close()


def test_without_javascript_a_fold_still_opens(browser: Browser, long: WrittenSet) -> None:
    page = visit(browser, long.index, java_script_enabled=False).page
    before = page.locator("a.picture:visible").count()
    page.locator("#shot-1 .more > summary").click()
    assert page.locator("a.picture:visible").count() == before + 11
    page.context.close()


@pytest.mark.parametrize("width", [360, 1440])
def test_assistive_technology_finds_no_serious_fault_on_a_long_page(
    browser: Browser, long: WrittenSet, width: int
) -> None:
    page = visit(browser, long.index, width=width).page
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    page.locator("details.jump > summary").click()
    page.screenshot(path=ARTIFACTS / f"long-{width}.png")
    assert _serious(page) == []
    page.context.close()


def test_what_changed_since_the_last_set_can_be_shown_alone(
    browser: Browser, tmp_path: Path
) -> None:
    rows = SAMPLE.manifest.pictures
    earlier = replace(SAMPLE.manifest, pictures=rows[2:])
    for manifest in (earlier, SAMPLE.manifest):
        page = write_set(tmp_path, manifest, rendition=SAMPLE.rendition, sheet=SAMPLE.sheet).index
    found = visit(browser, page)
    found.page.get_by_role("button", name="New or changed 2").click()
    assert shown(found.page) == [row.file for row in rows[:2]]
    expect(found.page.locator("#status")).to_have_text(
        f"2 of {len(rows)} pictures, new or changed, by shot"
    )
    assert _serious(found.page) == []
    assert found.complaints == []
    found.page.context.close()


def test_the_page_mailed_alone_still_shows_its_pictures_large(
    browser: Browser, written: WrittenSet, tmp_path: Path
) -> None:
    alone = Path(shutil.copy(written.index, tmp_path / "alone.html"))
    page = visit(browser, alone).page
    with page.expect_event("requestfailed"):
        page.locator("a.picture").first.click()
    image = page.locator("#viewer-image")
    assert str(image.get_attribute("src")).startswith("data:image/jpeg;base64,")
    assert page.evaluate("document.querySelector('#viewer-image').naturalWidth") > 0
    page.context.close()


def _serious(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_assistive_technology_finds_no_serious_fault(
    browser: Browser, written: WrittenSet, scheme: Scheme, width: int
) -> None:
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page = visit(browser, written.index, scheme=scheme, width=width).page
    name = f"{scheme}-{width}"
    page.screenshot(path=ARTIFACTS / f"page-{name}.png", full_page=True)
    assert _serious(page) == []
    page.locator("a.picture").first.click()
    expect(page.locator("#viewer-image")).to_have_attribute("src", f"{_home(page)}{files()[0]}")
    page.screenshot(path=ARTIFACTS / f"large-{name}.png")
    assert _serious(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.screenshot(path=ARTIFACTS / f"channels-{name}.png", full_page=True)
    assert _serious(page) == []
    page.keyboard.press("?")
    assert _serious(page) == []
    page.context.close()


def _home(page: Page) -> str:
    return page.url.removesuffix("index.html")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_list_of_sets_leads_to_a_set(
    browser: Browser, written: WrittenSet, scheme: Scheme
) -> None:
    root = written.folder.parent
    found = visit(browser, write_index(root, find_sets(root)), scheme=scheme)
    found.page.screenshot(path=ARTIFACTS / f"sets-{scheme}.png", full_page=True)
    assert _serious(found.page) == []
    found.page.get_by_role("link").first.click()
    assert found.page.url == written.index.as_uri()
    assert found.complaints == []
    found.page.context.close()
