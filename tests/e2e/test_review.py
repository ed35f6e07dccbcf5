"""`nbp review` as a process: decisions over HTTP, another picture asked for, and wrong commands."""

import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import Process, Shell, wait_for
from tests.rigs.service import ServiceProbe

WINTER = "/c/winter"


@pytest.fixture(scope="module")
def latency() -> str:
    return "1"


@dataclass
class ReviewPage:
    """A page of a running `nbp review`, as a browser asks it."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, **query: str) -> requests.Response:
        accept = {"Accept": "text/html" if "picture" in path or path == "/" else "application/json"}
        return self.session.get(f"{self.url}{path}", params=query, headers=accept, timeout=60)

    def seen(self, file: str) -> dict[str, str]:
        """The fields of a form about a picture."""
        page = self.get(f"{WINTER}/picture", file=file).text
        names = ("form_key", "file", "sha256", "number")
        return {name: re.findall(rf'name="{name}" value="([^"]*)"', page)[0] for name in names}

    def post(self, path: str, fields: dict[str, str]) -> requests.Response:
        return self.session.post(
            f"{self.url}{path}",
            data=fields,
            headers={"Accept": "application/json", "Origin": self.url},
            timeout=60,
        )


@pytest.fixture
def shell(service: ServiceProbe, tmp_path: Path) -> Shell:
    """A campaign of two pictures, made and paid."""
    made = Shell(tmp_path, NBP_MODE="live", OXEN_API_KEY="key-1", OXEN_BASE_URL=service.url)
    shots = (shot("kitchen", characters=[]), shot("attic", characters=[]))
    write_briefs(made.briefs, campaign(*shots))
    done = made.nbp("run", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@contextmanager
def reviewing(shell: Shell, *words: str, **settings: str) -> Iterator[tuple[ReviewPage, Process]]:
    with shell.started("review", "--port", "0", *words, **settings) as process:

        def address() -> str:
            assert process.is_running, process.output
            found = re.search(r"http://\S+:\d+(?=/\n)", process.output)
            return found.group(0) if found else ""

        yield ReviewPage(wait_for(address, what="address of the page")), process


def first_file(page: ReviewPage) -> str:
    return re.findall(r'data-file="([^"]+)"', page.get(WINTER + "?state=").text)[0]


def decisions(shell: Shell) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(shell.home / "ledger.sqlite")) as ledger:
        return ledger.execute("SELECT verdict, reason FROM decisions ORDER BY id").fetchall()


def test_another_picture_is_quoted_made_once_and_stands_pending(
    shell: Shell, service: ServiceProbe
) -> None:
    with reviewing(shell) as (page, _):
        file = first_file(page)
        seen = page.seen(file)
        quoted = page.get(f"{WINTER}/quote", file=file, note="A cat sleeps").json()
        assert (quoted["price_usd"], quoted["over"], service.bills) == ("0.15", [], 2)

        asked = page.post(f"{WINTER}/ask", {**seen, "note": "A cat sleeps", "price_usd": "0.15"})
        assert asked.status_code == 200, asked.text
        again = page.post(f"{WINTER}/ask", {**seen, "note": "A cat sleeps", "price_usd": "0.15"})
        assert again.status_code == 409
        wait_for(
            lambda: page.seen(file)["sha256"] != seen["sha256"], what="another picture", every=0.5
        )
        wait_for(
            lambda: {row["state"] for row in page.get(f"{WINTER}/runs").json()["runs"]} == {"done"},
            what="end of the run",
            every=0.2,
        )

        assert service.bills == 3
        assert page.get(f"{WINTER}/earlier", file=file).status_code == 200
        assert "A cat sleeps." in page.get(f"{WINTER}/picture", file=file).text
    assert decisions(shell) == [("rejected", "asked again: A cat sleeps.")]
    assert shell.nbp("run", "--yes").returncode == 0
    assert service.bills == 3


def ask_for_another(page: ReviewPage, file: str) -> tuple[str, str]:
    """Ask for another picture and wait for it; return the digests of the first and of it."""
    seen = page.seen(file)
    fields = {**seen, "note": "A cat sleeps", "price_usd": "0.15"}
    assert page.post(f"{WINTER}/ask", fields).status_code == 200
    return seen["sha256"], wait_for_other(page, file, seen["sha256"])


def wait_for_other(page: ReviewPage, file: str, digest: str) -> str:
    """Wait until a picture has other bytes and its run is over; return their digest."""
    wait_for(lambda: page.seen(file)["sha256"] != digest, what="the other picture", every=0.5)
    wait_for(
        lambda: {row["state"] for row in page.get(f"{WINTER}/runs").json()["runs"]} == {"done"},
        what="end of the run",
        every=0.2,
    )
    return page.seen(file)["sha256"]


def test_the_version_before_is_taken_back_and_forth_and_nothing_is_bought(
    shell: Shell, service: ServiceProbe
) -> None:
    with reviewing(shell) as (page, _):
        file = first_file(page)
        first, other = ask_for_another(page, file)
        assert service.bills == 3

        assert page.post(f"{WINTER}/keep", page.seen(file)).status_code == 200
        assert wait_for_other(page, file, other) == first
        assert 'data-state="pending"' in page.get(f"{WINTER}/picture", file=file).text
        assert page.post(f"{WINTER}/keep", page.seen(file)).status_code == 200
        assert wait_for_other(page, file, first) == other

    assert shell.nbp("run", "--yes").returncode == 0
    assert service.bills == 3
    assert [verdict for verdict, _ in decisions(shell)] == ["rejected", "withdrawn"]


def test_where_there_is_no_version_before_none_is_taken_back(shell: Shell) -> None:
    with reviewing(shell) as (page, _):
        refused = page.post(f"{WINTER}/keep", page.seen(first_file(page)))

    assert refused.status_code == 400
    assert "there is no earlier version here" in refused.json()["error"]


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_a_page_that_ends_leaves_what_was_asked_for_to_its_run(
    shell: Shell, service: ServiceProbe, ending: signal.Signals
) -> None:
    with reviewing(shell) as (page, process):
        file = first_file(page)
        fields = {**page.seen(file), "note": "A cat sleeps", "price_usd": "0.15"}
        assert page.post(f"{WINTER}/ask", fields).status_code == 200
        process.send(ending)
        process.wait(30)

    # Whether its own run still goes on, or died with it: another one makes what is asked for.
    assert shell.nbp("run", "--yes").returncode == 0
    assert service.bills == 3


def test_a_decision_outlives_the_page(shell: Shell) -> None:
    with reviewing(shell) as (page, process):
        fields = {**page.seen(first_file(page)), "verdict": "approved"}
        assert page.post(f"{WINTER}/decide", fields).status_code == 200
        process.send(signal.SIGKILL)
        process.wait(30)

    assert [verdict for verdict, _ in decisions(shell)] == ["approved"]
    with reviewing(shell) as (page, _):
        assert "1 approved" in page.get("/").text


def test_ctrl_c_ends_the_page(shell: Shell) -> None:
    with reviewing(shell) as (_, process):
        process.send(signal.SIGINT)

        assert process.wait(15) == 0
        assert "Traceback" not in process.output


def test_a_network_needs_a_token_which_is_never_printed(shell: Shell) -> None:
    refused = shell.nbp("review", "--listen", "0.0.0.0")
    assert refused.returncode == 1
    assert "set NBP_REVIEW_TOKEN" in refused.stderr
    assert "Traceback" not in refused.stderr

    token = "a long text that nobody guesses"
    with reviewing(shell, "--listen", "0.0.0.0", NBP_REVIEW_TOKEN=token) as (page, process):
        answer = page.get("/")
        assert answer.status_code == 403
        assert "winter" not in answer.text
        assert token not in answer.text + process.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--share", "summer"), "there is no finished set 'summer'"),
        (("--share", "../winter"), "there is no finished set '../winter'"),
        (("--days", "0"), "--days"),
    ],
)
def test_a_wrong_command_is_one_line(shell: Shell, words: tuple[str, ...], told: str) -> None:
    done = shell.nbp("review", *words)

    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_share_link_is_printed_and_opens_that_set(shell: Shell) -> None:
    with reviewing(shell) as (page, _):
        link = shell.nbp("review", "--share", "winter", "--url", page.url).stdout.strip()

        shown = requests.get(link, timeout=60)

    assert shown.status_code == 200
    assert "Kitchen" in shown.text
    assert 'name="form_key"' not in shown.text
