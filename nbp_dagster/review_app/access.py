"""Who may use the review page: tokens, names, cookies and share links; knows no route."""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from itsdangerous import BadData, URLSafeSerializer

from nbp_dagster.errors import NbpError

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

LONGEST_NAME: Final = 80
"""Characters of a reviewer's name."""

_DAY_SECONDS: Final = 86_400


class UnsafeListening(NbpError):
    """The page would be open to everybody in the network."""


@dataclass(frozen=True)
class Session:
    """What a browser's cookie says: who reviews, and a number that its forms send back.

    Attributes:
        name: The reviewer; empty while it was not asked.
        is_admitted: Whether the token was given.
        nonce: Random text, hex.
    """

    name: str
    is_admitted: bool
    nonce: str


@dataclass(frozen=True)
class AccessRules:
    """How a review page is reached, and by whom.

    Attributes:
        secret: Signs cookies and share links.
        hosts: Names accepted in a request's Host header, without ports, in lower case.
        token: What opens the page; empty where none is asked for: on loopback alone.
        user_header: Header in which a proxy names the user, in lower case; empty for none.
        proxies: Addresses whose `user_header` is believed; nobody else's is.
        default_name: The reviewer where no token is asked for and no name was given.
        now: Seconds since the epoch.
    """

    secret: str = field(repr=False)
    now: Callable[[], float] = field(repr=False)
    hosts: frozenset[str] = LOOPBACK
    token: str = field(default="", repr=False)
    user_header: str = ""
    proxies: frozenset[str] = frozenset()
    default_name: str = ""

    def accepts_token(self, given: str) -> bool:
        """Return whether a token is the right one, in constant time."""
        return bool(self.token) and hmac.compare_digest(given.encode(), self.token.encode())

    def open_session(self, cookie: str | None) -> Session:
        """Return the session of a cookie; a new one where there is none, or not one of ours."""
        try:
            name, is_admitted, nonce = self._signer("session").loads(cookie or "")
            return Session(str(name), bool(is_admitted), str(nonce))
        except (BadData, ValueError, TypeError):
            return Session("", is_admitted=False, nonce=secrets.token_hex(16))

    def write_session(self, session: Session) -> str:
        """Return the value of a session's cookie."""
        facts = [session.name, session.is_admitted, session.nonce]
        return str(self._signer("session").dumps(facts))

    def form_key(self, session: Session) -> str:
        """Return what a form of this session must send, so that no other site can post."""
        return str(self._signer("form").dumps(session.nonce))

    def accepts_form(self, session: Session, given: str) -> bool:
        """Return whether a form was made for this session."""
        return hmac.compare_digest(given.encode(), self.form_key(session).encode())

    def share(self, campaign: str, *, days: float) -> str:
        """Return the token of a read-only link to one campaign's set.

        Args:
            campaign: The campaign.
            days: How long it works.
        """
        ends = int(self.now() + days * _DAY_SECONDS)
        return str(self._signer("share").dumps([campaign, ends]))

    def open_share(self, token: str) -> str | None:
        """Return the campaign of a share link; None for one that has expired or is not ours."""
        try:
            campaign, ends = self._signer("share").loads(token)
        except (BadData, ValueError, TypeError):
            return None
        return str(campaign) if float(ends) > self.now() else None

    def named_by_proxy(self, peer: str, headers: dict[str, str]) -> str:
        """Return the user that a trusted proxy names; empty where it does not, or none is trusted.

        Args:
            peer: Address the connection comes from.
            headers: The request's, names in lower case.
        """
        if not self.user_header or peer not in self.proxies:
            return ""
        return clean_name(headers.get(self.user_header, ""))

    def _signer(self, use: str) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret, salt=f"nbp review {use}")


def clean_name(text: str) -> str:
    """Return a reviewer's name without control characters and at most 80 characters long."""
    plain = "".join(each for each in text if each.isprintable())
    return " ".join(plain.split())[:LONGEST_NAME]


def require_token(listen: str, token: str, *, has_proxies: bool) -> None:
    """Refuse to listen to a network without a token.

    Args:
        listen: Address that will be listened at.
        token: The token; empty for none.
        has_proxies: Whether proxies are named whose users are believed.

    Raises:
        UnsafeListening: It is not loopback, and anybody could decide.
    """
    if listen not in LOOPBACK and not token and not has_proxies:
        raise UnsafeListening(
            f"at {listen} everybody in the network could approve: set NBP_REVIEW_TOKEN to a long "
            "random text, or NBP_REVIEW_PROXIES and NBP_REVIEW_USER_HEADER for a proxy that "
            "knows its users; or listen at 127.0.0.1"
        )
    if token and len(token) < 16:
        raise UnsafeListening(
            f"NBP_REVIEW_TOKEN has {len(token)} characters; accepted: at least 16, such as "
            "the output of `openssl rand -hex 16`"
        )
