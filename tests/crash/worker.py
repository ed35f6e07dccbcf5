"""One run of the engine in a process of its own, which kills itself where it is told to.

It says "ready", waits for a line, runs, and ends with a line of JSON: what each order came to.
"""

import argparse
import importlib
import json
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from nbp_dagster.errors import NbpError
from nbp_dagster.studio.ledger.database import LOCK_TIMEOUT_SECONDS
from nbp_dagster.studio.ledger.orders import Failed, Order, Outcome
from nbp_dagster.studio.purchasing.batch_context import EngineLimits
from nbp_dagster.studio.purchasing.failpoints import (
    FAILPOINTS,
    Failpoint,
    FailpointName,
    no_failpoint,
)
from nbp_dagster.studio.storage.url_folder import UrlFolder
from tests.rigs.workbench import bind, order, workbench

# Fewer in flight than there are orders, so that a run has all its stages going on at once.
LIMITS = EngineLimits(in_flight=4, buyers=4, collectors=2, elsewhere_seconds=0.05)
SENDING = ("before", "within", "after")
INCOMPLETE = 3
STOPPED = 4
_NOBODY = 65534


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the status is 0 when every order is made, INCOMPLETE or STOPPED otherwise."""
    given = _read(arguments)
    if given.largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (given.largest_file, given.largest_file))
    if given.unprivileged and os.geteuid() == 0:
        _become_nobody()
    failpoint = no_failpoint if given.die_at is None else die_at(given.die_at, given.occurrence)
    _say("ready")
    sys.stdin.readline()
    try:
        outcomes = _run(given, failpoint)
    except NbpError as error:
        _say(json.dumps({"stopped": str(error)}))
        return STOPPED
    _say(json.dumps({key: _describe(outcome) for key, outcome in outcomes.items()}))
    return INCOMPLETE if any(isinstance(item, Failed) for item in outcomes.values()) else 0


def die_at(step: FailpointName, occurrence: int) -> Failpoint:
    """Return what kills this process, as no handler can prevent, at the n-th such step."""
    lock = threading.Lock()
    left = occurrence

    def failpoint(reached: FailpointName) -> None:
        nonlocal left
        if reached != step:
            return
        with lock:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return failpoint


def die_sending(moment: str, occurrence: int) -> None:
    """Have this process killed at the n-th upload to the store: before it, within it or after."""
    lock = threading.Lock()
    left = occurrence
    write = UrlFolder.write

    def dying(folder: UrlFolder, path: str, source: Path) -> None:
        nonlocal left
        with lock:
            left -= 1
            is_last = left == 0
        if is_last and moment == "within":
            _send_in_part(folder, path, source)
        if is_last and moment != "after":
            os.kill(os.getpid(), signal.SIGKILL)
        write(folder, path, source)
        if is_last:
            os.kill(os.getpid(), signal.SIGKILL)

    UrlFolder.write = dying  # type: ignore[method-assign]  # this process is the test's alone


def _send_in_part(folder: UrlFolder, path: str, source: Path) -> None:
    """Send the head and half of the body of a PUT, as a machine that loses its power does."""
    address, data = urlsplit(os.environ["AWS_ENDPOINT_URL"]), source.read_bytes()
    bucket = folder.name.partition("://")[2]
    head = f"PUT /{bucket}/{path} HTTP/1.1\r\nHost: s3\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + data[: len(data) // 2])


def singles(count: int) -> list[Order]:
    """Orders of different words."""
    return [order(number) for number in range(count)]


def companions(count: int) -> list[Order]:
    """As many orders, in groups of three that one call asks for."""
    groups = [
        [order(number, variant=variant) for variant in (1, 2, 3)] for number in range(count // 3)
    ]
    return [item for group in groups for item in bind(*group)]


def _correct(given: argparse.Namespace, failpoint: Failpoint) -> dict[str, Outcome]:
    """Make prompts whose pictures all miss the palette, so that each is asked for again."""
    # Late: the other trials need not wait for what this imports.
    from tests.crash.correcting import make_corrected

    return make_corrected(given.url, given.home, count=given.orders, failpoint=failpoint)


def _ask(given: argparse.Namespace, failpoint: Failpoint) -> dict[str, Outcome]:
    """Make prompts, and then another picture of each, because a person asks for it."""
    from tests.crash.correcting import make_asked

    return make_asked(given.url, given.home, count=given.orders, failpoint=failpoint)


def _edit(given: argparse.Namespace, failpoint: Failpoint) -> dict[str, Outcome]:
    """Make pictures, and then an edit of each, because its brief says so."""
    from tests.crash.correcting import make_edited

    return make_edited(given.url, given.home, count=given.orders, failpoint=failpoint)


def _run(given: argparse.Namespace, failpoint: Failpoint) -> dict[str, Outcome]:
    if given.correcting:
        return _correct(given, failpoint)
    if given.asking:
        return _ask(given, failpoint)
    if given.editing:
        return _edit(given, failpoint)
    orders = companions(given.orders) if given.together else singles(given.orders)
    if given.backwards:
        orders.reverse()
    if given.die_sending is not None:
        die_sending(given.die_sending, given.occurrence)
    with workbench(
        given.url,
        given.home,
        store_url=given.store_url,
        limits=LIMITS,
        run_id=f"process {os.getpid()}",
        ledger_url=given.ledger_url,
        lock_timeout=given.patience,
        failpoint=failpoint,
    ) as bench:
        return bench.make(*orders)


def _become_nobody() -> None:
    """Give up root's right to write anywhere."""
    # The database's driver is imported late, and nobody may not read an interpreter in root's home.
    importlib.import_module("sqlite3")
    os.setgid(_NOBODY)
    os.setuid(_NOBODY)


def _read(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--ledger-url")
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--backwards", action="store_true", help="start with the last order")
    parser.add_argument("--together", action="store_true", help="as companions, three in a call")
    parser.add_argument("--correcting", action="store_true", help="ask again for each picture")
    parser.add_argument("--asking", action="store_true", help="a person asks for each again")
    parser.add_argument("--editing", action="store_true", help="each picture is edited")
    parser.add_argument("--die-at", choices=FAILPOINTS)
    parser.add_argument("--store-url", default="")
    parser.add_argument("--die-sending", choices=SENDING)
    parser.add_argument("--occurrence", type=int, default=1)
    parser.add_argument("--largest-file", type=int, help="bytes; what is longer can't be written")
    parser.add_argument("--unprivileged", action="store_true", help="be nobody, if now root")
    parser.add_argument("--patience", type=float, default=LOCK_TIMEOUT_SECONDS)
    return parser.parse_args(arguments)


def _describe(outcome: Outcome) -> str:
    reason = f": {outcome.reason}" if isinstance(outcome, Failed) else ""
    return f"{type(outcome).__name__}{reason}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
