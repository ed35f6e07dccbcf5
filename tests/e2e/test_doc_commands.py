"""Every command of the README and the docs runs, each page in a fresh copy of the repository."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from tests.rigs.processes import ROOT, Answered, Shell
from tests.rigs.service import ServiceProbe

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
SHELLS = ("bash", "sh", "shell", "console")
# What begins a command: a block with one has to say that it is for a shell.
PROGRAMS = re.compile(
    r"^\s*(\$ |(export|nbp|dg|dagster|make|pip|pytest|python|uv|uvx|curl|cp|source)\s)"
)

# Pages whose commands another test runs.
ELSEWHERE = {"component.md": "tests/e2e/test_packaging.py runs them on the built wheel"}

# Commands that are not run, by how they begin, and why.
NOT_RUN: Mapping[str, str] = {
    "make dev": "a web server that runs until it is stopped; tests/e2e/test_dagster_ui.py",
    "make test": "these tests",
    "make check": "these tests, and the lint that continuous integration runs",
    "make audit": "judges the environment it runs in; tests/audit",
    "make install": "fetches packages from a registry",
    "make bench": "takes half an hour",
    "make crash": "takes five minutes; tests/crash runs its short form",
    ".venv/bin/python -m tests.crash": "takes minutes",
    "OXEN_API_KEY=... .venv/bin/python -m pytest": "needs the real service",
    "OXEN_API_KEY=... pytest": "needs the real service",
    "pytest tests/contract": "these tests",
    ".venv/bin/pre-commit install": "writes hooks into a git clone, which the copy is not",
    "nbp gallery --serve": "a web server that runs until it is stopped; test_set_server.py",
    "nbp review": "a web server that runs until it is stopped; tests/e2e/test_review.py",
    "nbp simulator": "a service that runs until it is stopped; the tests of live mode start it",
    "pg_dump": "needs a database server; test_restore.py runs it",
    "pg_restore": "needs a database server; test_restore.py runs it",
    "tar -cf backup/store.tar": "needs a store that machines share; test_restore.py runs it",
    'mkdir -p "${NBP_STORE_URL': "needs a store that machines share; test_restore.py runs it",
    "nbp ledger settle": "needs a purchase of which no list can prove whether it was made",
    "nbp ledger adopt-account north": "needs a ledger that another account has bought with",
}

PREPARED: Mapping[str, str] = {
    # Candidates to choose from, which the sample leaves to `auto_pin`.
    "characters.md": "sed -i 's/^    auto_pin: true/    candidates: 3/' "
    "assets_config/brands/solstice.yaml && { nbp run spring_launch || true; } "
    "&& nbp sheets pin solstice/mira 1",
    "marking.md": "cp $(find .nbp/sets/spring_launch -name '*9x16*' | head -n 1) found.jpg",
}
"""What a page takes to be there, made by these commands."""

# What somebody types at the questions of a page.
ANSWERS = "\n".join(["y"] * 6)
REPOSITORY = "acme/campaigns"
# As the pages write it.
KEY = "..."


@dataclass(frozen=True)
class Block:
    """A fenced block of a page: its language, empty where none is said, and its lines."""

    language: str
    lines: tuple[str, ...]


def list_pages() -> Iterator[Path]:
    yield from (ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    yield from sorted((ROOT / "docs").glob("*.md"))


def list_blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page; a line that ends in a backslash goes on in the next."""
    return [
        Block(language, tuple(text.replace("\\\n", " ").splitlines()))
        for _, language, text in FENCE.findall(page.read_text("utf-8"))
    ]


def join_quotes(lines: tuple[str, ...]) -> Iterator[str]:
    """Yield commands; one whose quotes are open goes on in the next line."""
    begun = ""
    for line in lines:
        begun = f"{begun}\n{line}" if begun else line.strip()
        try:
            is_something = bool(shlex.split(begun, comments=True))
        except ValueError:
            continue
        if is_something:
            yield begun
        begun = ""


def list_commands(page: Path) -> list[str]:
    """Return every command of a page, in order."""
    return [
        command
        for block in list_blocks(page)
        if block.language in SHELLS
        for command in join_quotes(block.lines)
    ]


def why_not_run(command: str) -> str | None:
    """Return how a command begins that is not run, as the list says it."""
    return next((start for start in NOT_RUN if command.startswith(start)), None)


