"""Validates one document against one pydantic model and words its errors; knows no other file."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ValidationError, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import (
    BriefProblem,
    KeyPath,
    format_key,
    list_accepted,
    show_text,
)

Record = TypeVar("Record", bound=BaseModel)

# The type of an error whose message already says what is accepted.
_OWN_WORDS = "brief"

FREE_TEXT = object()
"""Marks, in `Annotated`, text that a person writes: a comment behind it may be the rest of it."""

# What pydantic puts behind a key that is itself wrong.
_KEY_MARK = "[key]"

# What an item inside a field should have been; a field's own description says so for the field.
_WANTED = {
    "string_type": "text",
    "tuple_type": "a list",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
}


@dataclass(frozen=True)
class _Spot:
    """The model a location leads into, its field there, and whether it is an item of the field."""

    record: type[BaseModel]
    field: FieldInfo | None
    item: bool = False


def check_record(
    record: type[Record],
    document: Document,
    *,
    at: KeyPath = (),
    extra: Mapping[str, Any] | None = None,
) -> tuple[Record | None, list[BriefProblem]]:
    """Validate the mapping at a key path of a document.

    Args:
        record: The pydantic model to validate against.
        document: The parsed file.
        at: Key path of the mapping; the root by default.
        extra: Fields that the mapping does not hold itself, such as an id that is its key.

    Returns:
        The record, or None when it has problems, and the problems, one for each error.
    """
    data = document.at(at)
    if not isinstance(data, Mapping):
        return None, [document.problem(at, "accepted: a mapping of keys to values")]
    details: list[ErrorDetails] = []
    checked: Record | None = None
    try:
        checked = record.model_validate({**data, **(extra or {})})
    except ValidationError as error:
        details = [d for d in error.errors(include_url=False) if not _is_echo(d)]
    problems = _word_all(record, details, document, at=at, given=frozenset(extra or ()))
    problems += _find_misread(record, document, at, {problem.key for problem in problems})
    return None if problems else checked, problems


def _word_all(
    record: type[BaseModel],
    details: list[ErrorDetails],
    document: Document,
    *,
    at: KeyPath,
    given: frozenset[str],
) -> list[BriefProblem]:
    misspelt = {path for detail in details for path in _find_meant(record, detail, details)}
    # A part of a text that counts as a key has no value that could be wrong.
    bare = {d["loc"][:-1] for d in details if d["loc"] and d["loc"][-1] == _KEY_MARK}
    bare = {loc for loc in bare if (*at, *loc) in document.bare}
    return [
        _word(record, detail, document, at=at, given=given)
        for detail in details
        if detail["loc"] not in (misspelt if detail["type"] == "missing" else bare)
    ]


def _find_misread(
    record: type[BaseModel], document: Document, at: KeyPath, told: Collection[str]
) -> list[BriefProblem]:
    """Return a problem for each value of a record that YAML reads as something else.

    Those are texts of which it may have taken a part away, and numbers in an odd notation.
    """
    found = {
        path: f"{show_text(text)} is a comment to YAML: put it in quotes"
        for path, text in document.swallowed.items()
    }
    found |= {**document.bare, **document.odd_numbers}
    for path, message in document.lost.items():
        if _may_be_text(record, path, document, at):
            found[path] = message
    return [
        document.problem(path, message, value="" if _is_collection(document, path) else None)
        for path, message in found.items()
        if path[: len(at)] == at and format_key(path) not in told
    ]


def _is_collection(document: Document, path: KeyPath) -> bool:
    return isinstance(document.at(path), Mapping | tuple)


def _may_be_text(record: type[BaseModel], path: KeyPath, document: Document, at: KeyPath) -> bool:
    """Return whether what YAML takes for a comment there may be text that a person wrote."""
    loc = path[len(at) : -1] if path in document.enclosed else path[len(at) :]
    field = _locate(record, loc).field
    return _is_text(record) if not loc else field is not None and _is_text_field(field)


def _is_text_field(field: FieldInfo) -> bool:
    return FREE_TEXT in field.metadata or _is_text(field.annotation)


def _is_text(annotation: object) -> bool:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(map(_is_text_field, annotation.model_fields.values()))
    return annotation is FREE_TEXT or any(map(_is_text, get_args(annotation)))


def _is_echo(detail: ErrorDetails) -> bool:
    """Return whether a list counts as too short only because its items have errors of their own."""
    return detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]


def _find_meant(
    record: type[BaseModel], detail: ErrorDetails, details: list[ErrorDetails]
) -> list[tuple[int | str, ...]]:
    """Return the missing key that an unknown one beside it was meant to be, if there is one."""
    loc = detail["loc"]
    if detail["type"] != "extra_forbidden":
        return []
    missing = [
        str(d["loc"][-1]) for d in details if (d["type"], d["loc"][:-1]) == ("missing", loc[:-1])
    ]
    return [(*loc[:-1], name) for name in difflib.get_close_matches(str(loc[-1]), missing, n=1)]


def _word(
    record: type[BaseModel],
    detail: ErrorDetails,
    document: Document,
    *,
    at: KeyPath,
    given: frozenset[str],
) -> BriefProblem:
    loc, is_key = _read_place(detail["loc"], document, at)
    path = _trim(document, (*at, *loc))
    kind = detail["type"]
    spot = _locate(record, loc)
    if loc and loc[0] in given:
        # A field that the file spells as the key of the whole mapping.
        return document.problem(at, _explain(detail, spot), value="")
    if kind == "missing":
        wanted = spot.field.description if spot.field else ""
        return document.problem(path, f"missing; required: {wanted}", value="")
    bare = document.bare.get(path)
    if bare is not None and (is_key or kind == "extra_forbidden"):
        return document.problem(path, bare, value="")
    if kind == "extra_forbidden":
        known = [_spell(name, field) for name, field in spot.record.model_fields.items()]
        accepted = [name for name in known if name not in given]
        message = f"unknown key; {list_accepted(accepted, wanted=str(loc[-1]))}"
        return document.problem(path, message, value="")
    if is_key:
        return document.problem(path, f"unknown key; {_explain(detail, spot)}", value="")
    seen = document.at(path)
    # What is wrong with a whole list or mapping says enough without being shown.
    value = "" if kind in (_OWN_WORDS, "too_long") and isinstance(seen, Mapping | tuple) else None
    message = _explain(detail, spot, seen=seen)
    if path in document.odd_numbers and kind not in ("string_type", "literal_error"):
        message = document.odd_numbers[path]
    if kind in ("int_type", "float_type") and isinstance(seen, str):
        message += _advise_number(seen, is_quoted=path in document.quoted)
    if kind == "string_type" and path in document.lost and _may_be_text(record, path, document, at):
        # To put in quotes what YAML has read would leave the rest a comment.
        message = f"accepted: {_describe(spot, kind)}; {document.lost[path]}"
    swallowed = document.swallowed.get(path)
    if swallowed is not None:
        message += f"; {show_text(swallowed)} is a comment to YAML: put it in quotes"
    if bare is not None:
        message += f"; {bare}"
    return document.problem(path, message, value=value)


def _read_place(
    loc: tuple[int | str, ...], document: Document, at: KeyPath
) -> tuple[tuple[int | str, ...], bool]:
    """Return an error's location without pydantic's mark of a key, and whether it had the mark.

    A file may have a key of that very name.
    """
    if not loc or loc[-1] != _KEY_MARK:
        return loc, False
    owner: Any = document.data
    for step in (*at, *loc[:-1]):
        owner = _step_into(owner, step)
    if isinstance(owner, Mapping) and _KEY_MARK in owner:
        return loc, False
    return loc[:-1], True


def _trim(document: Document, path: KeyPath) -> KeyPath:
    """Return the key path as written: what may be short for a mapping has no keys of its own."""
    value: Any = document.data
    for length, step in enumerate(path):
        if isinstance(value, str | int | float):
            return path[:length]
        value = _step_into(value, step)
    return path


def refuse(reason: str) -> PydanticCustomError:
    """Return the error of a validator whose message names what it accepts."""
    return PydanticCustomError(_OWN_WORDS, "{reason}", {"reason": reason})


def refuse_faults(find_fault: Callable[[str], str | None]) -> AfterValidator:
    """Return a validator that refuses a text in which a fault is found, in the fault's words."""

    def check(value: str) -> str:
        fault = find_fault(value)
        if fault is not None:
            raise refuse(fault)
        return value

    return AfterValidator(check)


