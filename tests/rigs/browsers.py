"""Debian's Chromium, headless, for the tests of pages; import its two fixtures by their names."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
# No sandbox: CI runs as root in a container. The rest keeps the browser itself off the network.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        word = f"{CHROMIUM} is not installed; pages are not tested without it (apt: chromium)"
        if os.environ.get("CI"):
            pytest.fail(word)
        pytest.skip(word)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=list(ARGUMENTS), headless=True
        )
        yield started
        started.close()


@pytest.fixture(scope="module", autouse=True)
def patience() -> Iterator[None]:
    """On a busy machine a page may need longer than the 5 seconds of the default."""
    expect.set_options(timeout=20_000)
    yield
    expect.set_options(timeout=5_000)
