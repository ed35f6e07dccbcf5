"""The table of a config folder: the packaged one, with the rows of the folder's own file."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field

from nbp_dagster.briefs.brief import DISCLOSURE_FILE, Briefs
from nbp_dagster.briefs.load import load_briefs as load_files
from nbp_dagster.briefs.models import BriefRecord, Id, LabelText, Locale
from nbp_dagster.disclosure.table import (
    Declaration,
    DisclosureTable,
    Rule,
    check_rules,
    load_packaged_table,
)
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefError, BriefProblem, list_accepted
from nbp_dagster.yaml_source.validation import check_record


class _OwnRule(Rule):
    override: bool = Field(default=False, description="true to replace a rule of the same id")


class _OwnDeclaration(Declaration):
    override: bool = Field(
        default=False, description="true to replace a declaration of the same id"
    )


_Row = TypeVar("_Row", _OwnRule, _OwnDeclaration)


class _OwnFile(BriefRecord):
    """The sections of a folder's own file, each of which may be left out."""

    rules: Mapping[Id, Any] = Field(default={}, description="a mapping of id to rule")
    declarations: Mapping[Id, Any] = Field(default={}, description="a mapping of id to declaration")
    words: Mapping[Locale, LabelText] = Field(
        default={}, description="a mapping of language to label"
    )


@dataclass(frozen=True, eq=False)
class _Content:
    """A file as a key of the cache: equal where the bytes are."""

    document: Document

    def __hash__(self) -> int:
        return hash(self.document.sha256)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.document.sha256 == other.document.sha256


def load_briefs(
    config_dir: Path, *, wanted: Collection[str] = (), leaves_out: bool = False
) -> Briefs:
    """Read every brief of a config folder, and its table of disclosures.

    Args:
        config_dir: Folder with `brands/`, `campaigns/`, `channels.yaml` and `disclosure.yaml`.
        wanted, leaves_out: See `briefs.load.load_briefs`.

    Raises:
        BriefError: As `briefs.load.load_briefs`, or the table has a problem; all are named.
    """
    briefs = load_files(config_dir, wanted=wanted, leaves_out=leaves_out)
    table_of(briefs)
    return briefs


def table_of(briefs: Briefs) -> DisclosureTable:
    """Return the table of a config folder; the packaged one where it has no rows of its own.

    Raises:
        BriefError: The folder's file has a problem; all of them are told.
    """
    if briefs.disclosure is None:
        return load_packaged_table()
    table, problems = _merge(_Content(briefs.disclosure))
    if problems:
        raise BriefError(briefs.root, problems)
    return table


@lru_cache(maxsize=8)
def _merge(content: _Content) -> tuple[DisclosureTable, Sequence[BriefProblem]]:
    packaged, document = load_packaged_table(), content.document
    sections, problems = check_record(_OwnFile, document)
    if sections is None:
        return packaged, problems
    rules = {row.id: row for row in packaged.rules}
    declarations = {row.id: row for row in packaged.declarations}
    for name in sections.rules:
        rule, faults = _read_row(_OwnRule, document, "rules", name, rules)
        problems += faults
        if rule is not None:
            rules[name] = Rule(**{key: getattr(rule, key) for key in Rule.model_fields})
    for name in sections.declarations:
        row, faults = _read_row(_OwnDeclaration, document, "declarations", name, declarations)
        problems += faults
        if row is not None:
            fields = {key: getattr(row, key) for key in Declaration.model_fields}
            declarations[name] = Declaration(**fields)
    problems += check_rules(document, [rules[name] for name in sections.rules if name in rules])
    table = DisclosureTable(
        rules=tuple(rules.values()),
        declarations=tuple(declarations.values()),
        words={**packaged.words, **sections.words},
    )
    return table, problems


def _read_row(
    record: type[_Row], document: Document, section: str, name: str, packaged: Mapping[str, object]
) -> tuple[_Row | None, list[BriefProblem]]:
    """Read one row, which must say whether it replaces a packaged one."""
    row, problems = check_record(record, document, at=(section, name), extra={"id": name})
    if row is None:
        return None, problems
    message = ""
    if name in packaged and not row.override:
        message = f"already in the packaged {DISCLOSURE_FILE}; choose another id or add "
        message += "override: true"
    elif row.override and name not in packaged:
        message = f"overrides nothing packaged; {list_accepted(packaged, wanted=name)}"
    if message:
        problems.append(document.problem((section, name), message, value=""))
    return row, problems
