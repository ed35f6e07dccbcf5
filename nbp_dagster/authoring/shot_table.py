"""Reads shots from a table (CSV), one row a shot, and tells every error by its row.

Columns are found by their names, in any order. Copy has a column for each field and locale, such
as `headline:de`; a column without a locale is of the campaign's first.
"""

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import TypeAdapter, ValidationError

from nbp_dagster.authoring.brief_text import NewShot
from nbp_dagster.authoring.suggestions import suggest_text
from nbp_dagster.briefs.locale_spelling import spell_locale
from nbp_dagster.briefs.models import AltText, Brand, CopyField, CopyText, Id, Prose, TextMode
from nbp_dagster.errors import NbpError
from nbp_dagster.file_kinds import describe_kind
from nbp_dagster.yaml_source.problems import BriefProblem, list_accepted, show_text

MAX_BYTES: Final = 8 * 1024 * 1024
MAX_ROWS: Final = 5000
_MOST_NAME: Final = 60  # characters of a column's name

_PLAIN_COLUMNS: Final = ("id", "scene", "characters", "products", "text")
_BY_LOCALE: Final = (*get_args(CopyField), "alt_text")
_ALSO_CALLED: Final[Mapping[str, str]] = {
    "shot": "id",
    "name": "id",
    "description": "scene",
    "cast": "characters",
    "character": "characters",
    "product": "products",
    "text_mode": "text",
    "cta": "call_to_action",
    "button": "call_to_action",
    "subheadline": "sub",
    "subline": "sub",
    "alt": "alt_text",
    "alternative_text": "alt_text",
}
_KEY: Final = re.compile(r"shots\[(\d+)\](.*)")
_ACCEPTED: Final = (
    f"accepted: {', '.join(_PLAIN_COLUMNS)}, and {', '.join(_BY_LOCALE)} with a locale such as "
    "headline:de"
)


class ShotTableError(NbpError):
    """A table that no shots can be taken from; names every error with its row."""

    def __init__(self, path: Path, problems: Sequence[BriefProblem]) -> None:
        noun = "problem" if len(problems) == 1 else "problems"
        lines = "\n".join(str(problem) for problem in problems)
        super().__init__(f"{len(problems)} {noun} in {path}; nothing was written:\n{lines}")


@dataclass(frozen=True)
class ShotTable:
    """The shots of a table.

    Attributes:
        path: The file.
        shots: In the order of their rows.
        lines: Line of each shot's row, from 1.
    """

    path: Path
    shots: tuple[NewShot, ...]
    lines: tuple[int, ...]

    def to_rows(self, problems: Sequence[BriefProblem]) -> list[BriefProblem]:
        """Return problems of a brief that was made of the table, at the rows they come from."""
        return [self._to_row(problem) for problem in problems]

    def _to_row(self, problem: BriefProblem) -> BriefProblem:
        found = _KEY.match(problem.key)
        if found is None or int(found[1]) >= len(self.lines):
            return problem
        column = found[2].lstrip(".").removeprefix("copy.").replace(".", ":", 1)
        line = self.lines[int(found[1])]
        return replace(problem, file=self.path.name, line=line, key=column)


@dataclass
class _Reading:
    name: str
    brand: Brand
    locales: Sequence[str]
    problems: list[BriefProblem] = field(default_factory=list)

    def report(self, line: int | None, column: str, value: str, message: str) -> None:
        shown = show_text(value) if value else ""
        self.problems.append(BriefProblem(self.name, line, column, shown, message))


def read_shots(path: Path, brand: Brand, locales: Sequence[str]) -> ShotTable:
    """Return the shots of a CSV file.

    Args:
        path: UTF-8, UTF-16 or Windows' Western letters; divided by commas, semicolons or tabs.
        brand: Its characters and products are those that rows may name.
        locales: The campaign's.

    Raises:
        ShotTableError: The file can't be read, or any row has an error; all are named.
    """
    reading = _Reading(path.name, brand, [spell_locale(locale) for locale in locales])
    rows = list(_read_rows(path, reading))
    columns = _read_header(rows[0][1], reading) if rows else {}
    shots: list[NewShot] = []
    lines: list[int] = []
    for line, cells in rows[1:]:
        if columns and any(cell.strip() for cell in cells):
            shots.append(_read_shot(line, cells, columns, reading, number=len(shots) + 1))
            lines.append(line)
    if not shots and not reading.problems:
        reading.report(
            None, "", "", f"has no shots: a row of column names comes first; {_ACCEPTED}"
        )
    _check_ids(shots, lines, reading)
    if reading.problems:
        raise ShotTableError(path, reading.problems)
    return ShotTable(path, tuple(shots), tuple(lines))


