"""Starting, stopping and restarting."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.fakes.painter import paint_plainly
from tests.unit.simulator.conftest import MODEL, Api, StartSimulator

PROGRAM = """
import sys
from pathlib import Path
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import serve
options = SimulatorOptions(latency=3600.0, slots=1, state_dir=Path(sys.argv[1]))
serve(options, port=0, ready=lambda url: print(url, flush=True))
"""


def make_server(**options: object) -> SimulatorServer:
    settings = SimulatorOptions(**{"latency": 0.0, **options})  # type: ignore[arg-type]
    return SimulatorServer(settings, painter=paint_plainly)


def test_a_server_starts_fast_listens_on_loopback_and_starts_again() -> None:
    server = make_server()
    for _ in range(2):
        begin = time.monotonic()
        with server:
            assert time.monotonic() - begin < 0.5
            assert server.url.startswith("http://127.0.0.1:")
            assert Api(server.url).read("/_simulator/health")["status"] == "ok"
        with pytest.raises(requests.ConnectionError):
            requests.get(server.url, timeout=2)


def test_two_servers_share_nothing(start: StartSimulator) -> None:
    first, second = start(), start()
    first.make()

    assert (first.bills()["count"], second.bills()["count"]) == (1, 0)


def test_stopping_does_not_wait_for_open_streams_or_slow_answers(start: StartSimulator) -> None:
    with make_server() as server:
        api = Api(server.url)
        api.script(kind="slow", seconds=600, path="/users/")
        stream = api.session.get(f"{api.url}/api/events", stream=True, timeout=10)
        with pytest.raises(requests.ReadTimeout):
            api.session.get(f"{api.url}/api/users/me", timeout=0.1)
        begin = time.monotonic()
    assert time.monotonic() - begin < 2
    stream.close()


def test_a_taken_port_is_named(start: StartSimulator) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
            SimulatorServer(port=port).start()


def test_starting_twice_is_refused() -> None:
    with make_server() as server, pytest.raises(RuntimeError, match="already running"):
        server.start()


def test_a_restart_with_the_same_folder_knows_jobs_bills_and_files(tmp_path: Path) -> None:
    with make_server(state_dir=tmp_path) as server:
        api = Api(server.url)
        done = api.make("a", num_generations=1)
        failed = api.make("b [[sim:fail]]")
        (stuck,) = api.enqueue("c [[sim:stuck]]")
        picture = api.download(done)
        bills = api.bills()
        api.post("/api/repos", namespace="acme", name="assets")

    with make_server(state_dir=tmp_path) as server:
        api = Api(server.url)
        again = api.job(done["generation_id"])
        assert again["completed_at"] == done["completed_at"]
        assert api.download(again) == picture
        assert api.job(failed["generation_id"])["error_message"] == failed["error_message"]
        assert api.job(stuck)["status"] == "processing"
        assert api.bills() == bills
        assert api.read("/api/repos/acme/assets")["repository"]["name"] == "assets"
        assert api.download(api.make("a")) != picture


def test_a_killed_process_comes_back_to_its_jobs(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        ids = Api(process.stdout.readline().strip()).enqueue(num_generations=2)
    finally:
        process.kill()
        process.communicate()

    with make_server(state_dir=tmp_path) as server:
        api = Api(server.url)
        assert [api.wait(generation_id)["status"] for generation_id in ids] == ["succeeded"] * 2
        assert api.bills()["count"] == 2


def test_without_a_folder_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with make_server() as server:
        api = Api(server.url)
        api.make(input_image=["data:image/png;base64,AAAA"])
        assert list(tmp_path.iterdir())

    assert list(tmp_path.iterdir()) == []


def test_a_serving_process_ends_quietly_on_an_interrupt(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    process.send_signal(2)

    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == 0


@pytest.mark.parametrize(
    "options",
    [{"latency": -1}, {"slots": 0}, {"rate_limit": 0}, {"max_in_flight": 0}],
)
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        SimulatorOptions(**options)  # type: ignore[arg-type]


def test_the_live_schema_is_offered_on_request(start: StartSimulator) -> None:
    api = start(schema="live")

    assert "request_schema" in api.read(f"/api/ai/models/{MODEL}")
    assert api.make(aspect_ratio="21:9")["status"] == "succeeded"
