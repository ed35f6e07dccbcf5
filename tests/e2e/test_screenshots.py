"""The pictures in docs/ show what the program shows now; `make screenshots` renews them."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.rigs.browsers import browser, patience
from tests.rigs.processes import Shell, wait_for
from tests.rigs.prompt_goldens import ROOT

__all__ = ["browser", "patience"]

pytestmark = pytest.mark.browser

# Of the pages' style sheets. `make browser` brings none of them, and other letters break lines
# elsewhere.
_SERIFS = {"Iowan Old Style", "Palatino Linotype", "Palatino", "Source Serif 4", "Georgia"}
_SERIFS |= {"Liberation Serif"}
KEPT = ROOT / "docs" / "images"
ARTIFACTS = ROOT / "test-artifacts" / "docs"
# Where `make screenshots` has them written; else they are compared with those that are kept.
TARGET = os.environ.get("SCREENSHOTS")
# Of the mean of a small grey copy, 0 to 255: another font or date is 1 to 2, another layout 10.
MOST_DIFFERENCE = 6.0
SIZE = (1280, 800)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """The sample campaign, small, made by the simulator's painter."""
    folder = tmp_path_factory.mktemp("screens")
    made = Shell(folder, NBP_MODE="simulator", NBP_SIMULATOR_LATENCY="0")
    shutil.copytree(ROOT / "assets_config", made.briefs, dirs_exist_ok=True)
    brief = made.briefs / "campaigns" / "spring_launch.yaml"
    text = brief.read_text(encoding="utf-8").replace("resolution: 2K", "resolution: 1K")
    brief.write_text(text, encoding="utf-8")
    done = made.nbp("run", "spring_launch")
    assert done.returncode == 0, done.stdout + done.stderr
    done = made.nbp("report", "spring_launch")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": SIZE[0], "height": SIZE[1]},
        color_scheme="light",
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


@contextmanager
def reviewing(shell: Shell) -> Iterator[str]:
    with shell.started("review", "--port", "0") as process:

        def address() -> str:
            assert process.is_running, process.output
            found = re.search(r"http://\S+:\d+(?=/\n)", process.output)
            return found.group(0) if found else ""

        yield wait_for(address, what="address of the page")


def take(page: Page, name: str) -> None:
    """Keep a screenshot, or hold it against the one that the docs show."""
    page.wait_for_load_state("networkidle")
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")
    fresh = Image.open(ARTIFACTS / f"{name}.png").convert("RGB")
    if TARGET:
        fresh.save(ROOT / TARGET / f"{name}.jpg", "JPEG", quality=82, optimize=True)
        return
    if others := find_serifs():
        pytest.skip(f"the docs' pages are set in DejaVu Serif; this machine has {others}")
    kept = Image.open(KEPT / f"{name}.jpg").convert("RGB")
    assert fresh.size == kept.size
    difference = float(np.abs(reduce(fresh) - reduce(kept)).mean())
    assert difference < MOST_DIFFERENCE, (
        f"docs/images/{name}.jpg shows another page than there is now (by {difference:.1f}): run "
        "`make screenshots` and look at it"
    )


def find_serifs() -> list[str]:
    """The families that the pages would rather have, of those that are installed."""
    done = subprocess.run(["fc-list", ":", "family"], capture_output=True, text=True, check=False)
    installed = {name for line in done.stdout.splitlines() for name in line.split(",")}
    return sorted(installed & _SERIFS)


def reduce(image: Image.Image) -> npt.NDArray[np.float32]:
    small = image.convert("L").resize((64, 40), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32)


def test_the_gallery(shell: Shell, page: Page) -> None:
    page.goto((shell.home / "sets" / "spring_launch" / "index.html").as_uri())
    take(page, "gallery")


def test_the_review_page(shell: Shell, page: Page) -> None:
    with reviewing(shell) as address:
        page.goto(f"{address}/c/spring_launch?state=")
        expect(page.locator("#picture .looked")).to_be_visible()
        # Nobody's machine is named in the docs.
        page.locator(".who").evaluate("(element) => { element.textContent = 'ada@desk'; }")
        take(page, "review")


def test_the_report(shell: Shell, page: Page) -> None:
    page.goto((shell.home / "reports" / "spring_launch.html").as_uri())
    take(page, "report")


def test_a_page_of_another_layout_would_be_noticed() -> None:
    kept = Image.open(KEPT / "review.jpg")
    other = Image.open(KEPT / "report.jpg")

    assert float(np.abs(reduce(kept) - reduce(other)).mean()) > MOST_DIFFERENCE


@pytest.mark.parametrize("name", ["gallery", "review", "report"])
def test_each_is_shown_in_a_page(name: str) -> None:
    pages: list[Path] = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    shown = [page.name for page in pages if f"images/{name}.jpg)" in page.read_text("utf-8")]
    assert shown
