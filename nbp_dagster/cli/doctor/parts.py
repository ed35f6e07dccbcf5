"""One part after another, each looked at in a thread of its own and given up after a while."""

import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final

from nbp_dagster.cli.doctor.finding import Finding

SECONDS: Final = 20.0
"""How long a part is waited for: a sound one answers within two, over a slow line too."""

Look = Callable[[], Iterable[Finding]]


def look_at(part: str, look: Look, *, seconds: float | None = None) -> Iterator[Finding]:
    """Yield what is found of a part as it is found; a fault where it can't be read, or hangs.

    Args:
        part: Its name, as in its findings.
        look: Yields them; runs in a thread that does not keep the process from ending.
        seconds: What it may take in all; SECONDS when None.

    Raises:
        Exception: What the look raises, but an OSError.
    """
    limit = SECONDS if seconds is None else seconds
    found: SimpleQueue[Finding | Exception | None] = SimpleQueue()
    Thread(target=_run, args=(look, found), name=f"doctor {part}", daemon=True).start()
    deadline = time.monotonic() + limit
    while True:
        try:
            each = found.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            yield Finding(
                part,
                "fault",
                f"no answer within {limit:g} s",
                "check that what it asks runs and is the right one, and the network between",
            )
            return
        if each is None:
            return
        if isinstance(each, OSError):
            yield _tell(part, each)
            return
        if isinstance(each, Exception):
            raise each
        yield each


def _run(look: Look, found: "SimpleQueue[Finding | Exception | None]") -> None:
    try:
        for each in look():
            found.put(each)
    except Exception as error:  # noqa: BLE001  # raised again where it is waited for
        found.put(error)
    found.put(None)


def _tell(part: str, error: OSError) -> Finding:
    words = f"cannot be looked at: {error.strerror or error}"
    where = f" ({error.filename})" if error.filename else ""
    advice = "let the user that runs this read it, or look as one that may"
    return Finding(part, "fault", f"{words}{where}", advice)
