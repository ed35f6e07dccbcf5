"""Keeps editions behind a URL: S3, Google Cloud Storage, Azure, or any other that fsspec knows.

Keys and endpoints come from each service's own variables and files; none pass through here.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from nbp_dagster.foreign_text import redact
from nbp_dagster.studio.delivery.publish_target import DeliveryError

# Which extra of ours brings the driver of a protocol.
_EXTRAS: Final[Mapping[str, str]] = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
}
# A file of these appears at once when its last byte is there; elsewhere it is moved into place.
_OBJECT_STORES: Final = frozenset({*_EXTRAS, "memory"})

# The user part before the host, and what follows a question mark.
_SECRET_PARTS: Final = re.compile(r"(?<=://)[^/?#]*@|[?#].*", re.DOTALL)


class UrlStore:
    """A place behind a URL, opened when it is first used.

    Args:
        url: Such as `s3://acme-sets/published`; nothing is made that it names but files.

    Example:
        >>> UrlStore("s3://acme-sets/published").read("spring/latest.json")
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._protocol = url.partition("://")[0].lower()
        self._opened: tuple[Any, str] | None = None

    @property
    def name(self) -> str:
        """The URL without user, password and query."""
        return _SECRET_PARTS.sub("", self._url)

    def read(self, path: str) -> bytes | None:
        """Return a file's bytes; None when there is none."""
        with self._told("read", path):
            files, root = self._open()
            try:
                return bytes(files.cat_file(f"{root}/{path}"))
            except FileNotFoundError:
                # So is a bucket that is not there, which the first write tells.
                return None

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """Return the bytes of every file below a prefix, by its path below that."""
        with self._told("list", prefix):
            files, root = self._open()
            files.invalidate_cache()
            top = f"{root}/{prefix}"
            try:
                found = files.find(top, detail=True)
            except FileNotFoundError:
                return {}
            cut = len(files._strip_protocol(top).rstrip("/")) + 1
            return {path[cut:]: int(facts["size"]) for path, facts in found.items()}

    def write(self, path: str, source: Path) -> None:
        """Upload a file, in parts where it is large."""
        with self._told("write", path):
            files, root = self._open()
            target = f"{root}/{path}"
            if self._protocol not in _OBJECT_STORES:
                files.makedirs(target.rpartition("/")[0], exist_ok=True)
            files.put_file(str(source), target)

    def flush(self) -> None:
        """Do nothing: what such a service has answered to is kept."""

    def replace(self, path: str, data: bytes) -> None:
        """Put bytes in the place of a file, in one request or by a move."""
        with self._told("write", path):
            files, root = self._open()
            target = f"{root}/{path}"
            if self._protocol in _OBJECT_STORES:
                files.pipe_file(target, data)
                return
            beside = f"{target}.{secrets.token_hex(4)}"
            files.pipe_file(beside, data)
            files.mv(beside, target)

    def _open(self) -> tuple[Any, str]:
        if self._opened is None:
            # 60 ms that only those pay who publish to a URL.
            from fsspec.core import url_to_fs

            self._opened = url_to_fs(self._url, use_listings_cache=False)
        return self._opened

    @contextmanager
    def _told(self, verb: str, path: str) -> Iterator[None]:
        """Translate whatever a driver raises: each has its own errors, and most are no OSError."""
        try:
            yield
        except ImportError as error:
            raise DeliveryError(self._missing_driver()) from error
        except Exception as error:
            # An error without words says what it is by its class alone.
            words = str(error) or type(error).__name__
            raise DeliveryError(
                f"cannot {verb} {path} of {self.name}: {self._redact(words)}; check the "
                "address, and the key and endpoint that the service's own variables or files give"
            ) from error

    def _redact(self, words: str) -> str:
        """Return an error's words as one line, without what the name leaves out of the URL."""
        hidden = (part.strip("@?#") for part in _SECRET_PARTS.findall(self._url))
        pieces = (piece for part in hidden for piece in (part, part.rpartition(":")[2]) if piece)
        return redact(words, secrets=tuple(pieces))

    def _missing_driver(self) -> str:
        extra = _EXTRAS.get(self._protocol)
        remedy = f"install nbp-dagster[{extra}]" if extra else "install the fsspec driver for it"
        return f"{self.name}: nothing here can open {self._protocol}:// addresses; {remedy}"
