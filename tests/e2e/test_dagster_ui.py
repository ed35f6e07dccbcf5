"""Dagster's own UI on the state of `nbp run`: what a marketer sees, launches and finds there."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e import test_gallery_browser
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.dagster import PROMPT_ASSETS, Operator
from tests.rigs.processes import Shell, wait_for

# The same Chromium, and the same word where there is none.
browser = test_gallery_browser.browser

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts" / "ui"
ASSETS = ("brand_kits", "character_sheets", *PROMPT_ASSETS, "campaign_sets", "published_sets")
SHEET = "hilltop/ada"
MADE = "winter/kitchen/all/1x1/v1"
WITHOUT_ADA = "winter/attic/all/1x1/v1"
MISSING = "spring/porch/all/1x1/v1"
REFUSED = "summer/duel/all/1x1/v1"
SLOW = "autumn/fog/all/1x1/v1"
SET = "summer"
BACKFILLED = tuple(f"summer/{name}/all/1x1/v1" for name in ("meadow", "duel", "barn", "lake"))
# Milliseconds for a page of Dagster's to get its data from a busy machine.
PAGE_PATIENCE = 90_000

pytestmark = pytest.mark.browser


@dataclass(frozen=True)
class Stage:
    """A running Dagster, and the backfill that was asked of it when it came up."""

    operator: Operator
    shell: Shell
    backfill: str

    @property
    def url(self) -> str:
        return self.operator.dev.url

    def page_of(self, asset: str, key: str) -> str:
        """Where the UI shows a partition."""
        return f"{self.url}/assets/{asset}?view=partitions&partition={quote(key, safe='')}"

    def made(self, asset: str) -> frozenset[str]:
        """Partitions of an asset that are materialized."""
        return self.operator.partitions(asset).made


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """What is expected of a page may take as long as a busy machine needs."""
    expect.set_options(timeout=PAGE_PATIENCE)
    yield
    expect.set_options(timeout=5_000)


def open_page(browser: Browser) -> Page:
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.set_default_timeout(PAGE_PATIENCE)
    return context.new_page()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = open_page(browser)
    yield opened
    opened.context.close()


@pytest.fixture(scope="module")
def stage(
    browser: Browser, patience: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """One campaign made by `nbp run`, one missing, and one being backfilled.

    Dagster's daemon takes up to 30 seconds to begin with a backfill; the pages are looked at
    meanwhile.
    """
    shell = Shell(tmp_path_factory.mktemp("ui"))
    duel = shot("duel", scene="[[sim:refuse]] a duel")
    write_briefs(
        shell.briefs,
        campaign(shot("kitchen"), shot("attic", characters=[]), id="winter"),
        campaign(shot("porch"), id="spring"),
        campaign(shot("fog", scene="[[sim:slow=600]] fog", characters=[]), id="autumn"),
        campaign(
            shot("meadow"),
            duel,
            shot("barn", scene="[[sim:wrong_size]] a barn"),
            shot("lake", scene="[[sim:mislabelled]] a lake"),
            id="summer",
        ),
    )
    done = shell.nbp("run", "winter")
    assert done.returncode == 0, done.stdout + done.stderr
    with shell.dagster_dev() as dev:
        page = open_page(browser)
        page.goto(f"{dev.url}/locations/nbp_dagster/asset-groups/marketing")
        backfill = launch_backfill(page, (*PROMPT_ASSETS, "campaign_sets"), of="summer/")
        page.context.close()
        yield Stage(Operator(dev), shell, backfill)


def launch_backfill(page: Page, assets: tuple[str, ...], *, of: str) -> str:
    """Select assets in the graph and a campaign's prompts in the dialog; return the backfill."""
    for number, asset in enumerate(assets):
        node = page.get_by_text(asset, exact=True).first
        node.click(modifiers=["Shift"] if number else [])
    page.get_by_role("button", name=f"Materialize selected ({len(assets)})").click()
    dialog = page.locator(".dagster-dialog")
    dialog.get_by_role("button", name="Custom").click()
    dialog.get_by_text("partitions selected").click()
    # All are selected at first.
    page.get_by_text("Select all").click()
    page.keyboard.type(of)
    page.get_by_text(f"Select all ({len(BACKFILLED)})").click()
    keep(page, "backfill-dialog")
    page.keyboard.press("Escape")
    dialog.get_by_role("button", name="Launch backfill").click()
    created = page.get_by_text("Created backfill").first.inner_text()
    return created.split()[-1]


