"""Cookies, form keys, share links and proxies: whose word is taken."""

from dataclasses import replace

import pytest

from nbp_dagster.review_app.access import (
    AccessRules,
    Session,
    UnsafeListening,
    clean_name,
    require_token,
)
from tests.fakes.clock import FakeClock

CLOCK = FakeClock()
RULES = AccessRules(
    secret="one secret",
    now=CLOCK.now,
    token="a token of more than sixteen characters",
    user_header="x-forwarded-user",
    proxies=frozenset({"10.0.0.2"}),
)
OTHER = replace(RULES, secret="another secret")
SESSION = Session("ada", is_admitted=True, nonce="5a" * 16)


def test_a_cookie_says_who_was_admitted() -> None:
    assert RULES.open_session(RULES.write_session(SESSION)) == SESSION


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "ada",
        OTHER.write_session(SESSION),
        RULES.write_session(SESSION)[:-1] + "x",
        RULES.share("spring", days=1),
    ],
)
def test_a_cookie_of_somebody_else_is_a_new_session(cookie: str | None) -> None:
    session = RULES.open_session(cookie)

    assert (session.name, session.is_admitted) == ("", False)
    assert session.nonce != RULES.open_session(cookie).nonce


def test_a_form_belongs_to_one_session() -> None:
    key = RULES.form_key(SESSION)

    assert RULES.accepts_form(SESSION, key)
    assert not RULES.accepts_form(replace(SESSION, nonce="5b" * 16), key)
    assert not RULES.accepts_form(SESSION, "")
    assert not RULES.accepts_form(SESSION, OTHER.form_key(SESSION))
    assert not RULES.accepts_form(SESSION, "schlüssel")


def test_a_share_link_works_until_it_ends() -> None:
    clock = FakeClock()
    rules = replace(RULES, now=clock.now)
    link = rules.share("spring", days=2)

    assert rules.open_share(link) == "spring"
    clock.sleep(2 * 86_400 + 1)
    assert rules.open_share(link) is None


@pytest.mark.parametrize(
    "token", ["", "x.y", OTHER.share("spring", days=9), RULES.form_key(SESSION)]
)
def test_a_share_link_that_is_not_ours_opens_nothing(token: str) -> None:
    assert RULES.open_share(token) is None


def test_only_a_named_proxy_names_the_user() -> None:
    headers = {"x-forwarded-user": "ben@example.com"}

    assert RULES.named_by_proxy("10.0.0.2", headers) == "ben@example.com"
    assert RULES.named_by_proxy("10.0.0.3", headers) == ""
    assert RULES.named_by_proxy("10.0.0.2", {}) == ""
    assert replace(RULES, user_header="").named_by_proxy("10.0.0.2", headers) == ""


def test_only_the_token_is_the_token() -> None:
    assert RULES.accepts_token(RULES.token)
    assert not RULES.accepts_token(RULES.token + "x")
    assert not replace(RULES, token="").accepts_token("")


def test_nothing_secret_is_in_what_the_rules_print() -> None:
    assert RULES.token not in repr(RULES)
    assert RULES.secret not in repr(RULES)


@pytest.mark.parametrize("listen", ["0.0.0.0", "192.168.1.7", "::"])
def test_a_network_is_not_listened_to_without_a_token(listen: str) -> None:
    with pytest.raises(UnsafeListening, match=f"at {listen} everybody in the network could"):
        require_token(listen, "", has_proxies=False)

    require_token(listen, RULES.token, has_proxies=False)
    require_token(listen, "", has_proxies=True)


def test_a_short_token_is_refused_with_its_length_and_not_its_text() -> None:
    with pytest.raises(UnsafeListening, match="NBP_REVIEW_TOKEN has 6 characters") as error:
        require_token("127.0.0.1", "hunter", has_proxies=False)

    assert "hunter" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Ada   Lovelace ", "Ada Lovelace"),
        ("Ada\r\nSet-Cookie: x", "AdaSet-Cookie: x"),
        ("ada\u202e", "ada"),
        ("x" * 200, "x" * 80),
    ],
)
def test_a_name_is_one_short_line(text: str, name: str) -> None:
    assert clean_name(text) == name
