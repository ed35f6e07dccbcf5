"""Errors inside successful answers, web pages in place of them, and what may be shown of both."""

import pytest

from nbp_dagster.foreign_text import redact
from nbp_dagster.oxen.error_text import carries_error, cut_query, is_page, is_unknown_model


def test_redaction_leaves_ordinary_words_alone() -> None:
    text = "Which one? The file https://hub.test/a.png has 3 errors"

    assert redact(text, secrets=("",)) == text


def test_a_url_loses_query_and_fragment() -> None:
    assert cut_query("https://hub.test/a?b=c#d") == "https://hub.test/a"


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"error": "text"}, True),
        ({"error": {"message": "x"}}, True),
        ({"status": "error"}, True),
        ({"generations": [], "error": "none made"}, True),
        ({"error": None, "images": []}, False),
        ({"status": "success"}, False),
        ({"generation_id": "g", "status": "failed", "error": "blocked"}, False),
        ({"generations": [{"generation_id": "g"}], "error": "one of two"}, False),
        ([], False),
    ],
)
def test_an_error_inside_a_successful_answer(payload: object, expected: bool) -> None:
    assert carries_error(payload) is expected


def test_a_model_that_is_not_there_is_known_by_the_services_words() -> None:
    assert is_unknown_model("POST /api/ai/queue answered 404: Model not found: nano-banana-2-1.")
    assert not is_unknown_model("Repository not found")


@pytest.mark.parametrize(
    "body",
    [
        b"<html>login</html>",
        b"\n <!DOCTYPE html><title>Sign in</title>",
        b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "x"><html>',
        b"<!-- wifi --><!-- > --><HTML lang=en>",
        b'<meta http-equiv="refresh" content="0; url=http://portal.test/">',
        b"\xef\xbb\xbf<html>",
        "\ufeff<html>".encode("utf-16-le"),
    ],
)
def test_a_web_page_is_known_by_its_first_tag(body: bytes) -> None:
    assert is_page(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"error": "<html>"}',
        b"<Error><Code>AccessDenied</Code></Error>",
        b"<3 is not JSON",
        b"an answer about <html>",
        b"<htmlx>",
    ],
)
def test_other_bytes_are_no_web_page(body: bytes) -> None:
    assert not is_page(body)
