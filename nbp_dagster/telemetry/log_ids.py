"""Ids of what a thread works on, for the log records it writes meanwhile."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

_NONE: Mapping[str, str] = MappingProxyType({})
_IDS: ContextVar[Mapping[str, str]] = ContextVar("nbp_log_ids", default=_NONE)


@contextmanager
def log_ids(**ids: str | None) -> Iterator[None]:
    """Have records of this thread carry ids within a block; None and empty ones are left out.

    Args:
        ids: Such as `run_id`, `prompt` and `generation_id`.
    """
    token = _IDS.set({**_IDS.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _IDS.reset(token)


def current_ids() -> Mapping[str, str]:
    """Return the ids that hold now in this thread."""
    return _IDS.get()
