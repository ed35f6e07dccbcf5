"""Asking a webserver to reload: what it is asked, and what is said when it can't be."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from nbp_dagster.automation.reload import reload_through


@dataclass
class Webserver:
    """Answers every GraphQL request alike, and keeps what was asked."""

    url: str
    answer: dict[str, Any]
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)


@pytest.fixture
def webserver() -> Iterator[Webserver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.asked.append((self.path, body["variables"]))
            content = json.dumps({"data": {"reloadRepositoryLocation": served.answer}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    served = Webserver(
        url=f"http://127.0.0.1:{server.server_port}",
        answer={
            "__typename": "WorkspaceLocationEntry",
            "locationOrLoadError": {"__typename": "RepositoryLocation"},
        },
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield served
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_webserver_is_asked_for_the_location_below_its_path(webserver: Webserver) -> None:
    said = reload_through(f"{webserver.url}/dagster/")("brand_images")

    assert webserver.asked == [("/dagster/graphql", {"repositoryLocationName": "brand_images"})]
    assert said == f"{webserver.url}/dagster/ has reloaded brand_images"


def test_definitions_that_do_not_load_are_told(webserver: Webserver) -> None:
    webserver.answer = {
        "__typename": "WorkspaceLocationEntry",
        "locationOrLoadError": {"__typename": "PythonError", "message": "2 problems\nmore"},
    }

    assert reload_through(webserver.url)("brand_images").endswith(
        "could not reload brand_images: 2 problems"
    )


def test_a_webserver_that_is_not_there_is_told() -> None:
    said = reload_through("http://127.0.0.1:9")("brand_images")

    assert "http://127.0.0.1:9 could not be asked to reload brand_images" in said
    assert said.endswith("reload definitions yourself")
