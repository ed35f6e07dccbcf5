"""Machines with addresses of their own on one box: network namespaces, whose cables can be cut.

Services that listen on loopback, or on a Unix socket, are reached through a forwarder at the box's
own address.
"""

import itertools
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# Of this process, as other tests may run beside it; interfaces have names of at most 15 characters.
_OWN = f"nbp{os.getpid()}"
_NET = f"10.203.{os.getpid() % 250}"
_BOX = f"{_NET}.1"
_BRIDGE = f"{_OWN}br"
_NUMBERS = itertools.count(2)

Dial = Callable[[], socket.socket]
"""Connects to the service that is forwarded to."""


def can_make_networks() -> bool:
    """Whether this process may make network namespaces and virtual cables."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        return False
    made = subprocess.run(["ip", "netns", "add", _OWN], capture_output=True, check=False)
    if made.returncode != 0:
        return False
    cable = subprocess.run(
        ["ip", "link", "add", f"{_OWN}a", "type", "veth", "peer", "name", f"{_OWN}b"],
        capture_output=True,
        check=False,
    )
    subprocess.run(["ip", "link", "del", f"{_OWN}a"], capture_output=True, check=False)
    subprocess.run(["ip", "netns", "del", _OWN], capture_output=True, check=False)
    return cable.returncode == 0


class Machine:
    """A network of its own, with one cable to the box.

    Attributes:
        prefix: The words before a command that has to run there.
    """

    def __init__(self, name: str, cable: str) -> None:
        self._cable = cable
        self.prefix = ("ip", "netns", "exec", name)

    def cut(self) -> None:
        """Cut the cable: nothing arrives any more, and nobody is told."""
        _ip("link", "set", self._cable, "down")

    def mend(self) -> None:
        """Mend it."""
        _ip("link", "set", self._cable, "up")


class Network:
    """A switch in the box that machines are connected to."""

    address = _BOX

    @contextmanager
    def machine(self) -> Iterator[Machine]:
        """Make a machine; its network is gone with the context."""
        number = next(_NUMBERS)
        name, cable = f"{_OWN}m{number}", f"{_OWN}c{number}"
        _ip("netns", "add", name)
        try:
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", cable, "master", _BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{_NET}.{number}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
            yield Machine(name, cable)
        finally:
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)
            subprocess.run(["ip", "link", "del", cable], capture_output=True, check=False)

    @contextmanager
    def forward(self, dial: Dial) -> Iterator[int]:
        """Forward a port of the box's address to a service; yield the port."""
        with socket.create_server((_BOX, 0)) as server:
            thread = threading.Thread(target=_serve, args=(server, dial), daemon=True)
            thread.start()
            yield int(server.getsockname()[1])
            # Wakes the thread, which a closed socket would not.
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
        thread.join()


@contextmanager
def make_network() -> Iterator[Network]:
    """Make the switch."""
    _ip("link", "add", _BRIDGE, "type", "bridge")
    try:
        _ip("addr", "add", f"{_BOX}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        yield Network()
    finally:
        _ip("link", "del", _BRIDGE)


def to_port(port: int) -> Dial:
    """Return what connects to a port of loopback."""
    return lambda: socket.create_connection(("127.0.0.1", port))


def to_path(path: str) -> Dial:
    """Return what connects to a Unix socket."""

    def dial() -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.connect(path)
        return line

    return dial


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


def _serve(server: socket.socket, dial: Dial) -> None:
    while True:
        try:
            near, _ = server.accept()
        except OSError:
            return
        try:
            far = dial()
        except OSError:
            near.close()
            continue
        for source, target in ((near, far), (far, near)):
            threading.Thread(target=_pump, args=(source, target), daemon=True).start()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while block := source.recv(65_536):
            target.sendall(block)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
