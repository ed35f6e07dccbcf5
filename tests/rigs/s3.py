"""A real S3 server in a process of its own, for tests of what is published to buckets."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

_SECONDS = 60.0


@contextmanager
def serve_s3(*buckets: str) -> Iterator[str]:
    """Run the server, and yield its address once the buckets are there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(server, address)
        for bucket in buckets:
            requests.put(f"{address}/{bucket}", timeout=_SECONDS).raise_for_status()
        yield address
    finally:
        server.kill()
        server.wait()


def _wait(server: "subprocess.Popen[bytes]", address: str) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        assert server.poll() is None, "the S3 server ended"
        try:
            requests.get(address, timeout=5)
        except requests.RequestException:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the S3 server does not answer")
