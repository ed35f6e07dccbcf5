"""`make bench`: figures, not tests. Prints how long a run over finished prompts takes."""

import argparse
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.finished import finish_everything
from tests.fakes.briefs import campaign, shot, write_briefs
from tests.fakes.processes import Shell

# Seconds within which a run over everything has ended on the slowest machine.
_PATIENCE = 1800.0


def main() -> int:
    """Measure, print a table, and say if anything was bought that was there already."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=10_000)
    count = parser.parse_args().prompts
    folder = Path(tempfile.mkdtemp(prefix="nbp-bench-"))
    try:
        return _measure(folder, count)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measure(folder: Path, count: int) -> int:
    shell = Shell(folder)
    shots = [shot(f"s{number}", characters=[]) for number in range(count // 4)]
    write_briefs(shell.briefs, campaign(*shots, variants=4, budget_usd=count))
    with shell.simulator() as service:
        live = {"NBP_MODE": "live", "OXEN_API_KEY": "bench", "OXEN_BASE_URL": service.url}
        began = time.monotonic()
        finished = finish_everything(folder, service.url)
        prepared = time.monotonic() - began
        _run(shell, live)  # writes the set, once
        began = time.monotonic()
        said = _run(shell, live)
        seconds = time.monotonic() - began
        bills = service.bills
    idle = re.search(r"(\d+) needed nothing", said)
    untouched = int(idle.group(1)) if idle else 0
    table = Table("figure", "value")
    table.add_row("prompts already made", str(finished.prompts))
    table.add_row("seconds of nbp run", f"{seconds:.1f}")
    table.add_row("milliseconds a prompt", f"{1000 * seconds / finished.prompts:.2f}")
    table.add_row("prompts that needed nothing", str(untouched))
    table.add_row("paid calls", str(bills))
    table.add_row("(seconds to prepare)", f"{prepared:.0f}")
    Console().print(table)
    return 0 if bills == 0 and untouched == finished.prompts else 1


def _run(shell: Shell, settings: dict[str, str]) -> str:
    with Shell(shell.folder, **settings).started("run") as process:
        process.wait(_PATIENCE)
        return process.output


if __name__ == "__main__":
    sys.exit(main())
