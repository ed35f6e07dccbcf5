"""A real S3 server in a process of its own, for tests of what is kept in buckets."""

import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from s3fs import S3FileSystem

_SECONDS = 60.0

# A line is `... "PUT /bucket/images/ab/abc HTTP/1.1" 200 -`; that of an error is coloured.
_ANSWERED = re.compile(r'"(?:\x1b\[[\d;]*m)*(GET|PUT|HEAD|POST|DELETE) /(\S*) HTTP/')
_LIST = re.compile(r"^[^/?]*/?\?")


@contextmanager
def serve_s3(*buckets: str, log: Path | None = None) -> Iterator[str]:
    """Run the server, and yield its address once the buckets are there.

    Args:
        buckets: Names of the buckets.
        log: File of a line for each request; see `count_requests`.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with Path(log or os.devnull).open("ab") as output:
        server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=output)
    address = f"http://127.0.0.1:{port}"
    # A client that another test of this process made keeps that test's address.
    S3FileSystem.clear_instance_cache()
    try:
        _wait(server, address)
        for bucket in buckets:
            requests.put(f"{address}/{bucket}", timeout=_SECONDS).raise_for_status()
        yield address
    finally:
        server.kill()
        server.wait()


def variables_of(address: str) -> dict[str, str]:
    """Return the environment by which clients find a server."""
    return {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "not-to-be-shown",
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def count_requests(log: Path, bucket: str) -> Counter[str]:
    """Return how many requests of each kind a server has answered about a bucket.

    Kinds are the methods, and LIST for a GET of the bucket itself.
    """
    counts: Counter[str] = Counter()
    for method, path in _ANSWERED.findall(log.read_text("utf-8", "replace")):
        if path.partition("/")[0].partition("?")[0] == bucket:
            counts["LIST" if method == "GET" and _LIST.match(path) else method] += 1
    return counts


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