def metadata(page: Page, name: str) -> Locator:
    """The row of one metadata entry."""
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def keep(page: Page, name: str) -> None:
    """Save what is seen, to be looked at by people."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


def test_the_group_shows_every_asset(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/locations/nbp_dagster/asset-groups/marketing")

    for asset in ASSETS:
        expect(page.get_by_text(asset, exact=True).first).to_be_visible()
    keep(page, "assets")


def test_a_partition_shows_its_picture_prompt_references_and_price(
    page: Page, stage: Stage
) -> None:
    page.goto(stage.page_of("generated_images", MADE))

    expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    preview = metadata(page, "preview").locator('img[src^="data:image/webp;base64,"]')
    expect(preview).to_be_visible()
    assert preview.evaluate("image => image.complete && image.naturalWidth") > 0
    references = metadata(page, "references").get_by_role("table")
    expect(references).to_contain_text("identity")
    expect(references).to_contain_text(f"sheet:{SHEET}")
    expect(metadata(page, "price_usd")).to_contain_text("0.15")
    expect(metadata(page, "drawn_by")).to_contain_text("SIMULATED")
    keep(page, "partition")
    metadata(page, "prompt").get_by_text("Show Markdown").click()
    expect(page.get_by_text("Ada pours tea in the kitchen")).to_be_visible()
    keep(page, "prompt")


def test_a_rendition_is_shown_large_and_a_set_by_its_contact_sheet(
    page: Page, stage: Stage
) -> None:
    for asset, key, name, least in (
        ("channel_images", MADE, "picture", 500),
        ("campaign_sets", "winter", "preview", 1000),
    ):
        page.goto(stage.page_of(asset, key))
        metadata(page, name).get_by_text("Show Markdown").click()
        shown = page.locator('.dagster-dialog img[src^="data:image/webp;base64,"]')
        expect(shown).to_be_visible()
        assert shown.evaluate("image => Math.max(image.naturalWidth, image.naturalHeight)") > least
        keep(page, f"large-{asset}")


def test_links_lead_from_an_image_to_its_request_sheet_and_brief(page: Page, stage: Stage) -> None:
    page.goto(stage.page_of("generated_images", MADE))

    follow(page, "request")
    expect(metadata(page, "price_usd")).to_have_count(0)
    expect(metadata(page, "quoted_usd")).to_contain_text("0.15")
    follow(page, f"character sheet of {SHEET}")
    expect(metadata(page, "origin")).to_contain_text("generated")
    keep(page, "sheet")
    follow(page, "brand kit of hilltop")
    expect(metadata(page, "brief")).to_contain_text("brands/hilltop.yaml")


def follow(page: Page, text: str) -> None:
    """Follow a link of the metadata, in the same window."""
    link = metadata(page, "made_from").get_by_role("link", name=text, exact=True)
    address = link.get_attribute("href")
    assert address is not None
    page.goto(page.evaluate("address => new URL(address, location.href).href", address))


def materialize(page: Page) -> None:
    """Press the button of the partition that is open, and launch its run."""
    page.get_by_role("button", name="Materialize").first.click()
    launch = page.get_by_role("button", name="Launch 1 run")
    expect(launch).to_be_enabled()
    keep(page, "dialog")
    launch.click()


def test_a_backfill_is_one_run_in_which_one_refusal_holds_nothing_back(stage: Stage) -> None:
    run = stage.operator.wait_for_backfill(stage.backfill)

    assert run.status == "FAILURE"
    assert run.tags["dagster/asset_partition_range_start"] == BACKFILLED[0]
    assert run.tags["dagster/asset_partition_range_end"] == BACKFILLED[-1]
    for asset in ("generated_images", "channel_images"):
        partitions = stage.operator.partitions(asset)
        assert set(BACKFILLED) - {REFUSED} <= partitions.made
        assert partitions.failed == {REFUSED}
    # Its request was compiled; it is the service that refused it.
    requests = stage.operator.partitions("image_requests")
    assert set(BACKFILLED) <= requests.made
    assert requests.failed == set()
    failure = stage.operator.failure(run.id)
    assert failure.description.startswith("1 of 4 prompts have no image")
    [row] = failure.rows
    assert (row["prompt"], row["state"]) == (REFUSED, "refused")
    assert "Content policy violation" in row["reason"]


def test_a_refused_prompt_is_red_and_its_run_says_why(page: Page, stage: Stage) -> None:
    run = stage.operator.wait_for_backfill(stage.backfill)

    page.goto(stage.page_of("generated_images", REFUSED))
    expect(page.get_by_text("failed, and did not materialize this asset")).to_be_visible()
    expect(page.get_by_text("Failed (1)")).to_be_visible()
    keep(page, "refused")
    page.get_by_role("button", name="View all historical events").click()
    dialog = page.locator(".dagster-dialog")
    dialog.get_by_text(REFUSED, exact=True).click()
    expect(dialog.get_by_text("Content policy violation").first).to_be_visible()
    keep(page, "why-refused")
    dialog.get_by_role("button", name="OK").click()
    # It fades away.
    expect(dialog).to_have_count(0)
    page.get_by_role("link", name=run.id[:8]).click()
    # The failure's own row: the event of the partition's page stands in the log as well.
    row = page.get_by_role("row").filter(has=page.get_by_role("cell", name=REFUSED, exact=True))
    row = row.filter(has=page.get_by_role("cell", name="refused", exact=True))
    expect(row.first).to_contain_text("Content policy violation")
    keep(page, "reason")


def test_checks_are_shown_with_what_they_looked_at(page: Page, stage: Stage) -> None:
    stage.operator.wait_for_backfill(stage.backfill)

    page.goto(f"{stage.url}/assets/channel_images?view=checks")

    expect(page.get_by_text(re.compile(r"Checks \(\d+\)"))).to_be_visible()
    page.get_by_text("exact_pixels").first.click()
    expect(page.get_by_text("Passed", exact=True).first).to_be_visible()
    expect(page.get_by_text(re.compile(r"(\d) of \1 pictures passed"))).to_be_visible()
    # Each fault of a picture is red in the check that is about it, with the prompt and the reason.
    for check, prompt, why in (
        ("labelled_type", "summer/lake", "sent as png, and by its first bytes it is jpeg"),
        ("asked_size", "summer/barn", "it has 960x960 pixels"),
    ):
        page.get_by_text(check).first.click()
        row = metadata(page, "falling_short")
        expect(row).to_contain_text(prompt)
        expect(row).to_contain_text(why)
        keep(page, f"red-{check}")
    keep(page, "checks")


def test_the_set_of_a_campaign_with_a_refused_prompt_is_part_of_the_same_backfill(
    page: Page, stage: Stage
) -> None:
    wait_for(
        lambda: SET in stage.made("campaign_sets"),
        what="the set of the backfilled campaign",
        every=0.5,
    )

    # The daemon counts a minute later.
    wait_for(
        lambda: stage.operator.counts(stage.backfill, "campaign_sets") == (1, 0),
        what="the backfill's count",
        every=1,
    )
    assert len(stage.operator.runs_of(stage.backfill)) == 1
    page.goto(f"{stage.url}/runs/b/{stage.backfill}")
    # Of four none is in progress, three are made, one has failed.
    row = re.compile(r"generated_images\s+100% completed\s+4\s+0\s+3\s+1\s")
    expect(page.locator("body")).to_contain_text(row, use_inner_text=True)
    keep(page, "backfill")


# What launches a run stands after the checks: their pages show what the last run came to.
def test_a_missing_prompt_is_made_from_the_dialog(page: Page, stage: Stage) -> None:
    page.goto(stage.page_of("generated_images", MISSING))
    expect(page.get_by_text("No metadata entries")).to_be_visible()
    assert MISSING not in stage.made("generated_images")

    materialize(page)
    wait_for(
        lambda: MISSING in stage.made("generated_images"),
        what="materialization of the missing prompt",
        every=0.5,
    )

    page.goto(stage.page_of("generated_images", MISSING))
    expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    expect(metadata(page, "preview").locator("img")).to_be_visible()
    keep(page, "made")


def test_a_run_is_terminated_from_its_page(page: Page, stage: Stage) -> None:
    page.goto(stage.page_of("generated_images", SLOW))
    materialize(page)
    run = wait_for(
        lambda: next((run for run in stage.operator.runs() if run.partition == SLOW), None),
        what="run of the slow prompt",
        every=0.5,
    )
    wait_for(
        lambda: stage.operator.run(run.id).status == "STARTED", what="start of the run", every=0.5
    )

    page.goto(f"{stage.url}/runs/{run.id}")
    page.get_by_role("button", name="Terminate").click()
    keep(page, "terminate")
    page.get_by_role("dialog").get_by_role("button", name="Terminate 1 run").click()

    assert stage.operator.wait_for_end(run.id).status == "CANCELED"
    page.goto(f"{stage.url}/runs/{run.id}")
    expect(page.get_by_text("Canceled", exact=True).first).to_be_visible()
    expect(page.get_by_text("RUN_CANCELED", exact=True).first).to_be_visible()
    keep(page, "terminated")
    assert SLOW not in stage.made("generated_images")


def test_an_edited_trait_shows_on_exactly_the_pictures_of_that_character(
    page: Page, stage: Stage
) -> None:
    stage.operator.wait_for_backfill(stage.backfill)
    characters = BRAND["characters"]
    ada = {**characters["ada"], "traits": ["woman in her sixties", "white bob"]}
    write_briefs(stage.shell.briefs, brand={**BRAND, "characters": {**characters, "ada": ada}})
    stage.operator.wait_for_run_by("briefs_changed")

    # The sheet is paid: people make it, and look at it.
    page.goto(stage.page_of("character_sheets", SHEET))
    expect(page.get_by_text("Unsynced (1)")).to_be_visible()
    keep(page, "stale-sheet")
    materialize(page)
    of_ada = stage.made("generated_images") - {WITHOUT_ADA}
    wait_for(
        # One run a campaign: they come one after the other.
        lambda: stage.operator.partitions("generated_images").stale >= of_ada,
        what="stale pictures",
        every=0.5,
    )

    page.goto(stage.page_of("generated_images", WITHOUT_ADA))
    expect(metadata(page, "preview").locator("img")).to_be_visible()
    expect(page.get_by_text("Unsynced")).to_have_count(0)
    keep(page, "fresh-picture")
    page.goto(stage.page_of("generated_images", MADE))
    page.get_by_text("Unsynced (1)").hover()
    expect(page.get_by_text("has a new data version")).to_be_visible()
    keep(page, "stale-picture")
    assert stage.operator.partitions("generated_images").stale == of_ada

    # A run over both buys the one again, and not the other.
    again = stage.operator.wait_for_end(stage.operator.launch(MADE, WITHOUT_ADA))
    assert again.status == "SUCCESS"
    for key, billing in ((MADE, "billed"), (WITHOUT_ADA, "reused, nothing paid")):
        page.goto(stage.page_of("generated_images", key))
        expect(metadata(page, "billing")).to_contain_text(billing)
    assert stage.operator.partitions("generated_images").stale == of_ada - {MADE}