def list_runnable(page: Path) -> list[str]:
    """Return the commands of a page that are run; what it repeats is run once."""
    commands = dict.fromkeys(list_commands(page))
    return [command for command in commands if why_not_run(command) is None]


OTHER_PAGES = [
    page
    for page in list_pages()
    # Two have a test of their own.
    if page.name not in {"README.md", "costs.md", *ELSEWHERE} and list_runnable(page)
]
# The longest first, so that none is left to be waited for at the end.
OTHER_PAGES.sort(key=lambda page: -len(list_runnable(page)))


class Checkout:
    """A copy of the repository as `git clone` and `make install` leave it.

    Args:
        folder: Where the copy is made.
        service: Stands in for Oxen in live mode.
        like: Another copy, whose state this one begins with.
    """

    def __init__(
        self, folder: Path, service: ServiceProbe, *, like: "Checkout | None" = None
    ) -> None:
        self.folder = folder
        names = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for name in filter(None, names.split("\0")):
            if (ROOT / name).is_file() and not name.startswith("tests/"):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        for brief in (folder / "assets_config" / "campaigns").iterdir():
            # No command is about it, and 1K has few pixels to paint.
            text = brief.read_text("utf-8")
            brief.write_text(re.sub("resolution: [24]K", "resolution: 1K", text), "utf-8")
        link_environment(folder / ".venv")
        if like is not None:
            shutil.copytree(like.folder / ".nbp", folder / ".nbp")
        self._shell = Shell(folder, PYTHONPATH=str(folder), OXEN_BASE_URL=service.url)

    def run(self, commands: list[str], **settings: str) -> Answered:
        """Run commands one after the other in one terminal, up to the first that fails."""
        script = "\n".join(["set -e -o pipefail", *commands])
        return self._shell.at_terminal("bash", "-c", script, answer=ANSWERS, **settings)


def link_environment(folder: Path) -> None:
    """Make a virtual environment of links to the one that runs the tests."""
    source = Path(sys.prefix)
    (folder / "bin").mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("bin", ".installed"):
            (folder / path.name).symlink_to(path)
    for path in (source / "bin").iterdir():
        (folder / "bin" / path.name).symlink_to(path)
    activate = folder / "bin" / "activate"
    text = activate.read_text("utf-8").replace(str(source), str(folder))
    activate.unlink()
    activate.write_text(text, encoding="utf-8")
    # Newer than the lock, so that make has nothing to install.
    (folder / ".installed").touch()


def require_success(done: Answered, page: str) -> None:
    assert done.status == 0, f"{page}: {done.screen}"
    for bad in ("Traceback", "does not match the virtual environment"):
        assert bad not in done.screen, f"{page}: {done.screen}"


SIMULATOR = ("--latency", "0.05", "--painter", "plain")
LIVE = {"NBP_MODE": "live", "OXEN_API_KEY": KEY}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProbe]:
    with Shell(tmp_path_factory.mktemp("service")).simulator(*SIMULATOR) as probe:
        yield probe


@dataclass(frozen=True)
class Followed:
    """The pages that somebody follows, two at a time; a test waits for the one that it is about.

    Attributes:
        readme: What the terminal shows, and the service's bills at the end.
        pages: What the terminal shows, by the page's name.
    """

    readme: "Future[tuple[Answered, int]]"
    pages: Mapping[str, "Future[Answered]"]


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory, service: ServiceProbe) -> Iterator[Followed]:
    create_repository(service)
    folder = tmp_path_factory.mktemp("pages")
    with ThreadPoolExecutor(2) as pool:
        readme = pool.submit(follow_readme, folder / "readme")
        made = pool.submit(make_campaign, folder / "made", service)
        yield Followed(
            readme,
            {
                page.name: pool.submit(follow, page, folder / page.stem, made, service)
                for page in OTHER_PAGES
            },
        )


def follow_readme(folder: Path) -> tuple[Answered, int]:
    with Shell(folder / "service").simulator(*SIMULATOR) as service:
        commands = list_runnable(ROOT / "README.md")
        return Checkout(folder / "checkout", service).run(commands), service.bills


