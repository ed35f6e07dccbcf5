"""Validates the cron expressions and time zones of briefs, by their text alone."""

import re
from zoneinfo import available_timezones

ACCEPTED_CRON = (
    'accepted: five cron fields in quotes, such as "0 6 * * 1" (minute, hour, day of the month, '
    "month, day of the week from 0 or sun)"
)
ACCEPTED_ZONE = "accepted: an IANA name such as Europe/Berlin or UTC"

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
# Name of each field, its lowest and highest number, and names for its numbers.
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 6, _DAYS),
)


def find_cron_fault(text: str) -> str | None:
    """Return what is wrong with a cron expression, and what is accepted; None for a valid one.

    What is accepted here is accepted by Dagster; it takes more, such as six fields or `L`.
    """
    parts = text.split()
    if len(parts) != len(_FIELDS):
        count = "1 field" if len(parts) == 1 else f"{len(parts)} fields"
        return f"{count}; {ACCEPTED_CRON}"
    chosen: list[set[int]] = []
    for part, (name, low, high, words) in zip(parts, _FIELDS, strict=True):
        numbers: set[int] = set()
        for item in part.lower().split(","):
            found = _expand(item, low=low, high=high, words=words)
            if not found:
                return f"{part!r} as {name}; {ACCEPTED_CRON}; {name}: {low} to {high}"
            numbers |= found
        chosen.append(numbers)
    days, months = chosen[2], chosen[3]
    if parts[4] == "*" and not any(min(days) <= _LONGEST[month - 1] for month in months):
        return f"no such day ever comes: day {min(days)} of month {parts[3]}; {ACCEPTED_CRON}"
    return None


def find_zone_fault(name: str) -> str | None:
    """Return what is wrong with the name of a time zone; None for one that exists."""
    return None if name in available_timezones() else f"not a time zone; {ACCEPTED_ZONE}"


def _expand(item: str, *, low: int, high: int, words: tuple[str, ...]) -> set[int]:
    """Return the numbers of one item of a field: `*`, `5`, `1-5`, `*/15`; none if it is wrong."""
    match = re.fullmatch(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d{1,2}))?", item)
    if match is None:
        return set()
    whole, first, last, step = match.groups()
    if step is not None and (int(step) == 0 or (whole != "*" and last is None)):
        return set()
    start = low if whole == "*" else _number(first, low, words)
    end = high if whole == "*" else start if last is None else _number(last, low, words)
    if start is None or end is None or not low <= start <= end <= high:
        return set()
    return set(range(start, end + 1, int(step or 1)))


def _number(text: str, low: int, words: tuple[str, ...]) -> int | None:
    if re.fullmatch(r"[0-9]{1,2}", text):
        return int(text)
    return low + words.index(text) if text in words else None
