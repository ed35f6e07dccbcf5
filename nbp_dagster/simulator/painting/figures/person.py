"""Draws one parametric person, seen from the front, at three quarters or from the side."""

from dataclasses import dataclass

from nbp_dagster.simulator.painting.colour import Colour, luminance, mix, shade, tint
from nbp_dagster.simulator.painting.figures.hair import draw_back_hair, draw_front_hair, draw_hat
from nbp_dagster.simulator.painting.figures.traits import Traits
from nbp_dagster.simulator.painting.pen import Pen, Point

_INK: Colour = (44, 34, 38)

# Elbow and hand of the arm on the viewer's right; the other arm is mirrored.
_ARMS: dict[str, tuple[Point, Point]] = {
    "rest": ((35, -113), (33, -88)),
    "wave": ((45, -124), (53, -154)),
    "hold": ((36, -108), (17, -115)),
    "hip": ((47, -112), (27, -95)),
    "offer": ((38, -110), (58, -120)),
}


@dataclass(frozen=True)
class Pose:
    """How a figure stands.

    Attributes:
        turn: 0 faces the viewer, 0.5 three quarters, 1 the side.
        left, right: arm positions by name.
        cup: whether the right hand holds a cup.
        smile: "soft" or "open".
    """

    turn: float = 0.0
    left: str = "rest"
    right: str = "rest"
    cup: bool = False
    smile: str = "soft"


def draw_person(pen: Pen, traits: Traits, pose: Pose) -> None:
    """Draw head to toe; feet stand at (0, 0), the crown reaches about y = -200."""
    slim = 1 - 0.3 * pose.turn
    draw_back_hair(pen, traits, pose.turn)
    _draw_legs(pen, traits, slim)
    if pose.turn < 1:
        _draw_arm(pen, traits, pose.left, side=-slim)
    _draw_torso(pen, traits, slim)
    draw_head(pen, traits, pose)
    if traits.scarf:
        pen.stroke([(-14 * slim, -145), (0, -139), (14 * slim, -145)], 10, traits.scarf)
        pen.stroke([(8, -141), (11, -118)], 9, shade(traits.scarf, 0.12))
    if pose.turn >= 1:
        _draw_arm(pen, traits, "rest", side=0.16)
    else:
        _draw_arm(pen, traits, pose.right, side=slim)
        if pose.cup:
            _draw_cup(pen, _reach(pose.right, slim)[1], traits.body)


def draw_head(pen: Pen, traits: Traits, pose: Pose) -> None:
    """Draw neck, face and front hair; back hair goes under the body and is drawn before."""
    skin, turn = traits.body, pose.turn
    pen.stroke([(0, -158), (0, -141)], 13, mix(skin, (142, 70, 52), 0.22))
    pen.disc(-18.5 + 10 * turn, -171, 4, 5.4, fill=shade(skin, 0.08))
    if turn < 0.4:
        pen.disc(18.5, -171, 4, 5.4, fill=shade(skin, 0.08))
    pen.blob(
        [(0, -196), (13, -192), (19, -177), (17, -163), (8.5, -152.5), (0, -150.5),
         (-8.5, -152.5), (-17, -163), (-19, -177), (-13, -192)],
        skin,
    )  # fmt: skip
    if turn >= 1:
        pen.blob([(16, -174), (23, -167), (22, -164.5), (16, -163)], skin)
    _draw_face(pen, traits, pose)
    draw_front_hair(pen, traits, turn)
    if traits.hat:
        draw_hat(pen, traits, turn)
    if traits.glasses:
        _draw_glasses(pen, traits, turn)


def _eyes(turn: float) -> list[tuple[float, float]]:
    """Horizontal place and width factor of each eye that shows."""
    if turn >= 1:
        return [(11.5, 0.7)]
    return [(-8 + 11 * turn, 1.0), (8 + 8 * turn, 1.0 - 0.3 * turn)]


