"""The jinja environment of all HTML pages: templates, static parts, inline pictures, formats."""

import base64
import hashlib
from datetime import datetime
from decimal import Decimal
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from nbp_dagster.studio.imaging.decode import sniff_format

_PACKAGE: Final = "nbp_dagster.studio.sets"


def open_templates(package: str = _PACKAGE) -> Environment:
    """Return the environment: it escapes every value, and an undefined one is an error.

    Sizes, sums, times and ids are written alike on every page, by the filters `bytes`, `usd`,
    `moment` and `humanise`.

    Args:
        package: Its folder `templates` has them.
    """
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        bytes=format_bytes,
        humanise=humanise,
        moment=format_moment,
        usd=format_usd,
    )
    return environment


def read_part(name: str, package: str = _PACKAGE) -> str:
    """Return a static part of a page, with LF line ends, as browsers hash its exact text."""
    text = (resources.files(package) / "templates" / name).read_text("utf-8")
    return text.replace("\r\n", "\n")


def hash_inline(text: str) -> str:
    """Return the source by which a Content-Security-Policy admits exactly this inline text."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def inline_picture(data: bytes) -> str:
    """Return a picture's file as a data URI."""
    kind = (sniff_format(data) or "jpeg").lower()
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def format_bytes(count: int) -> str:
    """Return a size in decimal kB or MB, e.g. "214 kB"."""
    if count < 1000:
        return f"{count} bytes"
    if count < 1_000_000:
        return f"{count / 1000:.0f} kB"
    return f"{count / 1_000_000:.1f} MB"


def format_usd(amount: Decimal) -> str:
    """Return USD with at least two decimals and none of its digits dropped, e.g. "$0.134"."""
    plain = f"{amount.normalize():f}"
    decimals = len(plain.partition(".")[2])
    return f"${amount:.{max(2, decimals)}f}"


def format_moment(moment: datetime) -> str:
    """Return a time in words, in its own zone, e.g. "3 May 2027, 09:30 UTC"."""
    return f"{moment.day} {moment:%B %Y, %H:%M %Z}"


def humanise(identifier: str) -> str:
    """Return an id as a title: `first_cup` becomes "First cup"."""
    return identifier.replace("_", " ").strip().capitalize()
