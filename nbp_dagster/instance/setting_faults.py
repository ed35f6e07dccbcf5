"""Mistakes in Dagster's own settings, `dagster.yaml` and the variables it names, in one line each.

Dagster shows its settings' whole type, or the parser's traceback. Must not know: our settings.
"""

import re

import dagster as dg
import yaml
from sqlalchemy.exc import ArgumentError

from nbp_dagster._dagster_private import CheckError
from nbp_dagster.foreign_text import redact

_UNSET = re.compile(r'environment variable "([^"]*)" which is not set')
# The words of the first error, without what would have been accepted: a page of types.
_FIRST_ERROR = re.compile(r"Error 1: (.*?)(?: Expected: .*)?$", re.MULTILINE)
# A value of the file may be the address of a database.
_USER_PART = re.compile(r"://[^\s'\"]*@")


def describe_setting_fault(error: BaseException) -> str | None:
    """Return what is wrong with Dagster's settings, where they are why an instance doesn't open.

    Returns:
        One line without the user part of addresses, such as "names DAGSTER_POSTGRES_URL, which is
        not set"; None for every other error.
    """
    words = _describe(error)
    return None if words is None else redact(_USER_PART.sub("://***@", words), max_chars=300)


def _describe(error: BaseException) -> str | None:
    text = str(error)
    if unset := _UNSET.search(text):
        return f"names {unset[1]}, which is not set"
    if isinstance(error, dg.DagsterInvalidConfigError):
        found = _FIRST_ERROR.search(text)
        return found[1] if found else text
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    if isinstance(error, UnicodeError | yaml.YAMLError):
        return "is no YAML in UTF-8"
    if isinstance(error, CheckError):
        cause = error.__cause__ or error.__context__
        package = f" ({cause})" if isinstance(cause, ImportError) else ""
        return f"{text.removeprefix('Failure condition: ')}{package}"
    if isinstance(error, ArgumentError | ValueError):
        # Of the parser of databases' addresses; its words may hold a part of a password.
        return "names an address of a database that can't be read, such as one with a wrong port"
    return None
