"""How long a megabyte of hostile text takes in everything that reads texts of the service."""

import time
from collections.abc import Callable
from contextlib import suppress

from tests.bench.figures import Figure, at_most
from tests.bench.report import Report
from tests.rigs.hostile_texts import PIECES, hostile_text, readers

_CHARACTERS = 1_000_000
_GOAL_SECONDS = 0.1


def measure_texts(report: Report) -> None:
    """Print the slowest text of each reader. Escaped, a megabyte of surrogates has six."""
    figures: list[Figure] = []
    for name, read in readers().items():
        seconds, piece = max((_seconds(read, piece), piece) for piece in PIECES)
        figures.append(at_most(f"{name}: {piece!r}", seconds, _GOAL_SECONDS, form="{:.3f} s"))
    report.show("1 MB of one text, the slowest", figures)


def _seconds(read: Callable[[str], object], piece: str) -> float:
    text = hostile_text(piece, _CHARACTERS)
    began = time.perf_counter()
    # Refusing a text is reading it too.
    with suppress(ValueError, RecursionError):
        read(text)
    return time.perf_counter() - began
