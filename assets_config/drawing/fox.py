"""Pip, the fox of Pennyway Couriers, in three views; knows nothing of files.

A figure's own coordinates: the middle of the head is (0, 0), the head is about 400 wide, the body
hangs below it and the soles stand at 522.
"""

import math
from collections.abc import Sequence

from PIL import Image

from drawing.canvas import WHITE, Canvas, Pen
from drawing.pennyway import (
    COCOA,
    CREAM,
    CREAM_SHADE,
    TEAL,
    TEAL_SHADE,
    YELLOW,
    YELLOW_SHADE,
    draw_wheel,
)
from drawing.shapes import Point, Shape, both, box, curve, outline, oval, slab

FOX, FOX_SHADE = "#EE7B30", "#D9621D"
BLUSH, TONGUE = "#F9B08A", "#E8604C"


def _turned(points: Sequence[Point], turn: float, depth: float = 215) -> Shape:
    """Return points of the face after the head turned by `turn` degrees to the picture's right.

    They are carried round an upright cylinder of radius `depth`: what sticks out moves furthest.
    """
    angle = math.radians(turn)
    turned: Shape = []
    for x, y in points:
        share = max(-1.0, min(1.0, x / depth))
        turned.append((depth * math.sin(math.asin(share) + angle), y))
    return turned


def _draw_head(pen: Pen, *, turn: float = 0) -> None:
    """Draw head, ears, face and cap, looking ahead or `turn` degrees to the picture's right."""
    for side in (-1, 1):
        _draw_ear(pen, side, turn)
    head = _outline_head(turn)
    pen.part(head, FOX, FOX_SHADE)
    mask = both(
        [(0, 74), (34, 58), (78, 24), (118, 16), (160, 36), (215, 60), (215, 180), (0, 190)]
    )
    pen.patch(_turned(curve(mask), turn, 235), CREAM, head)
    for side in (-1, 1):
        pen.patch(_turned(oval(side * 114, 78, 26, 17), turn, 195), BLUSH, head)
    pen.line([*head, head[0]])
    _draw_face(pen, turn)
    _draw_cap(pen, 0.6 * turn)


def _outline_head(turn: float) -> Shape:
    brow = [(0, -140), (120, -122), (166, -50), (178, 10), (210, 70)]
    jaw = [(184, 112), (128, 136), (66, 160), (0, 168)]
    cheek = [brow[-1], (184, 80), jaw[0]]
    narrowed = _narrow(turn)
    far_jaw, far_cheek, far_brow = (
        [(-x * narrowed, y) for x, y in reversed(piece)] for piece in (jaw, cheek, brow)
    )
    head = outline(brow, cheek, [*jaw, *far_jaw[1:]], far_cheek, far_brow)
    return [(-x, y) for x, y in head]  # the far side is the right one


def _narrow(turn: float) -> float:
    """Return how much of its width the far, right side of a turned head keeps."""
    return 1 - turn / 110


def _draw_ear(pen: Pen, side: int, turn: float) -> None:
    ear = outline(
        [(side * 52, -108), (side * 86, -186), (side * 142, -262)],
        [(side * 142, -262), (side * 172, -170), (side * 150, -70)],
    )
    inner = outline(
        [(side * 92, -112), (side * 112, -166), (side * 138, -206)],
        [(side * 138, -206), (side * 152, -150), (side * 140, -80)],
    )
    tip = outline(
        [(side * 40, -270), (side * 200, -270)],
        [(side * 200, -198), (side * 130, -214), (side * 40, -198)],
    )
    width = _narrow(turn) if side > 0 else 1
    ear, inner, tip = ([(x * width, y) for x, y in shape] for shape in (ear, inner, tip))
    pen.part(ear, FOX, FOX_SHADE)
    pen.patch(inner, CREAM_SHADE)
    pen.patch(tip, COCOA, ear)
    pen.line([*ear, ear[0]])


def _draw_face(pen: Pen, turn: float) -> None:
    for side in (-1, 1):
        pen.patch(_turned(oval(side * 80, 2, 23, 31), turn), COCOA)
        pen.patch(_turned(oval(side * 80 + 8, -9, 8, 10), turn), WHITE)
        pen.patch(_turned(oval(side * 80 - 8, 14, 4, 5), turn), WHITE)
    nose = both([(0, 58), (26, 60), (33, 72), (16, 90), (0, 96)])
    pen.patch(_turned(curve(nose), turn, 240), COCOA)
    pen.patch(_turned(oval(-9, 68, 9, 5), turn, 240), WHITE)
    grin = [(-46, 106), (-26, 120), (0, 110), (26, 120), (46, 106)]
    mouth = _turned(
        curve([(-27, 119), (0, 112), (27, 119), (18, 138), (0, 145), (-18, 138), (-27, 119)]),
        turn,
        235,
    )
    pen.patch(mouth, COCOA)
    pen.patch(_turned(oval(0, 142, 16, 10), turn, 235), TONGUE, mouth)
    pen.line(_turned(curve(grin), turn, 235), width=6)
    pen.line(_turned([(0, 92), (0, 112)], turn, 235), width=6)


