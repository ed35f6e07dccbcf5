"""Serves finished sets to browsers of this machine; reads the folder of sets and nothing else."""

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from nbp_dagster.errors import NbpError

HOST = "127.0.0.1"


class PortTaken(NbpError):
    """Another program listens at the port."""


class _SetHandler(SimpleHTTPRequestHandler):
    """Answers GET and HEAD with files below its folder; logs no request.

    Args:
        look: Called before a page is read.
    """

    def __init__(self, *args: Any, look: Callable[[], object], **kwargs: Any) -> None:
        self._look = look
        super().__init__(*args, **kwargs)

    def send_head(self):  # type: ignore[no-untyped-def]  # as in the base class
        # A page of another site may reach this port under a name of its own (DNS rebinding).
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        path = unquote(urlsplit(self.path).path)
        inside = Path(self.translate_path(self.path)).resolve()
        if (
            host not in (HOST, "localhost")
            or any(part.startswith(".") for part in path.split("/"))
            or not inside.is_relative_to(Path(self.directory).resolve())
        ):
            self.send_error(404)
            return None
        if path.endswith(("/", ".html")):
            self._look()
        return super().send_head()

    def end_headers(self) -> None:
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # the base's name
        """Keep the terminal for the address."""


def open_set_server(
    sets: Path, port: int, *, look: Callable[[], object] = lambda: None
) -> ThreadingHTTPServer:
    """Return a server of the folder of sets on loopback; it listens, and serves once told to.

    Args:
        sets: The folder of sets.
        port: 1 to 65535; 0 for any that is free.
        look: Called before a page is read, to bring sets of other machines.

    Raises:
        PortTaken: The port can't be listened at.
    """
    handler = partial(_SetHandler, directory=str(sets), look=look)
    try:
        return ThreadingHTTPServer((HOST, port), handler)
    except OSError as error:
        raise PortTaken(
            f"port {port} of {HOST} can't be listened at ({error.strerror}); give another one"
        ) from None
