"""The jinja environment of all HTML pages: templates, static parts and inline pictures."""

import base64
import hashlib
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from nbp_dagster.studio.imaging.decode import sniff_format

_PACKAGE: Final = "nbp_dagster.studio.sets"


def open_templates(package: str = _PACKAGE) -> Environment:
    """Return the environment: it escapes every value, and an undefined one is an error.

    Args:
        package: Its folder `templates` has them.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


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