def as_text(pattern: str, longest: int | None = None) -> WithJsonSchema:
    """Return what a JSON Schema says of a text, where a validator of ours judges it.

    Args:
        pattern: Regular expression that editors know too; at least all that is accepted matches it.
        longest: Characters at most.
    """
    most = {} if longest is None else {"maxLength": longest}
    return WithJsonSchema({"type": "string", "pattern": pattern, **most})


def _step_into(value: Any, step: int | str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step)
    return value[step] if isinstance(value, tuple) and isinstance(step, int) else None


def _explain(detail: ErrorDetails, spot: _Spot, *, seen: object = None) -> str:
    kind = detail["type"]
    context = detail.get("ctx", {})
    if kind == _OWN_WORDS:
        return str(context["reason"])
    if kind == "literal_error":
        accepted = re.findall(r"'([^']*)'", str(context["expected"]))
        wanted = detail["input"] if isinstance(detail["input"], str) else None
        return list_accepted(accepted, wanted=wanted) + _advise_quotes(kind, seen)
    if kind == "too_long":
        return f"{context['actual_length']} items; accepted: {_describe(spot, kind)}"
    return f"accepted: {_describe(spot, kind)}{_advise_quotes(kind, seen)}"


def _advise_quotes(kind: str, seen: object) -> str:
    plain = seen is not None and not isinstance(seen, str | Mapping | tuple)
    if kind in ("string_type", "literal_error") and plain:
        return "; put it in quotes"
    if kind == "string_type" and isinstance(seen, Mapping | tuple):
        signs = "a colon or braces" if isinstance(seen, Mapping) else "brackets"
        return f"; put text with {signs} in quotes"
    return ""


