"""The page's templates and static parts; every value is escaped."""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment

from nbp_dagster.studio.checks.failure_words import FAILURE_WORDS, tell_failure
from nbp_dagster.studio.manifest.manifest import ALL_LOCALES
from nbp_dagster.studio.report.page import STYLE, read_style
from nbp_dagster.studio.review.approvals import APPROVAL_STATES, describe_decision
from nbp_dagster.studio.sets.html_templates import open_templates

_PACKAGE: Final = "nbp_dagster.review_app"

STATIC: Final = {"review.css": "text/css", "review.js": "text/javascript", STYLE: "text/css"}
"""Static parts by name, with their types."""


def render(name: str, values: Mapping[str, Any]) -> str:
    """Return a template as HTML."""
    return _environment().get_template(name).render(values)


@cache
def read_static(name: str) -> bytes:
    """Return a static part's bytes."""
    if name == STYLE:
        return read_style().encode()
    return (resources.files(_PACKAGE) / "templates" / name).read_bytes()


@cache
def static_version() -> str:
    """Return a text that changes whenever a static part does, so that browsers may keep them."""
    return hashlib.sha256(b"".join(map(read_static, STATIC))).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = open_templates(_PACKAGE)
    environment.filters.update(decided=describe_decision, failure=tell_failure)
    environment.globals.update(
        all_locales=ALL_LOCALES,
        faults=FAILURE_WORDS,
        states=APPROVAL_STATES,
        version=static_version,
    )
    return environment
