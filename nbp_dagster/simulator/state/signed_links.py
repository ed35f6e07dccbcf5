"""Signed links to files, which expire; knows no HTTP framework."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from urllib.parse import quote

# Constant on purpose: links must outlive a restart, and there is nothing here to protect.
_KEY = b"nbp-simulator-links-guard-against-accidents-only"

EXPIRES_FIELD = "oxen_expires"
SIGNATURE_FIELD = "oxen_signature"


class LinkSigner:
    """Signs paths and checks the signatures.

    Args:
        now: Returns seconds since the epoch.
        lifetime: Seconds a link of the default kind stays valid.
    """

    def __init__(self, now: Callable[[], float], lifetime: float) -> None:
        self._now = now
        self._lifetime = lifetime

    def sign(self, base_url: str, path: str, *, lifetime: float | None = None) -> str:
        """Return a link to `path` (unquoted) on `base_url` that expires after `lifetime` s."""
        expires = f"{self._now() + (self._lifetime if lifetime is None else lifetime):.3f}"
        signature = _signature(path, expires)
        query = f"{EXPIRES_FIELD}={expires}&{SIGNATURE_FIELD}={signature}"
        return f"{base_url}{quote(path)}?{query}"

    def is_valid(self, path: str, query: Mapping[str, str]) -> bool:
        """Return whether the query signs this path (unquoted) and has not expired."""
        expires = query.get(EXPIRES_FIELD, "")
        expected = _signature(path, expires)
        # As bytes: texts are compared as long as they are ASCII, and a query is anybody's.
        given = query.get(SIGNATURE_FIELD, "").encode("utf-8", "replace")
        if not hmac.compare_digest(expected.encode(), given):
            return False
        return self._now() <= float(expires)


def is_signed(query: Mapping[str, str]) -> bool:
    """Return whether a query carries a signature, valid or not."""
    return SIGNATURE_FIELD in query


def _signature(path: str, expires: str) -> str:
    return hmac.new(_KEY, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()