def _advise_number(seen: str, *, is_quoted: bool) -> str:
    if is_quoted:
        return "; remove the quotes"
    looks_like_one = any(character.isdecimal() for character in seen)
    return ", in plain decimals such as 20 or 0.5" if looks_like_one else ""


def _describe(spot: _Spot, kind: str) -> str:
    described = spot.field.description if spot.field else None
    if described and not spot.item:
        return described
    wanted = _WANTED.get(kind, "another kind of value")
    return f"{wanted}, in {described}" if described else wanted


def _spell(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _locate(record: type[BaseModel], loc: tuple[int | str, ...]) -> _Spot:
    """Follow a location through nested records, their lists and their mappings."""
    steps = list(loc)
    while steps:
        fields = {_spell(name, field): field for name, field in record.model_fields.items()}
        field = fields.get(str(steps[0]))
        if field is None or len(steps) == 1:
            return _Spot(record, field)
        annotation = _without_none(field.annotation)
        nested = _find_record(annotation)
        if nested is None or (len(steps) == 2 and annotation is not nested):
            return _Spot(record, field, item=True)
        # A record in a list or mapping is one step further: past its index or its id.
        steps = steps[1:] if annotation is nested else steps[2:]
        record = nested
    return _Spot(record, None)


def _without_none(annotation: Any) -> Any:
    """Return what a field holds that may also be left out."""
    if not isinstance(annotation, UnionType):
        return annotation
    [first, *others] = [item for item in get_args(annotation) if item is not NoneType]
    return annotation if others else first


def _find_record(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_find_record(argument) for argument in get_args(annotation))
    return next((record for record in found if record), None)