def _draw_face(pen: Pen, traits: Traits, pose: Pose) -> None:
    skin, turn = traits.body, pose.turn
    middle = 9.5 * turn if turn < 1 else 13.0
    blush = mix(skin, (226, 84, 84), 0.3)
    if traits.beard:
        _draw_beard(pen, traits, middle)
    brow = mix(traits.hair, _INK, 0.35) if luminance(traits.hair) < 0.6 else shade(traits.hair, 0.4)
    for x, wide in _eyes(turn):
        pen.disc(x + (x - middle) * 0.35, -164.5, 4.2 * wide, 3.0, fill=blush, alpha=0.55)
        if traits.glasses:
            pen.disc(x, -172, 6.2 * wide, 6.2, fill=tint(skin, 0.42))
        pen.disc(x, -172.5, 2.1 * wide, 2.9, fill=_INK)
        pen.disc(x + 0.7, -173.6, 0.75, fill=(255, 255, 255))
        pen.arc(x, -177.5, 4 * wide, 2.6, 205, 335, width=1.5, fill=brow)
    if turn < 1:
        pen.stroke(
            [(middle + 0.6, -170), (middle + 2.4, -165.8), (middle - 0.4, -165)], 1.3,
            mix(skin, (142, 66, 48), 0.38),
        )  # fmt: skip
    if traits.freckles:
        dots = ((-11, -164), (-8, -162), (-4.6, -164.4), (4.6, -164.4), (8, -162), (11, -164))
        for x, y in dots:
            if abs(middle * 0.85 + x) < 17:
                pen.disc(middle * 0.85 + x, y, 0.75, fill=mix(skin, (150, 76, 44), 0.62))
    _draw_mouth(pen, pose, middle - (1 if turn >= 1 else 0), lip=mix(skin, (150, 34, 48), 0.68))


def _draw_mouth(pen: Pen, pose: Pose, x: float, lip: Colour) -> None:
    wide = 5.2 if pose.turn < 1 else 3.4
    if pose.smile == "open" and pose.turn < 1:
        pen.half(x, -160.6, wide + 0.8, 5.4, shade(lip, 0.25), start=0)
        pen.half(x, -160.6, wide, 1.9, (255, 255, 255), start=0)
    else:
        pen.arc(x, -161.6, wide, 3.8, 18, 162, width=1.7, fill=lip)


def _draw_beard(pen: Pen, traits: Traits, middle: float) -> None:
    x = middle * 0.4
    pen.blob(
        [(-18.6, -174), (-16.5, -166), (-9 + x, -164.8), (x, -165.4), (9 + x, -164.8),
         (16.5, -166), (18.6, -174), (17.5, -158), (8.5, -147.5), (0, -145.5), (-8.5, -147.5),
         (-17.5, -158)],
        traits.hair,
    )  # fmt: skip


def _draw_glasses(pen: Pen, traits: Traits, turn: float) -> None:
    eyes = _eyes(turn)
    for x, wide in eyes:
        pen.arc(x, -172, 6.4 * wide, 6.4, 0, 360, width=1.6, fill=traits.frames)
    if len(eyes) == 2:
        (left, wide), (right, narrow) = eyes
        pen.arc((left + right) / 2, -172, (right - left) / 2 - 6 * (wide + narrow) / 2 + 0.6, 2,
                190, 350, width=1.6, fill=traits.frames)  # fmt: skip
    pen.stroke(
        [(eyes[0][0] - 6.4 * eyes[0][1], -173), (-17 + 9 * turn, -174.5)], 1.5, traits.frames
    )
    if turn < 0.4:
        pen.stroke([(14.4, -173), (17, -174.5)], 1.5, traits.frames)


def _draw_legs(pen: Pen, traits: Traits, slim: float) -> None:
    dress = traits.garment == "dress"
    leg = traits.body if dress else traits.legs
    for side in (-1, 1):
        x = 10.5 * side * slim * slim
        pen.stroke([(x * 0.95, -88), (x, -8)], 16 if not dress else 10, leg, curved=False)
        pen.half(x + 2.5 * (1 - slim) * 3, -1, 11.5, 10, traits.shoes)
        pen.box(x - 11.5 + 7.5 * (1 - slim), -2.2, x + 11.5 + 7.5 * (1 - slim), 0,
                shade(traits.shoes, 0.4), radius=1)  # fmt: skip
    if dress:
        pen.blob([(-20 * slim, -100), (20 * slim, -100), (31 * slim, -48), (0, -44),
                  (-31 * slim, -48)], traits.cloth)  # fmt: skip
    else:
        pen.box(-20 * slim, -100, 20 * slim, -78, traits.legs, radius=8)


