"""How long Dagster's own pages take with many prompts, in a browser."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from nbp_dagster.project import open_instance
from tests.bench.figures import Figure
from tests.bench.report import Report
from tests.rigs.measuring import CommandFailed

_CHROMIUM = Path("/usr/bin/chromium")
_MILLISECONDS = 120_000


def measure_pages(report: Report) -> None:
    """Print the seconds until the list of partitions, and then the launch dialog, can be used."""
    if not _CHROMIUM.exists():
        raise CommandFailed(f"{_CHROMIUM} is not installed")
    prompts = report.scale.loads[-1]
    rig = report.rig()
    rig.write(prompts)
    home = rig.shell.home / "dagster"
    with open_instance(home), rig.shell.dagster_dev() as dev, _open_page() as page:
        address = f"{dev.url}/assets/generated_images"
        # The first page of a webserver loads the definitions and the UI itself.
        page.goto(address)
        page.get_by_role("button", name="Materialize").first.wait_for()
        listed = _time(lambda: _list_partitions(page, address, rig.keys[0]))
        page.get_by_role("button", name="Materialize").first.click()
        page.get_by_role("button", name="Confirm").wait_for()
        launchable = _time(lambda: _open_dialog(page))
    report.show(
        "Dagster's pages in Chromium",
        [
            Figure(f"{prompts:,} prompts: list of partitions", f"{listed:.1f} s"),
            Figure(f"{prompts:,} prompts: launch dialog", f"{launchable:.1f} s"),
        ],
    )


@contextmanager
def _open_page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(_MILLISECONDS)
        yield page
        browser.close()


def _time(act: Callable[[], None]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def _list_partitions(page: Page, address: str, key: str) -> None:
    page.goto(f"{address}?view=partitions")
    page.get_by_text(key, exact=True).first.wait_for()


def _open_dialog(page: Page) -> None:
    # Dagster asks whether that is meant, as nothing of the upstream asset is made.
    page.get_by_role("button", name="Confirm").click()
    dialog = page.locator(".dagster-dialog")
    dialog.get_by_role("button", name=re.compile("^Launch")).wait_for()
