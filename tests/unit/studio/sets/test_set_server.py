"""The server of finished sets: files of the folder to browsers of this machine, nothing else."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.studio.sets.set_server import HOST, PortTaken, open_set_server


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    sets = tmp_path / "sets"
    (sets / "winter").mkdir(parents=True)
    (sets / "winter" / "index.html").write_text("<h1>winter</h1>")
    (sets / ".winter.set.staged").write_text("not finished")
    (tmp_path / "ledger.sqlite").write_text("money")
    (sets / "way_out").symlink_to(tmp_path)
    with open_set_server(sets, 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def get(port: int, path: str, *, method: str = "GET", host: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    connection.request(method, path, headers={"Host": host} if host else {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_a_gallery_is_served(port: int) -> None:
    assert get(port, "/winter/index.html") == (200, "<h1>winter</h1>")
    assert get(port, "/winter/index.html?12ab", host=f"localhost:{port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../ledger.sqlite",
        "/%2e%2e/ledger.sqlite",
        "/way_out/ledger.sqlite",
        "/.winter.set.staged",
        "/winter/missing.jpg",
    ],
)
def test_nothing_else_is(port: int, path: str) -> None:
    status, text = get(port, path)

    assert status == 404
    assert "money" not in text


def test_a_page_of_another_site_reads_nothing_under_a_name_of_its_own(port: int) -> None:
    assert get(port, "/winter/index.html", host=f"evil.example:{port}")[0] == 404


def test_nothing_is_written(port: int) -> None:
    assert get(port, "/winter/index.html", method="PUT")[0] == 501


def test_a_port_that_is_taken_is_one_line(port: int, tmp_path: Path) -> None:
    with pytest.raises(PortTaken, match=f"port {port} .* give another"):
        open_set_server(tmp_path, port)
