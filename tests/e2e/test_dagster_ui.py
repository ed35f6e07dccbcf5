"""Dagster's own UI on the state of `nbp run`: what is shown, launched and backfilled there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e import test_gallery_browser
from tests.fakes.briefs import campaign, shot, write_briefs
from tests.fakes.processes import DagsterDev, Shell, wait_for

# The same Chromium, and the same word where there is none.
browser = test_gallery_browser.browser

ARTIFACTS = Path(__file__).parents[2] / "test-artifacts" / "ui"
PROMPT_ASSETS = ("image_requests", "generated_images", "channel_images")
ASSETS = ("brand_kits", "character_sheets", *PROMPT_ASSETS, "campaign_sets", "published_sets")
MADE = "winter/kitchen/all/1x1/v1"
MISSING = "spring/porch/all/1x1/v1"
REFUSED = "summer/duel/all/1x1/v1"
SET = "summer"
BACKFILLED = tuple(f"summer/{name}/all/1x1/v1" for name in ("meadow", "duel", "barn", "lake"))
# Milliseconds for a page of Dagster's to get its data from a busy machine.
PAGE_PATIENCE = 30_000

LAUNCH = """
mutation ($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}
"""
RUNS = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill { runs { id status tags { key value } } }
  }
}
"""
BACKFILL = """
query ($id: String!) {
  partitionBackfillOrError(backfillId: $id) {
    ... on PartitionBackfill {
      assetBackfillData {
        assetBackfillStatuses {
          ... on AssetPartitionsStatusCounts {
            assetKey { path } numPartitionsMaterialized numPartitionsFailed
          }
        }
      }
    }
  }
}
"""
FAILURES = """
query ($id: ID!) {
  runOrError(runId: $id) {
    ... on Run {
      eventConnection {
        events {
          ... on ExecutionStepFailureEvent {
            failureMetadata {
              description
              metadataEntries { label ... on TableMetadataEntry { table { records } } }
            }
          }
        }
      }
    }
  }
}
"""
STATUSES = """
query ($asset: AssetKeyInput!) {
  assetNodeOrError(assetKey: $asset) {
    ... on AssetNode {
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions failedPartitions }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Stage:
    """A running Dagster, and the backfill that was asked of it when it came up."""

    dev: DagsterDev
    backfill: str

    def runs(self) -> list[dict[str, Any]]:
        """The runs of the backfill so far."""
        answer = self.dev.query(RUNS, id=self.backfill)
        return list(answer["partitionBackfillOrError"]["runs"])

    def counts(self, asset: str) -> tuple[int, int]:
        """Partitions of an asset that the backfill counts as materialized and as failed."""
        answer = self.dev.query(BACKFILL, id=self.backfill)
        for row in answer["partitionBackfillOrError"]["assetBackfillData"]["assetBackfillStatuses"]:
            if row["assetKey"]["path"] == [asset]:
                return row["numPartitionsMaterialized"], row["numPartitionsFailed"]
        return 0, 0

    def statuses(self, asset: str) -> dict[str, list[str]]:
        """Partitions of an asset: `materializedPartitions` and `failedPartitions`."""
        answer = self.dev.query(STATUSES, asset={"path": [asset]})
        return dict(answer["assetNodeOrError"]["assetPartitionStatuses"])


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One campaign made by `nbp run`, one missing, and one being backfilled.

    Dagster's daemon takes up to 30 seconds to begin with a backfill; the pages are looked at
    meanwhile.
    """
    shell = Shell(tmp_path_factory.mktemp("ui"))
    duel = shot("duel", scene="[[sim:refuse]] a duel")
    write_briefs(
        shell.briefs,
        campaign(shot("kitchen"), id="winter"),
        campaign(shot("porch"), id="spring"),
        campaign(shot("meadow"), duel, shot("barn"), shot("lake"), id="summer"),
    )
    done = shell.nbp("run", "winter")
    assert done.returncode == 0, done.stdout + done.stderr
    with shell.dagster_dev() as dev:
        params = {
            "assetSelection": [{"path": [asset]} for asset in (*PROMPT_ASSETS, "campaign_sets")],
            "partitionNames": list(BACKFILLED),
        }
        launched = dev.query(LAUNCH, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        yield Stage(dev, launched["backfillId"])


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1500, "height": 1000})
    context.set_default_timeout(PAGE_PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """What is expected of a page may take as long as a busy machine needs."""
    expect.set_options(timeout=PAGE_PATIENCE)
    yield
    expect.set_options(timeout=5_000)


def open_partition(page: Page, stage: Stage, key: str) -> None:
    query = f"view=partitions&partition={quote(key, safe='')}"
    page.goto(f"{stage.dev.url}/assets/generated_images?{query}")


def metadata(page: Page, name: str) -> Locator:
    """The row of one metadata entry."""
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def keep(page: Page, name: str) -> None:
    """Save what is seen, to be looked at by people."""
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.mark.browser
def test_the_group_shows_every_asset(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.dev.url}/locations/nbp_dagster/asset-groups/marketing")

    for asset in ASSETS:
        expect(page.get_by_text(asset, exact=True).first).to_be_visible()
    keep(page, "assets")


@pytest.mark.browser
def test_a_partition_shows_its_picture_prompt_references_and_price(
    page: Page, stage: Stage
) -> None:
    open_partition(page, stage, MADE)

    expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    preview = metadata(page, "preview").locator('img[src^="data:image/webp;base64,"]')
    expect(preview).to_be_visible()
    assert preview.evaluate("image => image.complete && image.naturalWidth") > 0
    references = metadata(page, "references").get_by_role("table")
    expect(references).to_contain_text("identity")
    expect(references).to_contain_text("sheet:hilltop/ada")
    expect(metadata(page, "price_usd")).to_contain_text("0.15")
    expect(metadata(page, "drawn_by")).to_contain_text("SIMULATED")
    keep(page, "partition")
    metadata(page, "prompt").get_by_text("Show Markdown").click()
    expect(page.get_by_text("Ada pours tea in the kitchen")).to_be_visible()
    keep(page, "prompt")


@pytest.mark.browser
def test_a_missing_prompt_is_made_from_the_dialog(page: Page, stage: Stage) -> None:
    open_partition(page, stage, MISSING)
    expect(page.get_by_text("No metadata entries")).to_be_visible()
    assert MISSING not in stage.statuses("generated_images")["materializedPartitions"]

    page.get_by_role("button", name="Materialize").first.click()
    launch = page.get_by_role("button", name="Launch 1 run")
    expect(launch).to_be_enabled()
    keep(page, "dialog")
    launch.click()
    wait_for(
        lambda: MISSING in stage.statuses("generated_images")["materializedPartitions"],
        what="materialization of the missing prompt",
        every=0.5,
    )

    open_partition(page, stage, MISSING)
    expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    expect(metadata(page, "preview").locator("img")).to_be_visible()
    keep(page, "made")


def test_a_backfill_is_one_run_in_which_one_refusal_holds_nothing_back(stage: Stage) -> None:
    def ended() -> bool:
        return any(run["status"] in ("SUCCESS", "FAILURE", "CANCELED") for run in stage.runs())

    wait_for(ended, what="end of the backfill's run", every=0.5)

    [run] = stage.runs()
    assert run["status"] == "FAILURE"
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert tags["dagster/asset_partition_range_start"] == BACKFILLED[0]
    assert tags["dagster/asset_partition_range_end"] == BACKFILLED[-1]
    made = set(BACKFILLED) - {REFUSED}
    for asset in ("generated_images", "channel_images"):
        statuses = stage.statuses(asset)
        assert made <= set(statuses["materializedPartitions"])
        assert statuses["failedPartitions"] == [REFUSED]
    # Its request was compiled; it is the service that refused it.
    requests = stage.statuses("image_requests")
    assert set(BACKFILLED) <= set(requests["materializedPartitions"])
    assert requests["failedPartitions"] == []
    events = stage.dev.query(FAILURES, id=run["id"])["runOrError"]["eventConnection"]["events"]
    [failure] = [event["failureMetadata"] for event in events if event.get("failureMetadata")]
    assert failure["description"].startswith("1 of 4 prompts have no image")
    [entry] = [entry for entry in failure["metadataEntries"] if entry["label"] == "without_image"]
    [row] = map(json.loads, entry["table"]["records"])
    assert (row["prompt"], row["state"]) == (REFUSED, "refused")
    assert "Content policy violation" in row["reason"]


def test_the_set_of_a_campaign_with_a_refused_prompt_is_part_of_the_same_backfill(
    stage: Stage,
) -> None:
    wait_for(
        lambda: SET in stage.statuses("campaign_sets")["materializedPartitions"],
        what="the set of the backfilled campaign",
        every=0.5,
    )

    # The daemon counts a minute later.
    wait_for(lambda: stage.counts("campaign_sets") == (1, 0), what="the backfill's count", every=1)
    assert len(stage.runs()) == 1
