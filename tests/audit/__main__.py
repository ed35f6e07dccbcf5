"""`make audit`: locks complete and hashed, what is installed is what is locked, known faults.

Everything but the known faults needs no network. Those are looked up in a folder of advisories
(`ADVISORIES=FOLDER`); without one the audit says that they were not looked up.
"""

import argparse
import sys
from pathlib import Path

from tests.audit.advisories import find_vulnerable
from tests.audit.locks import (
    LOCKS,
    Pin,
    compare_with_installed,
    compare_with_project,
    read_installed,
    read_lock,
    read_project,
)


def main() -> int:
    """Audit; return the process's status."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m tests.audit")
    parser.add_argument("--advisories", type=Path, help="folder of advisories in the OSV form")
    given = parser.parse_args()
    pins: list[Pin] = []
    problems: list[str] = []
    for path in LOCKS:
        found, faults = read_lock(path.read_text("utf-8"), name=path.name)
        pins += found
        problems += faults
    problems += compare_with_project(pins, read_project())
    problems += compare_with_installed(pins, read_installed())
    names = {pin.name for pin in pins}
    sys.stdout.write(f"{len(names)} packages are locked, each to one version with its sha256\n")
    if given.advisories is None:
        sys.stdout.write("known vulnerabilities were NOT looked up: give a folder of advisories\n")
    else:
        try:
            problems += find_vulnerable(pins, given.advisories)
        except (OSError, ValueError) as error:
            problems.append(str(error))
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    sys.stdout.write(f"{len(problems)} problems\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
