"""Aligned columns and the remark on simulated money, for every command that prints."""

from collections.abc import Iterator, Sequence


def align(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows of cells as lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def free_note(simulated: bool) -> str:
    """Return what follows a sum of money that the simulator asks for; nothing for a real one."""
    return " (simulated: nothing is paid)" if simulated else ""
