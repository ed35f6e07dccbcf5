"""Every text of the service: cut, cleaned, redacted, and fit for a terminal, a file and a table."""

import json
import re
from contextlib import suppress
from html import unescape

import pytest
from markdown_it import MarkdownIt

from nbp_dagster.foreign_text import (
    MAX_READ_CHARS,
    REPLACEMENT,
    clean,
    escape_markdown,
    hide,
    read_json,
    redact,
)
from nbp_dagster.oxen.error_text import read_error_body
from tests.rigs.hostile_texts import KEY, PIECES, hostile_text, readers


@pytest.mark.parametrize("piece", PIECES)
def test_what_stands_behind_the_first_16_kilobytes_is_not_looked_at(piece: str) -> None:
    start = hostile_text(piece, MAX_READ_CHARS)

    assert redact(start + hostile_text(piece, 500_000)) == redact(start)
    assert clean(start + "\ud800 behind") == clean(start)


@pytest.mark.parametrize("name", readers())
def test_a_long_text_of_any_kind_is_read_or_refused(name: str) -> None:
    """A quadratic pattern takes minutes for one of these; `make bench` has the seconds."""
    for piece in PIECES:
        with suppress(ValueError, RecursionError):
            readers()[name](hostile_text(piece, 300_000))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\x00b\x1b[2Jc\x07\x9b31m\x7f", "ab[2Jc31m"),
        ("two\r\nlines\tand\u2028more\x85", "two lines and more"),
        ("\u202egnp.exe\u2066 \u200bx\ufeff", "gnp.exe x"),
        ("lone \ud800 and \udfff", "lone and"),
        ("größer ist 大きい, 🍌", "größer ist 大きい, 🍌"),
        ("", ""),
    ],
)
def test_a_line_has_only_what_can_be_shown_and_stored(text: str, line: str) -> None:
    assert clean(text) == line
    assert redact(text) == line
    assert line.isprintable()
    line.encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"the key {KEY} was sent", "the key [key] was sent"),
        (f"sk-live-\x00canary-123456 {KEY[:12]}", "[key] [key]"),
        (f"Authorization: Bearer {KEY}x", "Authorization: Bearer [key]"),
        (f"sent {KEY[:-4]}****", "sent [key]****"),
        (f"sent ****{KEY[5:]}, {KEY[:10]}x{KEY[11:]}", "sent ****[key], [key]x[key]"),
        ("GET /a/b.png?sig=s3cret failed", "GET /a/b.png?[cut] failed"),
        ("see https://h.test/a?s3cret, or not?", "see https://h.test/a?[cut] or not?"),
        ('"https://h.test/a?x=1&y=2"', '"https://h.test/a?[cut]"'),
        ("image data:image/png;base64,iVBORw0KGgo= end", "image data:[cut] end"),
    ],
)
def test_a_line_has_no_secret(text: str, line: str) -> None:
    assert redact(text, secrets=(KEY,)) == line


@pytest.mark.parametrize("before", range(MAX_READ_CHARS - len(KEY), MAX_READ_CHARS - 5))
def test_a_key_at_the_cut_is_not_left_in_pieces(before: int) -> None:
    text = f"{'<b>' * 5000}"[:before] + KEY
    body = (" " * 10 + "x" + " " * (before - 11) + KEY).encode()

    assert KEY[:6] not in redact(text, secrets=(KEY,), max_chars=MAX_READ_CHARS)
    assert KEY[:6] not in read_error_body(400, body, secrets=(KEY,)).detail


def test_json_keeps_what_compares_and_drops_what_cannot_be_stored() -> None:
    value = {"prompt": "a\nb\tc", "nul\0": ["\ud800x", {"echo": KEY}], "n": 1.5, "none": None}

    read = read_json(json.dumps(value).encode(), secrets=(KEY,))

    assert read == {
        "prompt": "a\nb\tc",
        f"nul{REPLACEMENT}": [f"{REPLACEMENT}x", {"echo": "[key]"}],
        "n": 1.5,
        "none": None,
    }


def test_an_escaped_echo_of_the_key_is_found() -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in KEY)

    assert read_json(f'["{escaped}"]'.encode(), secrets=(KEY,)) == ["[key]"]
    body = f'{{"error": {{"detail": "{escaped}", "type": "{escaped}"}}}}'.encode()
    found = read_error_body(400, body, secrets=(KEY,))
    assert (found.detail, found.error_type) == ("[key]", "[key]")


@pytest.mark.parametrize("body", [b"[NaN]", b"[", b"\xff", b"[" * 100_000, b'"' + b"9" * 10])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)):
        read_json(body)


@pytest.mark.parametrize(
    "text",
    [
        "![beacon](https://tracker.example/x.png)",
        "[click](javascript:alert(1))",
        "<img src=https://tracker.example/x.png>",
        "https://tracker.example www.tracker.example",
        "**bold** `code` ~~gone~~ # title | cell",
        "&lt;img&gt;",
    ],
)
def test_markdown_of_others_is_shown_as_text(text: str) -> None:
    escaped = escape_markdown(text)

    html = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(escaped)
    assert html.count("<") == 2, html
    assert html.startswith("<p>")
    assert not re.search(r"https?://|www\.", unescape(html))


@pytest.mark.parametrize("length", [8, 12, len(KEY) - 1])
@pytest.mark.parametrize(
    "start", ["https://hub.test/api/", "http://127.0.0.1:8000/", "/api/repos/"]
)
def test_a_url_of_the_service_stays_as_it_is_and_is_shown_without_pieces_of_the_key(
    start: str, length: int
) -> None:
    piece = KEY[:length]
    url = f"{start}{piece}/image.png?sig={piece}"
    body = json.dumps({"url": url, "words": f"see {url} of {piece}"}).encode()

    read = read_json(body, secrets=[KEY])

    assert isinstance(read, dict)
    assert read["url"] == url
    assert piece not in read["words"]
    assert piece not in redact(url, secrets=[KEY])


def test_a_whole_key_is_cut_from_a_url_too() -> None:
    read = read_json(json.dumps(f"https://hub.test/{KEY}/a.png").encode(), secrets=[KEY])

    assert read == "https://hub.test/[key]/a.png"


@pytest.mark.parametrize("key", ["k", "e", "kites", "a kite."])
def test_a_key_as_short_as_a_word_leaves_the_words_of_an_answer_alone(key: str) -> None:
    words = {"prompt": "a red kite.", "status": "queued", "generation_id": "k1"}

    assert read_json(json.dumps(words).encode(), secrets=[key]) == words


def test_the_key_is_hidden_in_each_text_of_a_value_and_nothing_else_is_changed() -> None:
    value = {KEY: ["a\nb", {"text": f"no {KEY[2:-2]}"}, 1, None, True]}

    assert hide(value, secrets=[KEY]) == {"[key]": ["a\nb", {"text": "no [key]"}, 1, None, True]}
