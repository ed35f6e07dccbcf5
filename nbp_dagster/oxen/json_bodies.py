"""Reading loose JSON: each function takes one field out of an answer, or says what stood there.

Must not know: which answers exist.
"""

import math
from collections.abc import Mapping, Sequence


class ShapeError(ValueError):
    """An answer does not have the promised shape; the text says what was expected and seen."""


def as_mapping(value: object, what: str) -> Mapping[str, object]:
    """Return a JSON object, or say what stood in its place."""
    if not isinstance(value, Mapping):
        raise ShapeError(f"{what} is {kind_of(value)}, not an object")
    return value


def unwrap(payload: Mapping[str, object]) -> Mapping[str, object]:
    """Return what `data` holds when the object is wrapped in it."""
    inner = payload.get("data")
    named = "id" in payload or "generation_id" in payload
    return inner if isinstance(inner, Mapping) and not named else payload


def list_of(payload: Mapping[str, object], key: str, *, required: bool = True) -> Sequence[object]:
    """Return a list field; an absent one is empty unless it is required."""
    value = payload.get(key)
    if value is None and not required:
        return ()
    if not isinstance(value, list):
        raise ShapeError(f"`{key}` is {kind_of(value)}, not a list")
    return value


def text_of(payload: Mapping[str, object], *keys: str) -> str | None:
    """Return the first of several spellings that holds a non-empty text."""
    for key in keys:
        value = payload.get(key)
        if isinstance(value, str) and value:
            return value
    return None


def flag_of(payload: Mapping[str, object], key: str) -> bool | None:
    """Return a boolean field; anything else is None."""
    value = payload.get(key)
    return value if isinstance(value, bool) else None


def number_of(payload: Mapping[str, object], key: str) -> float | None:
    """Return a numeric field; anything else, booleans included, is None."""
    value = payload.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def kind_of(value: object) -> str:
    """Name what a JSON value is, for a message that must not quote it."""
    return "missing" if value is None else type(value).__name__
