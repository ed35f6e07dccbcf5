"""Tells limits that last (quota, plan, empty account) from a rate, and a model without capacity.

Must not know: HTTP, retries, or which exception a meaning becomes.
"""

import re

from nbp_dagster.oxen.error_text import MAX_JUDGED_CHARS

# Which side errs, of limits: one that is taken for lasting ends the run, with its words and unpaid;
# one that is taken for a rate is waited for in vain, for minutes, and then said. Outside of a 429
# the words have to be whole phrases: they end every run, and count against no prompt.

_QUOTA = re.compile(
    r"""
      (?<![a-z])quotas?(?![a-z])
    | \b(check|upgrade|change|renew)\s+(\w+\s+){0,2}?(plan|billing|subscription)\b
    | (?<![a-z])billing(?![a-z])
    | (?<![a-z])(plan|subscription|daily|weekly|monthly|spend(ing)?|usage|trial)
      [\s_]+(\w+\s+)?limit(?![a-z])
    | (?<![a-z])free[\s_-]tier(?![a-z])
    | (?<![a-z])per[\s_-](day|week|month|year)(?![a-z]) | (?-i:Per(Day|Week|Month))
    | \b(subscription|trial|plan)\s+(\w+\s+){0,2}?(expired|ended|inactive|cancell?ed|lapsed)\b
    | \b(expired|inactive|no\s+active)\s+(subscription|trial|plan)\b
    | \bpayment\s+(\w+\s+){0,3}?(declined|failed|rejected|overdue)\b | \bpast\s+due\b
    | \bcard\s+(was\s+|has\s+been\s+)?declined\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a 429 that no waiting mends."""

LASTING_SECONDS = 3600.0
"""A limit that asks for a wait of so long lasts: a run waits for minutes (`outage_minutes`)."""

_WAIT = re.compile(
    r"\b(?:retry_?delay\W{1,6}(?:seconds\W{1,3})?"
    r"|(?:retry|try\s+(?:it\s+)?again|wait|resets?|available\s+again)[\s_-]+)"
    r"(?:(?:in|after|for)[\s:]+)?(?:(?:about|around|approximately|another|at\s+least)\s+)?"
    r"(?:(?P<days>tomorrow|(?:the\s+)?next\s+(?:day|week|month))\b|(?=\d|an?\s|several\s))",
    re.IGNORECASE,
)
_SPAN = re.compile(
    r"(?P<count>\d{1,9}(?:\.\d{1,9})?|a\s+few|several|an?)\s*"
    r"(?P<unit>ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?|weeks?"
    r"|months?)?(?![a-z])(?:,\s|\sand\s|\s)?",
    re.IGNORECASE,
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
"""Seconds of a unit, by its first letter."""

_NO_ALLOWANCE = re.compile(r"\blimit\W{1,3}0(?![\d.,]*\d)(?!\s+\w+\s+(remaining|left)\b)", re.I)
"""What Gemini says of a plan without the model, with "Please retry in 51.9s" behind it."""

_PER_MOMENT = re.compile(
    r"per[\s_-]?(second|minute)|\b[rt]p[ms]\b|retry\s+(in|after)\b"
    r"|(requests?|\d)\s*/\s*(s|sec|min)\b|prediction_\w*per_base_model(?!_per_(hour|day))\b",
    re.IGNORECASE,
)
"""Words of a quota that is a rate limit: it is over in a moment. Vertex AI counts its requests per
base model by the minute, which their name does not say."""

_RATE = re.compile(r"\brate[\s_-]?limit|\btoo\s+many\s+requests\b|\bthrottl", re.IGNORECASE)
"""Words of a 429 that may mention credit and still passes."""

_EXHAUSTED = re.compile(r"\bresource[\s_](has\s+been\s+)?exhausted\b", re.IGNORECASE)
"""Google's name of a 429, whatever it is about."""

_USED_UP = re.compile(
    r"""
      (?<![a-z])billing[\s_]+((hard|soft)[\s_]+)?limit(?![a-z])
    | \bexceed(ed|s|ing)?\s+(\w+\s+){1,3}?quota\b
    | (?<![a-z])quota[\s_](is\s+|has\s+been\s+)?(exceeded|exhausted|reached|used\s+up)\b
    | \b(daily|monthly|spend(ing)?|usage|free[\s_-]tier|trial)[\s_]limit[\s_]
      (is\s+|was\s+|has\s+been\s+)?(reached|exceeded)\b
    | \b(reached|hit|exceeded)\s+(your|the)\s+(\w+\s+){0,2}?(spend(ing)?|usage|daily|monthly)
      \s+limits?\b
    | (?<!\w\s)(?<![\w-])budget[\s_](is\s+|was\s+|has\s+been\s+)?(exceeded|exhausted|used\s+up)\b
    | \b(your|the|team|user|key|api|project|(dai|week|month)ly|spend(ing)?)(['’]s)?\s+budget\s+
      (is\s+|was\s+|has\s+been\s+)?(exceeded|exhausted|used\s+up)\b
    | \bexceeded[\s_]?(token[\s_]?)?budget\b(?!\s+of\b) | \bcrossed\s+budget\b
    | \bover\s+budget\W{1,3}(current\s+)?(spend|cost)\b
    | \blimit\s+of\s+\d[\d,]*\s+\w+\s+(per|a)\s+(day|week|month)\b
    | \b(your|the)\s+(subscription|trial)\s+(has\s+)?expired\b
    | \bsubscription\s+has\s+expired\b
    | \bpayment\s+method\s+(was\s+|has\s+been\s+)?declined\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a quota or budget at its end, whatever the status; none that a scene would have."""

_OUT_OF_CREDIT = re.compile(
    r"""
      (insufficient|not\s+enough|out\s+of|ran\s+out\s+of|no(\s+(more|remaining))?|exhausted|add(\s+more)?|buy|purchase)
      \s+(\w+\s+){0,2}?(credits?(?!\s+(card|line))|balance|funds)\b
    | \bcredits?\s+(\w+\s+){0,3}?(exhausted|depleted|too\s+low|insufficient|used\s+up)\b
    | insufficient[\s_](credits?|balance|funds|quota)
    | payment[\s_](is\s+)?required
    | (balance|funds)\s+(is\s+|are\s+)?(too\s+low|insufficient|exhausted|depleted)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words for an empty account; a headline about credit cards is not one."""

_AT_CAPACITY = re.compile(
    r"""
      \boverloaded\b
    | \b(at|over|beyond|no|insufficient|out\s+of|exceed\w*)\s+(\w+\s+){0,2}?capacity\b
    | \bcapacity\s+(is\s+|has\s+been\s+)?(exhausted|exceeded|reached|unavailable)\b
    | \b(high|heavy)\s+demand\b
    | \bmodel\s+is\s+(currently\s+|temporarily\s+)?(busy|unavailable)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a model that takes no more work now, as services of such models are seen to say it; how
they read through Oxen is not documented."""


def is_out_of_credit(text: str | None) -> bool:
    """Return whether an error text means that the account cannot pay, or has used up its quota."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    if _OUT_OF_CREDIT.search(judged) is not None:
        return True
    return is_used_up(judged) and not _passes_soon(judged)


def is_used_up(text: str) -> bool:
    """Return whether a text says in so many words that a quota, plan or budget is at its end."""
    return _USED_UP.search(text[:MAX_JUDGED_CHARS]) is not None


def is_quota(text: str | None) -> bool:
    """Return whether an error text is about a quota, plan or billing, and not about a rate."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return _QUOTA.search(judged) is not None and not _passes_soon(judged)


def is_lasting_limit(text: str | None, *, retry_after: float | None = None) -> bool:
    """Return whether the words of a 429 are of a quota, a plan or an empty account: not a rate.

    A wait that they name decides, since who counts knows best: seconds and minutes are a rate,
    whatever quota they speak of, and LASTING_SECONDS or more last. So does a short `Retry-After`
    where they name none. An empty account and a quota of nothing last all the same.

    Args:
        text: The words.
        retry_after: Seconds of the answer's `Retry-After`.
    """
    judged = (text or "")[:MAX_JUDGED_CHARS]
    is_rate = _RATE.search(judged) is not None
    if _OUT_OF_CREDIT.search(judged) is not None and not is_rate:
        return True
    if is_quota(judged) or (is_used_up(judged) and not is_rate):
        return not _passes_soon(judged, retry_after=retry_after)
    return (_wait_of(judged) or 0.0) >= LASTING_SECONDS


def is_passing_limit(text: str | None) -> bool:
    """Return whether an error text is of a limit that is over in less than LASTING_SECONDS."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    if is_lasting_limit(judged) or is_out_of_credit(judged):
        return False
    patterns = (_RATE, _EXHAUSTED, _USED_UP)
    return any(item.search(judged) for item in patterns)


def is_at_capacity(text: str | None) -> bool:
    """Return whether an error text says that the model has no capacity at the moment."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return _AT_CAPACITY.search(judged) is not None and not is_quota(judged)


def _passes_soon(text: str, *, retry_after: float | None = None) -> bool:
    """Return whether a limit is over in less than LASTING_SECONDS, by its words or its header."""
    if _NO_ALLOWANCE.search(text) is not None:
        return False
    wait = _wait_of(text)
    if wait is None and _PER_MOMENT.search(text) is not None:
        return True
    wait = retry_after if wait is None else wait
    return wait is not None and wait < LASTING_SECONDS


def _wait_of(text: str) -> float | None:
    """Return the longest wait in seconds that a text asks for; None where it names none."""
    waits: list[float] = []
    for found in _WAIT.finditer(text):
        seconds, at = (_UNITS["d"], found.end()) if found["days"] else (0.0, found.end())
        while span := _SPAN.match(text, at):
            seconds += _seconds_of(span)
            at = span.end()
        waits.append(seconds)
    return max(waits, default=None)


def _seconds_of(span: re.Match[str]) -> float:
    unit = (span["unit"] or "s").casefold()
    count = float(span["count"]) if span["count"][0].isdigit() else 1.0
    if unit.startswith("mo"):
        return count * 30 * _UNITS["d"]
    return count * (0.001 if unit.startswith(("ms", "milli")) else _UNITS[unit[0]])
