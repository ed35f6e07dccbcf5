"""Which commit a brief was read from, where the folder is a git checkout."""

import shutil
import subprocess
from pathlib import Path

_SECONDS = 5.0


def commit_of(folder: Path) -> str | None:
    """Return the checked-out commit (12 hex digits) of a folder of briefs.

    The suffix `+edited` says that files of the folder differ from it. None where there is no git,
    no checkout, or no answer within five seconds: lineage never holds up a run.
    """
    git = shutil.which("git")
    if git is None or not folder.is_dir():
        return None
    try:
        head = _ask(git, folder, "rev-parse", "--short=12", "HEAD")
        edited = _ask(git, folder, "status", "--porcelain", "--", ".")
    except (subprocess.SubprocessError, OSError):
        return None
    return f"{head}+edited" if edited else head


def _ask(git: str, folder: Path, *words: str) -> str:
    answer = subprocess.run(
        [git, "-C", str(folder), *words],
        capture_output=True,
        check=True,
        text=True,
        timeout=_SECONDS,
    )
    return answer.stdout.strip()