def make_campaign(folder: Path, service: ServiceProbe) -> Checkout:
    """Return a copy whose home has the sample campaign, bought in live mode."""
    checkout = Checkout(folder, service)
    done = checkout.run(["source .venv/bin/activate", "nbp run spring_launch"], **LIVE)
    require_success(done, "the sample")
    return checkout


def follow(page: Path, folder: Path, made: "Future[Checkout]", service: ServiceProbe) -> Answered:
    """Run what a page takes to be there and then its commands, where the sample is made."""
    checkout = Checkout(folder / "checkout", service, like=made.result())
    if page.name == "resource.md":
        save_example(page, checkout.folder)
    prepared = [PREPARED[page.name]] if page.name in PREPARED else []
    commands = ["source .venv/bin/activate", *prepared, *list_runnable(page)]
    if page.name != "simulator.md":
        return checkout.run(commands, **LIVE)
    # What it scripts would strike the other pages' requests.
    with Shell(folder / "service").simulator() as own:
        return checkout.run(commands, URL=own.url, **LIVE)


def test_the_readme_can_be_followed_from_a_clone_to_paid_pictures(followed: Followed) -> None:
    done, bills = followed.readme.result()

    require_success(done, "README.md")
    # The sheet and twelve prompts, once: the second half of the page is in live mode.
    assert bills == 13
    assert "13 of 13 to buy, 1.95 USD" in done.screen


@pytest.mark.parametrize("name", [page.name for page in OTHER_PAGES])
def test_the_commands_of_a_page_run(name: str, followed: Followed) -> None:
    require_success(followed.pages[name].result(), name)


def test_the_tutorial_comes_to_what_it_says(followed: Followed) -> None:
    page = ROOT / "docs" / "tutorial.md"
    screen = followed.pages[page.name].result().screen

    # The brand and the campaign, made; a trait edited, of which one sheet and its pictures are due.
    assert "5 of 5 to buy, 0.75 USD (simulated" in screen
    assert "traits of runa edited" in screen
    assert "4 of 5 to buy, 0.60 USD (simulated" in screen
    assert screen.count("autumn: 3 of 3 prompts have their pictures") == 2
    assert "marlow_autumn.zip" in screen
    # Each is run as it stands there: a command that is repeated would be run once.
    commands = list_commands(page)
    assert len(commands) == len(set(commands))
    assert f"{len(commands)} commands" in page.read_text("utf-8")


def create_repository(service: ServiceProbe) -> None:
    """Make the repository that the recipe publishes to."""
    author: dict[str, Any] = {"author_name": "Marketing", "author_email": "m@example.com"}
    client = OxenClient(
        service.url,
        api_key=KEY,
        transport=RequestsTransport(),
        clock=SystemClock(),
        retry=RetryPolicy(),
    )
    client.create_repository(REPOSITORY, **author)


def save_example(page: Path, folder: Path) -> None:
    """Write the first Python block of a page under the name that its commands use."""
    block = next(block for block in list_blocks(page) if block.language == "python")
    (folder / "teapots.py").write_text("\n".join(block.lines), encoding="utf-8")


def test_the_quote_in_the_costs_is_what_plan_says(service: ServiceProbe, tmp_path: Path) -> None:
    page = ROOT / "docs" / "costs.md"
    [quote] = [block.lines[0] for block in list_blocks(page) if block.language == "text"]

    done = Checkout(tmp_path, service).run(["source .venv/bin/activate", *list_runnable(page)])

    assert quote in done.screen.splitlines()


def test_every_command_is_in_a_block_that_says_it_is_for_a_shell() -> None:
    for page in list_pages():
        for block in list_blocks(page):
            if block.language in ("", "text"):
                assert [line for line in block.lines if PROGRAMS.match(line)] == [], page.name


def test_every_command_that_is_not_run_is_in_a_page() -> None:
    commands = [command for page in list_pages() for command in list_commands(page)]

    assert {why_not_run(command) for command in commands} - {None} == set(NOT_RUN)
    assert ELSEWHERE.keys() | PREPARED.keys() <= {page.name for page in list_pages()}


def test_a_command_that_fails_fails_its_page(service: ServiceProbe, tmp_path: Path) -> None:
    done = Checkout(tmp_path, service).run(
        ["source .venv/bin/activate", "nbp no_such_command", "echo went on"]
    )

    assert done.status != 0
    assert "No such command" in done.screen
    assert "went on" not in done.screen