def _draw_torso(pen: Pen, traits: Traits, slim: float) -> None:
    layered = traits.garment in {"apron", "overalls"}
    main = traits.under if layered else traits.cloth
    _trunk(pen, main, slim)
    low = -86 if traits.garment in {"apron", "overalls", "dress"} else -82
    pen.box(-23 * slim, -96, 23 * slim, low, main, radius=5)
    if traits.garment == "jacket":
        _draw_jacket(pen, traits, slim)
    elif layered:
        _draw_bib(pen, traits, slim)
    elif traits.garment in {"hoodie", "sweater"}:
        pen.box(-23 * slim, -87, 23 * slim, -81, shade(main, 0.12), radius=3)
        pen.stroke([(-10 * slim, -147), (0, -141), (10 * slim, -147)], 6, shade(main, 0.14))
        if traits.garment == "hoodie":
            pen.box(-13 * slim, -107, 13 * slim, -92, shade(main, 0.1), radius=5)
    else:
        pen.blob([(-9 * slim, -149), (9 * slim, -149), (0, -137)], traits.body)
        pen.stroke([(-10 * slim, -148), (0, -136), (10 * slim, -148)], 3, shade(main, 0.14),
                   curved=False)  # fmt: skip


def _trunk(pen: Pen, fill: Colour, slim: float) -> None:
    pen.blob(
        [(-9 * slim, -148), (-24 * slim, -143), (-31 * slim, -131), (-27 * slim, -110),
         (-23 * slim, -88), (0, -85), (23 * slim, -88), (27 * slim, -110), (31 * slim, -131),
         (24 * slim, -143), (9 * slim, -148)],
        fill,
    )  # fmt: skip


def _draw_jacket(pen: Pen, traits: Traits, slim: float) -> None:
    pen.box(-24 * slim, -100, 24 * slim, -74, traits.cloth, radius=5)
    pen.shape(
        [(-8 * slim, -149), (8 * slim, -149), (6 * slim, -74), (-6 * slim, -74)], traits.under
    )
    for side in (-1, 1):
        lapel = [(8 * side * slim, -149), (17 * side * slim, -141), (6.5 * side * slim, -112)]
        pen.shape(lapel, shade(traits.cloth, 0.16))
        pen.box(min(11 * side, 20 * side) * slim, -92, max(11 * side, 20 * side) * slim, -89,
                shade(traits.cloth, 0.2), radius=1)  # fmt: skip


def _draw_bib(pen: Pen, traits: Traits, slim: float) -> None:
    cloth = traits.cloth
    for side in (-1, 1):
        pen.stroke([(14 * side * slim, -126), (10 * side * slim, -147)], 4, shade(cloth, 0.12))
    pen.box(-17 * slim, -130, 17 * slim, -92, cloth, radius=4)
    if traits.garment == "overalls":
        pen.box(-24 * slim, -106, 24 * slim, -80, cloth, radius=4)
    else:
        pen.blob([(-23 * slim, -104), (23 * slim, -104), (25 * slim, -56), (0, -52),
                  (-25 * slim, -56)], cloth)  # fmt: skip
        pen.box(-24 * slim, -105, 24 * slim, -101, shade(cloth, 0.14), radius=1)
        pen.box(-14 * slim, -92, 14 * slim, -72, shade(cloth, 0.1), radius=3)
        pen.box(-14 * slim, -92, 14 * slim, -89.6, tint(cloth, 0.18), radius=1)


def _reach(arm: str, side: float) -> tuple[Point, Point]:
    (elbow_x, elbow_y), (hand_x, hand_y) = _ARMS[arm]
    return (elbow_x * side, elbow_y), (hand_x * side, hand_y)


def _draw_arm(pen: Pen, traits: Traits, arm: str, *, side: float) -> None:
    elbow, hand = _reach(arm, side)
    sleeve = traits.under if traits.garment in {"apron", "overalls"} else traits.cloth
    dark = shade(sleeve, 0.08)
    short = traits.garment in {"tee", "apron", "dress"}
    shoulder = (26 * side, -134)
    if short:
        pen.stroke([elbow, hand], 9, traits.body)
    pen.stroke([shoulder, elbow], 13, dark)
    if not short:
        pen.stroke([elbow, hand], 12, dark)
    else:
        pen.disc(*elbow, 6.5, fill=dark)
    pen.disc(hand[0], hand[1], 6.2, fill=traits.body)


def _draw_cup(pen: Pen, hand: Point, skin: Colour) -> None:
    x, y = hand[0], hand[1] - 8
    pen.arc(x + 8, y, 5, 5, -90, 90, width=2.4, fill=(250, 247, 240))
    pen.box(x - 8, y - 8, x + 8, y + 9, (250, 247, 240), radius=3)
    pen.disc(x, y - 8, 8, 2.2, fill=(92, 58, 40))
    for shift in (-3, 3):
        pen.stroke([(x + shift, y - 14), (x + shift + 2, y - 18), (x + shift, y - 23)], 1.4,
                   (255, 255, 255))  # fmt: skip
    pen.disc(hand[0], hand[1], 5.4, fill=skin)
