"""The examples of docs/resource.md, run as they stand, on the simulator."""

import json
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nbp_dagster.automation.notifications import Notification
from nbp_dagster.studio.imaging.decode import decode_image
from tests.rigs.briefs import campaign, shot, write_briefs

PAGE = Path(__file__).parents[2] / "docs" / "resource.md"
BLOCKS = dict(
    re.findall(
        r"^```python\n# ([^\n]+)\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
]


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as ephemeral:
        yield ephemeral


def load(name: str, folder: Path) -> dict[str, Any]:
    """Execute a block as the definitions.py of a folder; return what it defines."""
    namespace: dict[str, Any] = {"__file__": str(folder / "definitions.py"), "__name__": "example"}
    exec(compile(BLOCKS[name], f"docs/resource.md: {name}", "exec"), namespace)
    return namespace


def materialize(
    defs: dg.Definitions, instance: dg.DagsterInstance, asset: str
) -> dict[str, dg.MetadataValue[Any]]:
    """Make one asset; return its metadata."""
    result = defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(asset)]
    )
    [materialization] = result.asset_materializations_for_node(asset)
    return dict(materialization.metadata)


def test_every_block_of_the_page_is_tried_here() -> None:
    count = PAGE.read_text("utf-8").count("```python")

    assert count == len(BLOCKS)
    assert sorted(BLOCKS) == [
        "Example 1",
        "Example 2",
        "Example 3",
        "Example Slack",
        "Example e-mail",
        "Example sets",
        "Fragment",
    ]


@pytest.mark.parametrize("name", ["Example 1", "Example 2", "Example 3", "Example sets"])
def test_an_example_is_a_module_that_dagster_loads(name: str, tmp_path: Path) -> None:
    """It refuses a module with two Definitions."""
    write_briefs(tmp_path / "briefs", campaign(shot("kitchen")))
    found = [item for item in load(name, tmp_path).values() if isinstance(item, dg.Definitions)]

    assert len(found) == 1
    dg.Definitions.validate_loadable(found[0])


