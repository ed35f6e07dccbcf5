"""A real S3 server in a process of its own, for tests of what is kept in buckets."""

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

_SECONDS = 60.0


# "PUT /pictures/images/ab/abc... HTTP/1.1" 200 -
# The answers that are errors are coloured.
_ANSWERED = re.compile(r'"(?:\x1b\[[\d;]*m)*(GET|PUT|HEAD|POST|DELETE) /(\S*) HTTP/')
_LIST = re.compile(r"^[^/?]*/?\?")


@contextmanager
def serve_s3(*buckets: str, log: Path | None = None) -> Iterator[str]:
    """Run the server, and yield its address once the buckets are there.

    Args:
        buckets: Names of the buckets.
        log: File of a line for each request; see `count_requests`.
    """
    with Bucket(*buckets, log=log) as server:
        yield server.address


class Bucket:
    """A server with buckets, which can be stopped for good, or frozen for a while.

    Attributes:
        address: Where it listens.
    """

    def __init__(self, *buckets: str, log: Path | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self._port}"
        self._buckets = buckets
        self._log = log

    def __enter__(self) -> "Bucket":
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        output = subprocess.DEVNULL if self._log is None else self._log.open("ab")
        self._server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=output)
        try:
            _wait(self._server, self.address)
            for bucket in self._buckets:
                requests.put(f"{self.address}/{bucket}", timeout=_SECONDS).raise_for_status()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._server.kill()
        self._server.wait()


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
