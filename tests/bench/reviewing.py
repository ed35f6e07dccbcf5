"""How long the pages of `nbp review` take over a set of 10,000 pictures."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import requests

from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.manifest.manifest import SetManifest
from nbp_dagster.studio.manifest.manifest_file import MANIFEST, write_manifest
from nbp_dagster.studio.review.approvals import place_of
from nbp_dagster.studio.review.decision_log import Decision, DecisionLog
from tests.bench.figures import Figure, at_most
from tests.bench.report import Report
from tests.rigs.processes import Shell, wait_for
from tests.rigs.sets import build_long_set

_CAMPAIGN = "spring_launch"
# As pictures of a campaign with words and characters have them.
_CHECKS = 22
_GOAL_SECONDS = 1.0
_ACCEPT = {"Accept": "text/html"}


def measure_review(report: Report) -> None:
    """Print the seconds of each page, from the request to its last byte."""
    count = report.scale.reviewed
    shell = Shell(report.folder / "review")
    _write_set(shell.home, count)
    size = (shell.home / "sets" / _CAMPAIGN / MANIFEST).stat().st_size
    with shell.started("review", "--port", "0") as process:

        def address() -> str:
            found = re.search(r"http://\S+:\d+(?=/\n)", process.output)
            return found.group(0) if found else ""

        url = wait_for(address, what="address of the page", every=0.02)
        ask = _Asking(url)
        began = time.monotonic()
        first = ask.time("/")
        wait_for(lambda: "being read" not in ask.text("/"), what="the set", every=0.1)
        read = time.monotonic() - began
        sheet = f"/c/{_CAMPAIGN}"
        pages = {
            "list, while the set is read": first,
            "list": ask.time("/"),
            "contact sheet": ask.time(sheet),
            "contact sheet, last page": ask.time(f"{sheet}?page={count // 60}"),
            "what waits and fails a check": ask.time(f"{sheet}?state=pending&check=any"),
            "a picture": ask.time(f"{sheet}/picture?file={ask.first_file(sheet)}"),
            "a decision": ask.decide(sheet),
            "report": ask.time(f"{sheet}/report"),
        }
    rows = [
        at_most(name, seconds, _GOAL_SECONDS, form="{:.2f} s") for name, seconds in pages.items()
    ]
    rows.append(Figure(f"the set is read, {size / 1e6:.0f} MB", f"{read:.1f} s"))
    report.show(f"nbp review over {count:,} pictures", rows)


class _Asking:
    """A browser that reads whole pages, each three times: the slowest counts."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    def text(self, path: str) -> str:
        answer = self._session.get(f"{self._url}{path}", headers=_ACCEPT, timeout=120)
        answer.raise_for_status()
        return answer.text

    def time(self, path: str) -> float:
        return max(_time(lambda: self.text(path)) for _ in range(1 if path == "/" else 3))

    def first_file(self, sheet: str) -> str:
        return re.findall(r'data-file="([^"]+)"', self.text(sheet))[0]

    def decide(self, sheet: str) -> float:
        """Approve the first picture."""
        page = self.text(f"{sheet}/picture?file={self.first_file(sheet)}")
        names = ("form_key", "file", "sha256", "number")
        form = {name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in names}
        headers = {"Accept": "application/json", "Origin": self._url}

        def post() -> None:
            fields = {**form, "verdict": "approved"}
            answer = self._session.post(
                f"{self._url}{sheet}/decide", data=fields, headers=headers, timeout=120
            )
            answer.raise_for_status()

        return _time(post)


def _time(act: Callable[[], object]) -> float:
    started = time.monotonic()
    act()
    return time.monotonic() - started


def _write_set(home: Path, count: int) -> None:
    """Write a set of which nine in ten pictures are decided."""
    manifest = _make_manifest(count)
    folder = home / "sets" / _CAMPAIGN
    folder.mkdir(parents=True)
    write_manifest(manifest, folder / MANIFEST)
    engine = open_ledger(home / "ledger.sqlite")
    drafts = [
        Decision(
            place=place_of(picture),
            brand=manifest.brand.id,
            campaign=_CAMPAIGN,
            number=1,
            verdict="approved",
            who="ada",
        )
        for picture in manifest.pictures[count // 10 :]
    ]
    DecisionLog(engine, clock=SystemClock()).decide(drafts)
    engine.dispose()


def _make_manifest(count: int) -> SetManifest:
    """Return the manifest of a made-up set; its files are not there, and no page needs them."""
    manifest = build_long_set(count, shots=max(1, count // 60)).manifest
    rows = []
    for number, picture in enumerate(manifest.pictures):
        check = picture.checks[0]
        more = tuple(
            replace(check, name=f"check_{place}", verdict="passed") for place in range(_CHECKS)
        )
        rows.append(
            replace(picture, sha256=f"{number:064x}", checks=(*picture.checks, *more)[:_CHECKS])
        )
    return replace(manifest, pictures=tuple(rows))