def test_an_asset_edits_one_image_and_keeps_it(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    [command] = re.findall(r"^python -c \"(.+)\"$", PAGE.read_text("utf-8"), re.MULTILINE)
    subprocess.run([sys.executable, "-c", command], cwd=tmp_path, check=True)

    found = materialize(load("Example 1", tmp_path)["defs"], instance, "teapot_at_night")

    picture = decode_image((tmp_path / "teapot_at_night.png").read_bytes(), what="the picture")
    assert picture.image.height > picture.image.width
    assert found["oxen_images"].value == 1
    assert found["oxen_billed_usd"].value == 0.15
    assert found["oxen_drawn_by"].value == "SIMULATED"


def test_an_asset_enqueues_several_and_follows_the_events(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    found = materialize(load("Example 2", tmp_path)["defs"], instance, "views")

    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "above.png",
        "close up.png",
        "front.png",
    ]
    assert found["oxen_images"].value == 3
    assert found["oxen_billed_usd"].value == pytest.approx(0.45)
    # Price, stream, three jobs, each asked for and downloaded once.
    assert found["oxen_calls"].value == 11
    assert found["oxen_throttled"].value == 0


def test_the_fragment_names_the_partitions(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    example = load("Example 1", tmp_path)
    fragment = compile(BLOCKS["Fragment"], "docs/resource.md: Fragment", "exec")

    @dg.asset(
        partitions_def=dg.StaticPartitionsDefinition(["front", "above"]),
        backfill_policy=dg.BackfillPolicy.single_run(),
        required_resource_keys={"oxen"},
    )
    def sides(context: dg.AssetExecutionContext) -> None:
        exec(fragment, {"context": context, "oxen": context.resources.oxen})

    result = dg.materialize(
        [sides],
        instance=instance,
        resources=dict(example["defs"].resources),
        tags={
            "dagster/asset_partition_range_start": "front",
            "dagster/asset_partition_range_end": "above",
        },
    )

    made = {
        item.partition: item.metadata["oxen_images"].value
        for item in result.asset_materializations_for_node("sides")
    }
    assert made == {"front": 1, "above": 1}


def test_a_schedule_and_notifications_stand_beside_our_assets(
    tmp_path: Path, instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    write_briefs(tmp_path / "briefs", campaign(shot("kitchen"), shot("attic"), budget_usd=0.2))
    defs: dg.Definitions = load("Example 3", tmp_path)["defs"]
    dg.Definitions.validate_loadable(defs)
    repository = defs.get_repository_def()
    look(defs, instance, None)
    cursor = look(defs, instance, None)
    for name in ("brand_kits", "character_sheets"):
        make(defs, instance, name)

    with dg.build_schedule_context(instance=instance, repository_def=repository) as context:
        [request] = (
            repository.get_schedule_def("monday_morning").evaluate_tick(context).run_requests or []
        )
    result = defs.resolve_job_def("weekly_images").execute_in_process(
        instance=instance, tags=request.tags, raise_on_error=False
    )
    capsys.readouterr()
    look(defs, instance, cursor)

    assert not result.success
    title, text = capsys.readouterr().out.splitlines()
    assert title == "Marketing images of winter: a budget is reached, 2 without an image"
    assert "over budget: campaign winter allows 0.20 USD" in text
    assert text.endswith(f"https://dagster.example.com/runs/{result.run_id}")


def make(defs: dg.Definitions, instance: dg.DagsterInstance, name: str) -> None:
    key = dg.AssetKey(["acme", name])
    job = defs.get_repository_def().get_implicit_job_def_for_assets([key])
    assert job is not None
    partitions = defs.get_repository_def().asset_graph.get(key).partitions_def
    assert partitions is not None
    keys = partitions.get_partition_keys()
    job.execute_in_process(
        instance=instance,
        asset_selection=[key],
        tags={
            "dagster/asset_partition_range_start": keys[0],
            "dagster/asset_partition_range_end": keys[-1],
        },
    )


def look(defs: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None) -> str | None:
    """Look once, as the daemon would; return where the next look begins."""
    repository = defs.get_repository_def()
    context = dg.build_sensor_context(instance=instance, cursor=cursor, repository_def=repository)
    with context:
        return repository.get_sensor_def("marketing_notifications").evaluate_tick(context).cursor


NOTIFICATION = Notification(
    kind="refusals",
    title="Marketing images of winter: 1 refused",
    text="1 of 3 prompts have no image.",
    without_image=1,
    reasons=("winter/kitchen/all/1x1/v1: refused",),
    spent_usd=Decimal("0.30"),
    campaigns=("winter",),
    run_id="8d3f",
    link=None,
)


def webhook(posted: list[Any]) -> type[BaseHTTPRequestHandler]:
    """Return what keeps the messages posted to it, as a Slack webhook would."""

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing on the terminal."""

    return Webhook


def test_slack_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    posted: list[Any] = []
    with HTTPServer(("127.0.0.1", 0), webhook(posted)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SLACK_WEBHOOK", f"http://127.0.0.1:{server.server_port}/hook")
        load("Example Slack", tmp_path)["tell_slack"](NOTIFICATION)
        server.shutdown()

    assert posted == [{"text": f"*{NOTIFICATION.title}*\n{NOTIFICATION.text}"}]


def post_office(received: list[str]) -> type[socketserver.StreamRequestHandler]:
    """Return as much of SMTP as one message needs."""

    class PostOffice(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 post\r\n")
            while word := self.rfile.readline().strip().upper():
                if word == b"DATA":
                    self.wfile.write(b"354 go on\r\n")
                    while (line := self.rfile.readline().strip()) != b".":
                        received.append(line.decode())
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")

    return PostOffice


def test_an_e_mail_is_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[str] = []
    with socketserver.TCPServer(("127.0.0.1", 0), post_office(received)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("SMTP_HOST", "127.0.0.1")
        monkeypatch.setenv("SMTP_PORT", str(server.server_address[1]))
        load("Example e-mail", tmp_path)["tell_by_mail"](NOTIFICATION)
        server.shutdown()

    assert f"Subject: {NOTIFICATION.title}" in received
    assert NOTIFICATION.text in received
