"""Forms as `requests` sends them, and broken ones."""

import pytest
import requests

from nbp_dagster.simulator.routes.multipart import MultipartError, Part, read_parts


def encode(**arguments: object) -> tuple[str, bytes]:
    request = requests.Request("PUT", "http://127.0.0.1/", **arguments).prepare()  # type: ignore[arg-type]
    assert isinstance(request.body, bytes)
    return request.headers["Content-Type"], request.body


def test_fields_and_binary_files_come_back_as_sent() -> None:
    data = b"\x00\r\n--not a boundary\r\n\xff" * 50
    kind, body = encode(data={"message": "Grüße"}, files=[("files[]", ("a.png", data))])

    assert read_parts(kind, body) == [
        Part("message", None, "Grüße".encode()),
        Part("files[]", "a.png", data),
    ]


def test_an_empty_file_is_a_file() -> None:
    kind, body = encode(files={"file": ("empty.txt", b"")})

    assert read_parts(kind, body) == [Part("file", "empty.txt", b"")]


def test_a_body_cut_short_is_refused() -> None:
    kind, body = encode(files={"file": ("a.txt", b"hello")})

    with pytest.raises(MultipartError, match="before its last boundary"):
        read_parts(kind, body[:-10])


def test_another_content_type_is_refused() -> None:
    with pytest.raises(MultipartError, match="expected multipart/form-data"):
        read_parts("application/json", b"{}")