def _draw_cap(pen: Pen, turn: float) -> None:
    half = [(0, -212), (62, -200), (112, -156), (126, -84)]
    band = [(126, -84), (66, -62), (0, -56), (-66, -62), (-126, -84)]
    crown = outline([*[(-x, y) for x, y in reversed(half)], *half[1:]], band)
    peak = curve(_turned([(96, -84), (70, -42), (0, -22), (-70, -42), (-96, -84)], turn))
    pen.part(peak, YELLOW, YELLOW_SHADE, depth=6)
    pen.part(crown, TEAL, TEAL_SHADE)
    stripe = [(-26, -230), (26, -230), (30, -40), (-30, -40)]
    pen.patch(_turned(stripe, turn, 260), CREAM, crown)
    pen.line([*crown, crown[0]])
    pen.part(oval(0, -213, 15, 10), YELLOW)


def _draw_body(pen: Pen, *, waving: bool = False) -> None:
    """Draw tail, legs, torso, arms, bag and strap; the head is drawn over the neck afterwards."""
    _draw_tail(pen)
    for side in (-1, 1):
        _draw_leg(pen, side)
    torso = curve(
        both([(0, 120), (74, 130), (104, 220), (124, 320), (108, 396), (50, 424), (0, 426)])
    )
    pen.part(torso, FOX, FOX_SHADE)
    bib = [(70, 130), (84, 200), (66, 196), (62, 258), (40, 246), (26, 300), (0, 276)]
    pen.patch(both(bib), CREAM, torso)
    strap = curve([(-92, 168), (-30, 226), (50, 290), (126, 336)])
    pen.line(strap, width=44, inside=torso)
    pen.line(strap, YELLOW, 30, inside=torso)
    pen.line([*torso, torso[0]])
    _draw_bag(pen)
    _draw_arms(pen, waving=waving)


def _draw_tail(pen: Pen) -> None:
    low = [(70, 392), (160, 412), (248, 372), (286, 286), (276, 190), (232, 104)]
    high = [(232, 104), (194, 166), (174, 236), (136, 296), (100, 326), (60, 330)]
    tail = outline(low, high)
    pen.part(tail, FOX, FOX_SHADE)
    edge = [
        (140, 214),
        (190, 236),
        (204, 208),
        (236, 240),
        (252, 212),
        (300, 236),
        (300, 60),
        (140, 60),
    ]
    pen.patch(edge, CREAM, tail)
    pen.line([*tail, tail[0]])


def _draw_leg(pen: Pen, side: int) -> None:
    leg = slab([(side * 18, 370), (side * 104, 370), (side * 98, 516), (side * 26, 516)], 18)
    foot = slab([(side * 18, 478), (side * 96, 478), (side * 128, 522), (side * 14, 522)], 22)
    pen.part(leg, FOX)
    pen.part(foot, COCOA)


def _draw_bag(pen: Pen) -> None:
    pen.part(box(78, 316, 124, 104, 20), TEAL, TEAL_SHADE, depth=12)
    flap = slab([(74, 312), (206, 312), (202, 372), (78, 372)], 18)
    pen.part(flap, TEAL, depth=6)
    pen.line([(88, 396), (192, 396)], YELLOW, 12)
    draw_wheel(pen, (140, 342), 21, colour=YELLOW, width=4)


def _draw_arms(pen: Pen, *, waving: bool) -> None:
    holding = curve([(88, 196), (142, 244), (122, 282), (44, 270)])
    resting = curve([(-88, 196), (-136, 256), (-146, 320), (-134, 352)])
    raised = curve([(-90, 206), (-160, 250), (-216, 210), (-236, 140)])
    pen.tube(raised if waving else resting, FOX, 50, end=0.68)
    pen.tube(holding, FOX, 50, end=0.76)


def draw_front() -> Image.Image:
    """Draw Pip standing, seen from the front."""
    canvas = Canvas(1024)
    pen = Pen(canvas, (478, 362), ink=COCOA, scale=1.14)
    _draw_body(pen)
    _draw_head(pen)
    return canvas.finish()


def draw_waving() -> Image.Image:
    """Draw Pip standing, the head turned a quarter and a paw raised."""
    canvas = Canvas(1024)
    _draw_body(Pen(canvas, (490, 362), ink=COCOA, scale=1.14), waving=True)
    _draw_head(Pen(canvas, (490, 362), ink=COCOA, scale=1.14, tilt=-4), turn=15)
    return canvas.finish()


def draw_face() -> Image.Image:
    """Draw Pip's face close up, from the front."""
    canvas = Canvas(1024)
    _draw_head(Pen(canvas, (512, 590), ink=COCOA, scale=1.9))
    return canvas.finish()
