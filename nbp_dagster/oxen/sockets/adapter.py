"""An adapter of `requests` whose connections tell the watchdog of their sockets."""

from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from nbp_dagster.oxen.sockets.watchdog import note_socket


class _HTTPConnection(HTTPConnection):
    """Tells the request that goes through it of its socket."""

    def connect(self) -> None:
        super().connect()
        note_socket(self.sock, is_sent=False)

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        # A connection that is used again is connected already.
        if self.sock is not None:
            note_socket(self.sock, is_sent=False)
        super().putrequest(*arguments, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        note_socket(self.sock, is_sent=True)
        return super().getresponse()


class _HTTPSConnection(HTTPSConnection):
    """The same with TLS."""

    def connect(self) -> None:
        super().connect()
        note_socket(self.sock, is_sent=False)

    def putrequest(self, *arguments: Any, **options: Any) -> None:
        # A connection that is used again is connected already.
        if self.sock is not None:
            note_socket(self.sock, is_sent=False)
        super().putrequest(*arguments, **options)

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 has it
        note_socket(self.sock, is_sent=True)
        return super().getresponse()


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


_POOLS = {"http": _HTTPPool, "https": _HTTPSPool}


class WatchedAdapter(HTTPAdapter):
    """Connects by the connections above, through a proxy too."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools' manager."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return that of a proxy."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if manager.pool_classes_by_scheme.keys() == _POOLS.keys():
            manager.pool_classes_by_scheme = _POOLS
        return manager