def _read_rows(path: Path, reading: _Reading) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the line that it begins on."""
    text = _read_text(path, reading)
    if not text:
        return
    head = text.split("\n", 1)[0]
    divider = max(",;\t", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=divider, strict=True)
    line = 1
    try:
        for count, cells in enumerate(rows):
            if count > MAX_ROWS:
                reading.report(line, "", "", f"more than {MAX_ROWS} rows; split the table")
                return
            yield line, cells
            line = rows.line_num + 1
    except csv.Error as error:
        reading.report(
            line, "", "", f"not a row of a table ({error}); export the table anew as CSV"
        )


def _read_text(path: Path, reading: _Reading) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reading.report(None, "", "", f"can't be read: {error.strerror or error}")
        return ""
    if len(data) > MAX_BYTES:
        reading.report(None, "", "", f"larger than {MAX_BYTES // 1024**2} MiB; split the table")
        return ""
    if describe_kind(data) == "a ZIP archive":
        reading.report(None, "", "", "a spreadsheet; export the sheet as CSV (UTF-8)")
        return ""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _read_header(names: Sequence[str], reading: _Reading) -> dict[int, tuple[str, str]]:
    """Return field and locale of each column; a field that has no locales has an empty one."""
    columns: dict[int, tuple[str, str]] = {}
    for place, written in enumerate(names):
        if not written.strip():
            continue
        column = _read_column(written, reading.locales)
        if isinstance(column, str):
            reading.report(1, written.strip(), "", column)
        elif column in columns.values():
            reading.report(1, written.strip(), "", "a second column of this; keep one")
        else:
            columns[place] = column
    if ("scene", "") not in columns.values() and not reading.problems:
        reading.report(1, "scene", "", f"no such column, and each shot needs one; {_ACCEPTED}")
    return {} if reading.problems else columns


def _read_column(written: str, locales: Sequence[str]) -> tuple[str, str] | str:
    """Return a column's field and locale, or what is wrong with its name."""
    locale = r"[A-Za-z]{2,3}(?:[_\u2010\u2011-][A-Za-z0-9]{2,4}){0,2}"
    found = re.fullmatch(
        rf"\s*([A-Za-z_ -]+?)\s*(?:[:.(\[/]\s*({locale})\s*[)\]]?)?\s*", written[: _MOST_NAME + 1]
    )
    if found is None or len(written) > _MOST_NAME:
        return f"unknown column; {_ACCEPTED}"
    name = re.sub(r"[\s-]+", "_", found[1].strip().lower())
    name, locale = _ALSO_CALLED.get(name, name), found[2] or ""
    if name in _PLAIN_COLUMNS and not locale:
        return name, ""
    if name not in _BY_LOCALE:
        return f"unknown column; {list_accepted([*_PLAIN_COLUMNS, *_BY_LOCALE], wanted=name)}"
    if not locale:
        return name, locales[0]
    spelt = _spell(locale)
    if spelt not in locales:
        return f"{spelt} is no locale of the campaign; accepted: {', '.join(locales)}"
    return name, spelt


def _spell(locale: str) -> str:
    """Return a locale of any case as briefs have it: a script is the part of four letters."""
    language, *parts = re.split("[_\u2010\u2011-]", locale)
    rest = (part.title() if len(part) == 4 else part.upper() for part in parts)
    return spell_locale("_".join((language.lower(), *rest)))


def _read_shot(
    line: int,
    cells: Sequence[str],
    columns: Mapping[int, tuple[str, str]],
    reading: _Reading,
    *,
    number: int,
) -> NewShot:
    values: dict[tuple[str, str], str] = {}
    for place, cell in enumerate(cells):
        if place in columns:
            values[columns[place]] = cell.strip()
        elif cell.strip():
            reading.report(line, f"column {place + 1}", cell, "stands under no column name")

    def take(name: str, kind: Any, default: str) -> str:
        text = " ".join(values.get((name, ""), "").split()) or default
        _check(kind, text, lambda message: reading.report(line, name, text, message))
        return text

    copy: dict[str, dict[str, str]] = {}
    alt_text: dict[str, str] = {}
    for (name, locale), text in values.items():
        if not locale or not text:
            continue
        kind, texts = (
            (AltText, alt_text) if name == "alt_text" else (CopyText, copy.setdefault(name, {}))
        )
        column = f"{name}:{locale}"
        _check(kind, text, lambda said, at=column, seen=text: reading.report(line, at, seen, said))  # type: ignore[misc]
        texts[locale] = text
    brand = reading.brand
    return NewShot(
        id=take("id", Id, f"shot_{number}"),
        scene=take("scene", Prose, ""),
        characters=_names(line, "characters", values, brand.characters, reading),
        products=_names(line, "products", values, brand.products, reading),
        text=take("text", TextMode, suggest_text(reading.locales) if copy else "none"),
        copy=copy,
        alt_text=alt_text,
    )


def _names(
    line: int,
    column: str,
    values: Mapping[tuple[str, str], str],
    known: Mapping[str, Any],
    reading: _Reading,
) -> tuple[str, ...]:
    """Return the ids that a cell names, by id or by name."""
    by_name = {item.name.lower(): key for key, item in known.items()}
    found: list[str] = []
    for written in re.split(r"[,;+|]", values.get((column, ""), "")):
        name = written.strip()
        key = name if name in known else by_name.get(name.lower(), name.lower())
        if not name:
            continue
        if key not in known:
            accepted = list_accepted(known, wanted=key)
            reading.report(line, column, name, f"not one of {reading.brand.id}'s; {accepted}")
        elif key not in found:
            found.append(key)
    return tuple(found)


def _check(kind: Any, text: str, report: Callable[[str], None]) -> None:
    try:
        TypeAdapter(kind).validate_python(text)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            context = detail.get("ctx", {})
            report(str(context.get("reason") or f"accepted: {context.get('expected', 'text')}"))


def _check_ids(shots: Sequence[NewShot], lines: Sequence[int], reading: _Reading) -> None:
    first: dict[str, int] = {}
    for shot, line in zip(shots, lines, strict=True):
        if shot.id in first:
            reading.report(line, "id", shot.id, f"the id of row {first[shot.id]} already")
        first.setdefault(shot.id, line)
