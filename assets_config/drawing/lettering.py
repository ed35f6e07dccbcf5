"""Capitals drawn as single strokes: a rounded geometric sans serif that needs no font file.

Knows only the letters the sample brands' names and labels use.
"""

from drawing.canvas import Pen
from drawing.shapes import Point, Shape, oval

# Letter -> its width and its strokes, both in units of the letter's height; (0, 0) is top left.
_LETTERS: dict[str, tuple[float, list[Shape]]] = {
    "A": (0.8, [[(0, 1), (0.4, 0), (0.8, 1)], [(0.14, 0.66), (0.66, 0.66)]]),
    "B": (
        0.6,
        [
            [(0, 0.47), *oval(0.32, 0.235, 0.235, 0.235, 90, -90), (0, 0), (0, 1)],
            [(0, 0.47), *oval(0.335, 0.735, 0.265, 0.265, -90, 90), (0, 1)],
        ],
    ),
    "C": (0.86, [oval(0.5, 0.5, 0.5, 0.5, -45, -315)]),
    "D": (0.8, [[(0, 0), *oval(0.3, 0.5, 0.5, 0.5, -90, 90), (0, 1), (0, 0)]]),
    "E": (0.55, [[(0.55, 0), (0, 0), (0, 1), (0.55, 1)], [(0, 0.5), (0.48, 0.5)]]),
    "F": (0.55, [[(0.55, 0), (0, 0), (0, 1)], [(0, 0.5), (0.48, 0.5)]]),
    "H": (0.7, [[(0, 0), (0, 1)], [(0.7, 0), (0.7, 1)], [(0, 0.5), (0.7, 0.5)]]),
    "I": (0, [[(0, 0), (0, 1)]]),
    "L": (0.52, [[(0, 0), (0, 1), (0.52, 1)]]),
    "N": (0.7, [[(0, 1), (0, 0), (0.7, 1), (0.7, 0)]]),
    "O": (1, [oval(0.5, 0.5, 0.5, 0.5)]),
    "P": (0.6, [[(0, 0.56), *oval(0.32, 0.28, 0.28, 0.28, 90, -90), (0, 0), (0, 1)]]),
    "R": (
        0.6,
        [
            [(0, 0.56), *oval(0.32, 0.28, 0.28, 0.28, 90, -90), (0, 0), (0, 1)],
            [(0.3, 0.56), (0.6, 1)],
        ],
    ),
    "S": (
        0.6,
        [[*oval(0.3, 0.25, 0.28, 0.25, -35, -270), *oval(0.3, 0.75, 0.3, 0.25, -90, 145)]],
    ),
    "T": (0.7, [[(0, 0), (0.7, 0)], [(0.35, 0), (0.35, 1)]]),
    "U": (0.7, [[(0, 0), *oval(0.35, 0.65, 0.35, 0.35, 180, 0), (0.7, 0)]]),
    "W": (1.0, [[(0, 0), (0.25, 1), (0.5, 0.2), (0.75, 1), (1, 0)]]),
    "Y": (0.7, [[(0, 0), (0.35, 0.5), (0.7, 0)], [(0.35, 0.5), (0.35, 1)]]),
    " ": (0.3, []),
}


def write(
    pen: Pen, text: str, middle: Point, *, height: float, colour: str, tracking: float = 0.3
) -> None:
    """Write capitals in one line centred on a point.

    Args:
        pen: The pen; the letters are in its figure's units.
        text: What to write, in the capitals there are.
        middle: Middle of the line, in both directions.
        height: Height of the letters.
        colour: Colour of the letters.
        tracking: Space between two letters, in units of the height.
    """
    widths = [_LETTERS[letter][0] + tracking for letter in text]
    left = middle[0] - (sum(widths) - tracking) * height / 2
    for letter, width in zip(text, widths, strict=True):
        for stroke in _LETTERS[letter][1]:
            placed = [(left + x * height, middle[1] + (y - 0.5) * height) for x, y in stroke]
            pen.line(placed, colour, 0.17 * height)
        left += width * height
