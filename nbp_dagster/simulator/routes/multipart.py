"""Reads multipart/form-data bodies; knows nothing of what the parts are for.

Starlette's own form reader needs a package the simulator would otherwise not depend on.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?', re.IGNORECASE)
_PARAMETER = re.compile(r'\b(name|filename)="((?:[^"\\]|\\.)*)"', re.IGNORECASE)


class MultipartError(ValueError):
    """A body that is no complete multipart/form-data."""


@dataclass(frozen=True)
class Part:
    """One part of a form; `filename` is None for a plain field."""

    name: str
    filename: str | None
    data: bytes


def read_parts(content_type: str, body: bytes) -> list[Part]:
    """Return the parts of a form in order.

    Raises:
        MultipartError: The content type names no boundary, or the body does not follow it.
    """
    found = _BOUNDARY.search(content_type)
    if not content_type.lower().startswith("multipart/form-data") or found is None:
        raise MultipartError("expected multipart/form-data with a boundary")
    delimiter = b"\r\n--" + found.group(1).encode("latin-1")
    # The first delimiter has no line end before it; giving it one makes all of them alike.
    sections = (b"\r\n" + body).split(delimiter)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise MultipartError("the form ends before its last boundary")
    return list(_read_sections(sections[1:-1]))


def _read_sections(sections: list[bytes]) -> Iterator[Part]:
    for section in sections:
        head, blank_line, data = section.partition(b"\r\n\r\n")
        if not blank_line:
            raise MultipartError("a part of the form has no blank line after its headers")
        disposition = _find_disposition(head.decode("utf-8", errors="replace"))
        fields = {key.lower(): _unescape(text) for key, text in _PARAMETER.findall(disposition)}
        if "name" not in fields:
            raise MultipartError("a part of the form has no name")
        yield Part(fields["name"], fields.get("filename"), data)


def _find_disposition(head: str) -> str:
    lines = (line for line in head.split("\r\n"))
    return next((line for line in lines if line.lower().startswith("content-disposition:")), "")


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
