"""The packaged table of what law and platforms ask: its rows as strict records, and their loading.

Must not know briefs' files, pixels or prompts.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from nbp_dagster.briefs.brief import DISCLOSURE_FILE
from nbp_dagster.briefs.languages import find_nearest, is_latin, script_of
from nbp_dagster.briefs.models import BriefRecord, Id, LabelText, Locale, Prose
from nbp_dagster.briefs.vocabulary import Market
from nbp_dagster.yaml_source.document import Document, parse_document
from nbp_dagster.yaml_source.problems import BriefError, BriefProblem
from nbp_dagster.yaml_source.validation import check_record

When = Literal["synthetic_performer", "photoreal", "any"]
Icon = Literal["basic", "fully_generated", "partially_modified"]
Mark = Literal["V", "S", "B"]
FALLBACK_LANGUAGE = "en"
"""Whose words stand where a language has none, or its letters are in no font: all rules name AI."""


class Rule(BriefRecord):
    """What one law asks of the renditions that a market sees.

    Attributes:
        since: Day it applies from; told, not compared.
        when: What a rendition must show for it to hold.
        icon: Kind of the EU's icon; None for none.
        has_words: Whether words stand in the label.
        least_px: Least size of the label's letters, in pixels of the em.
        least_share: The same as a share of the frame's shorter side; the larger of both holds.
        least_contrast: WCAG ratio of the label's letters.
        mark: How it was checked: V in the primary source, S in a secondary one, B in a blog.
    """

    id: Id = Field(description="the key of the rule in its file")
    rule: Prose = Field(description="the name of the law")
    markets: tuple[Market, ...] = Field(min_length=1, description="a list of markets")
    since: date = Field(description="a day such as 2026-08-02")
    when: When = Field(description="synthetic_performer, photoreal or any")
    icon: Icon | None = Field(
        default=None, description="basic, fully_generated or partially_modified"
    )
    has_words: bool = Field(default=True, description="true or false")
    least_px: int = Field(ge=10, le=100, description="a whole number of pixels from 10 to 100")
    least_share: float = Field(gt=0, le=0.2, description="a share of the shorter side up to 0.2")
    least_contrast: float = Field(ge=4.5, le=21, description="a ratio from 4.5 to 21")
    source: Prose = Field(description="where it was read")
    checked_on: date = Field(description="a day such as 2026-11-28")
    mark: Mark = Field(description="V, S or B")


class Declaration(BriefRecord):
    """What one platform asks an advertiser to declare.

    Attributes:
        field: The name of the field, as the platform spells it.
        value: What it holds where the declaration is wanted.
        otherwise: What it holds elsewhere.
    """

    id: Id = Field(description="the key of the declaration in its file")
    platform: Prose = Field(description="the platform's name")
    field: Prose = Field(description="the name of the field")
    value: Prose = Field(description="what the field holds")
    otherwise: Prose = Field(description="what it holds where the picture needs no declaration")
    when: When = Field(description="synthetic_performer, photoreal or any")
    source: Prose = Field(description="where it was read")
    checked_on: date = Field(description="a day such as 2026-11-28")
    mark: Mark = Field(description="V, S or B")


class _File(BriefRecord):
    """The sections of the file; the rows of the first two are checked one by one."""

    rules: Mapping[Id, Any] = Field(description="a mapping of id to rule")
    declarations: Mapping[Id, Any] = Field(description="a mapping of id to declaration")
    words: Mapping[Locale, LabelText] = Field(description="a mapping of language to label")


class DisclosureTable(BriefRecord):
    """Every rule and declaration, in the order of the file, and the label's words by language."""

    rules: tuple[Rule, ...]
    declarations: tuple[Declaration, ...]
    words: Mapping[str, str]

    def words_in(self, locale: str) -> str:
        """Return the label's words in a locale, in English where its language has none."""
        fallback = self.words[FALLBACK_LANGUAGE]
        words = find_nearest(self.words, locale) or fallback
        # Hindi in Latin letters is set in a font that need not have any others.
        return words if script_of(locale) != "Latn" or is_latin(words) else fallback


@cache
def load_packaged_table() -> DisclosureTable:
    """Return the packaged table.

    Raises:
        BriefError: It has a problem; all of them are told.
    """
    path = Path(str(resources.files("nbp_dagster.disclosure") / DISCLOSURE_FILE))
    document, problems = parse_document(path.read_bytes(), file=DISCLOSURE_FILE, path=path)
    table, more = read_table(document) if document else (None, [])
    if table is None or problems or more:
        raise BriefError(path.parent, [*problems, *more])
    return table


def read_table(document: Document) -> tuple[DisclosureTable | None, list[BriefProblem]]:
    """Read a table from its file.

    Returns:
        The table, or None where there is any problem, and every problem.
    """
    sections, problems = check_record(_File, document)
    if sections is None:
        return None, problems
    rules: list[Rule] = []
    declarations: list[Declaration] = []
    for name in sections.rules:
        at, extra = ("rules", name), {"id": name}
        rule, faults = check_record(Rule, document, at=at, extra=extra)
        problems += faults
        rules += [rule] if rule else []
    for name in sections.declarations:
        at, extra = ("declarations", name), {"id": name}
        declaration, faults = check_record(Declaration, document, at=at, extra=extra)
        problems += faults
        declarations += [declaration] if declaration else []
    if FALLBACK_LANGUAGE not in sections.words:
        message = "missing; required: words of en, which stand where a language has none"
        problems.append(document.problem(("words",), message, value=""))
    problems += check_rules(document, rules)
    if problems:
        return None, problems
    table = DisclosureTable(
        rules=tuple(rules), declarations=tuple(declarations), words=sections.words
    )
    return table, []


def check_rules(document: Document, rules: Iterable[Rule]) -> list[BriefProblem]:
    """Return a problem for each rule of a file that asks for nothing visible."""
    message = "asks for neither icon nor words; set one of them"
    return [
        document.problem(("rules", rule.id), message, value="")
        for rule in rules
        if rule.icon is None and not rule.has_words
    ]
