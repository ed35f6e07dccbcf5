"""A network cable that can be cut: relays TCP to a server, whatever is said over it."""

import selectors
import socket
import threading
from contextlib import suppress
from pathlib import Path

_BLOCK = 65536


class Relay:
    """Relays connections from a port of its own to a server.

    While it is cut, nothing passes and nobody is told: what is connected stays connected and hears
    nothing, as behind a dead switch.

    Args:
        target: `(host, port)` of the server, or the path of its Unix socket.
    """

    def __init__(self, target: tuple[str, int] | Path) -> None:
        self._target = target
        self._whole = threading.Event()
        self._whole.set()
        self._closed = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port of 127.0.0.1 that stands for the server."""
        return int(self._listener.getsockname()[1])

    @property
    def is_whole(self) -> bool:
        """Whether anything passes."""
        return self._whole.is_set()

    def cut(self) -> None:
        """Let nothing pass from now on."""
        self._whole.clear()

    def mend(self) -> None:
        """Let everything pass again, also what waited meanwhile."""
        self._whole.set()

    def close(self) -> None:
        """Accept nobody any more; what is connected ends when either side does."""
        self._closed = True
        self._whole.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._whole.wait()
        with client:
            try:
                server = self._connect()
            except OSError:
                return
            with server, suppress(OSError):
                self._pass_on(client, server)

    def _connect(self) -> socket.socket:
        if isinstance(self._target, Path):
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(str(self._target))
            except OSError:
                server.close()
                raise
            return server
        return socket.create_connection(self._target)

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, server)
            selector.register(server, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    source = key.fileobj
                    assert isinstance(source, socket.socket)
                    block = source.recv(_BLOCK)
                    if not block:
                        return
                    self._whole.wait()
                    key.data.sendall(block)
