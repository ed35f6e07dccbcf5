"""Live mode on a service in another process: what is bought, published, and kept secret."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.clock import SystemClock
from nbp_dagster.oxen.client import OxenClient
from nbp_dagster.oxen.retry import RetryPolicy
from nbp_dagster.oxen.transport import RequestsTransport
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.processes import PATIENCE, ROOT, Shell
from tests.rigs.service import ServiceProbe

KEY = "live-key-0b5e7c1d94"
# The sheets of two characters, and three prompts.
DISTINCT = 5
REPOSITORY = "simulated-user/campaigns"
AUTHOR: dict[str, Any] = {"author_name": "Marketing", "author_email": "marketing@example.com"}


@dataclass(frozen=True)
class BoughtCampaign:
    """A campaign that was made, and the service it was bought from."""

    shell: Shell
    service: ServiceProbe

    @property
    def folder(self) -> Path:
        """The finished set."""
        return self.shell.home / "sets" / "winter"

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "manifest.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProbe]:
    folder = tmp_path_factory.mktemp("service")
    with Shell(folder).simulator("--latency", "0.05") as probe:
        yield probe


@pytest.fixture(scope="module")
def bought(tmp_path_factory: pytest.TempPathFactory, service: ServiceProbe) -> BoughtCampaign:
    """Three prompts made by one `nbp run`."""
    shell = Shell(
        tmp_path_factory.mktemp("live"),
        NBP_MODE="live",
        OXEN_API_KEY=KEY,
        OXEN_BASE_URL=service.url,
        NBP_PUBLISH_REPOSITORY=REPOSITORY,
        NBP_PUBLISH_AUTHOR_NAME=AUTHOR["author_name"],
        NBP_PUBLISH_AUTHOR_EMAIL=AUTHOR["author_email"],
    )
    shots = (shot("kitchen"), shot("garden", characters=["ben"]), shot("attic", characters=[]))
    write_briefs(shell.briefs, campaign(*shots))
    bills = service.bills
    done = shell.nbp("run", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert service.bills - bills == DISTINCT
    return BoughtCampaign(shell, service)


def publish(shell: Shell) -> subprocess.CompletedProcess[str]:
    """Materialize `published_sets` of the campaign with Dagster's own command."""
    words = ["asset", "materialize", "-m", "definitions", "--select", "published_sets"]
    return shell.dagster(*words, "--partition", "winter")


def open_client(service: ServiceProbe) -> OxenClient:
    return OxenClient(
        service.url,
        api_key=KEY,
        transport=RequestsTransport(),
        clock=SystemClock(),
        retry=RetryPolicy(),
    )


def test_the_set_is_not_marked_as_simulated_and_names_the_jobs_that_were_paid(
    bought: BoughtCampaign,
) -> None:
    manifest = bought.manifest

    assert manifest["simulated"] is False
    assert manifest["missing"] == []
    assert [row["billed"] for row in manifest["pictures"]] == [True, True, True]
    assert manifest["totals"]["spent_usd"] == "0.45"


def test_a_second_run_buys_nothing(bought: BoughtCampaign) -> None:
    bills = bought.service.bills

    done = bought.shell.nbp("run", "--yes", "--json")

    assert json.loads(done.stdout)["complete"] is True
    assert bought.service.bills == bills


def test_a_set_is_published_as_one_commit_and_again_as_none(bought: BoughtCampaign) -> None:
    client = open_client(bought.service)

    first = publish(bought.shell)
    again = publish(bought.shell)

    assert first.returncode == 0, first.stderr
    assert again.returncode == 0, again.stderr
    puts = bought.service.requests(f"/api/repos/{REPOSITORY}/file/main/winter")
    # The manifest is there already, so nothing is sent again.
    assert [put["status"] for put in puts if put["method"] == "PUT"] == [200]
    names = ["index.html", "manifest.json", "contact_sheet.jpg"]
    for name in (*names, *(row["file"] for row in bought.manifest["pictures"])):
        url = client.presign_file(REPOSITORY, "main", f"winter/{name}")
        assert client.download(url) == (bought.folder / name).read_bytes()


def test_the_key_is_in_no_output_and_no_file(bought: BoughtCampaign) -> None:
    bought.shell.nbp("plan")
    bought.shell.nbp("plan", "--json")

    assert any("winter/kitchen" in text for text in bought.shell.said)
    assert [text for text in bought.shell.said if KEY in text] == []
    files = [path for path in bought.shell.home.rglob("*") if path.is_file()]
    assert files
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


def test_a_simulated_set_is_never_published(tmp_path: Path) -> None:
    shell = Shell(
        tmp_path,
        NBP_PUBLISH_REPOSITORY=REPOSITORY,
        **{f"NBP_PUBLISH_{name.upper()}": value for name, value in AUTHOR.items()},
    )
    write_briefs(shell.briefs, campaign(shot("attic", characters=[])))
    assert shell.nbp("run").returncode == 0

    done = publish(shell)

    assert done.returncode == 1
    assert "simulated pictures, and those are never published" in done.stdout + done.stderr


def test_the_client_s_contract_holds_across_processes(
    service: ServiceProbe, request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--base-url", default=None) is not None:
        pytest.skip("this very run holds the contract against a running service")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]

    done = subprocess.run(
        [*command, "tests/contract/test_client.py", "--base-url", service.url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout
