"""Draws one parametric mascot: a big-headed animal or robot; people are drawn elsewhere."""

from nbp_dagster.simulator.painting.colour import Colour, mix, shade, tint
from nbp_dagster.simulator.painting.figures.person import Pose
from nbp_dagster.simulator.painting.figures.traits import Traits
from nbp_dagster.simulator.painting.pen import Pen, Point

_INK: Colour = (44, 36, 44)
_WHITE: Colour = (255, 255, 255)
_PINK: Colour = (240, 140, 140)
_BEAK: Colour = (240, 160, 56)

_HANDS: dict[str, Point] = {
    "rest": (43, -50), "wave": (58, -112), "hold": (34, -66), "hip": (40, -58), "offer": (60, -76),
}  # fmt: skip
_WITH_BEAK = ("owl", "penguin")
_POINTED = ("fox", "cat")


def draw_mascot(pen: Pen, traits: Traits, pose: Pose) -> None:
    """Draw from tail to hat; feet stand at (0, 0), the crown reaches about y = -175."""
    slim = 1 - 0.12 * pose.turn
    _draw_tail(pen, traits)
    _draw_feet(pen, traits, slim)
    _draw_arm(pen, traits, pose.left, -slim)
    _draw_body(pen, traits, slim)
    if traits.garment:
        _dress(pen, traits, slim)
    _draw_arm(pen, traits, pose.right if pose.turn < 1 else "rest", slim * (1 - 0.75 * pose.turn))
    if pose.cup and pose.turn < 1:
        hand = _HANDS[pose.right]
        pen.box(hand[0] - 10, hand[1] - 20, hand[0] + 10, hand[1] + 2, (252, 249, 242), radius=4)
        pen.disc(hand[0], hand[1] - 20, 10, 2.6, fill=(92, 58, 40))
    _draw_ears(pen, traits, pose.turn)
    _draw_head(pen, traits, pose)
    if traits.scarf:
        pen.stroke([(-34 * slim, -92), (0, -84), (34 * slim, -92)], 14, traits.scarf)
        pen.stroke([(20, -86), (24, -58)], 13, shade(traits.scarf, 0.14))
    if traits.hat:
        _draw_hat(pen, traits)


def _draw_tail(pen: Pen, traits: Traits) -> None:
    if traits.species == "fox":
        pen.blob([(-20, -30), (-58, -26), (-80, -58), (-70, -92), (-52, -72), (-34, -52)],
                 shade(traits.body, 0.1))  # fmt: skip
        pen.blob([(-80, -62), (-70, -93), (-57, -76), (-66, -66)], traits.belly)
    elif traits.species in {"cat", "mouse", "dog"}:
        pen.stroke([(-26, -26), (-56, -30), (-64, -58), (-54, -72)], 11, shade(traits.body, 0.12))
    elif traits.species == "rabbit":
        pen.disc(-38, -30, 13, fill=tint(traits.body, 0.5))


def _draw_feet(pen: Pen, traits: Traits, slim: float) -> None:
    beaked = traits.species in _WITH_BEAK
    colour = (
        _BEAK if beaked else shade(traits.belly if traits.species == "panda" else traits.body, 0.16)
    )
    for side in (-1, 1):
        x = 18 * side * slim
        if traits.species == "robot":
            pen.box(x - 8, -30, x + 8, -6, shade(traits.body, 0.3), radius=3)
        pen.half(x, 0, 18, 15, colour)


def _draw_body(pen: Pen, traits: Traits, slim: float) -> None:
    if traits.species == "robot":
        pen.box(-36 * slim, -92, 36 * slim, -18, shade(traits.body, 0.06), radius=16)
        pen.box(-20 * slim, -74, 20 * slim, -40, tint(traits.body, 0.35), radius=6)
        for x, colour in ((-10, _PINK), (0, (250, 204, 92)), (10, (120, 200, 150))):
            pen.disc(x * slim, -50, 3.4, fill=colour)
        pen.stroke([(-12 * slim, -64), (12 * slim, -64)], 3, traits.belly)
        return
    pen.blob([(-28 * slim, -94), (-40 * slim, -50), (-34 * slim, -16), (0, -6), (34 * slim, -16),
              (40 * slim, -50), (28 * slim, -94)], traits.body)  # fmt: skip
    front = traits.body if traits.species == "panda" else traits.belly
    pen.disc(3 * (1 - slim) * 20, -46, 26 * slim, 34, fill=front)
    if traits.species == "owl":
        for row, count in ((-62, 2), (-48, 3), (-34, 2)):
            for step in range(count):
                place = (step - (count - 1) / 2) * 14
                pen.arc(place, row, 5, 4, 0, 180, width=2.2, fill=shade(traits.belly, 0.28))


def _draw_arm(pen: Pen, traits: Traits, arm: str, side: float) -> None:
    colour = shade(traits.belly if traits.species == "panda" else traits.body, 0.1)
    hand = _HANDS[arm]
    shoulder = (29 * side, -80)
    elbow = ((shoulder[0] + hand[0] * side) / 2 + 9 * side, (-80 + hand[1]) / 2 + 4)
    pen.stroke([shoulder, elbow, (hand[0] * side, hand[1])], 17, colour)
    if traits.species == "robot":
        pen.disc(hand[0] * side, hand[1], 10, fill=shade(traits.body, 0.34))


def _dress(pen: Pen, traits: Traits, slim: float) -> None:
    cloth = traits.cloth
    if traits.garment in {"apron", "overalls", "dress"}:
        for side in (-1, 1):
            pen.stroke([(20 * side * slim, -70), (14 * side * slim, -96)], 5, shade(cloth, 0.14))
        pen.box(-25 * slim, -76, 25 * slim, -44, cloth, radius=6)
        pen.blob([(-39 * slim, -54), (39 * slim, -54), (40 * slim, -22), (0, -14),
                  (-40 * slim, -22)], cloth)  # fmt: skip
        pen.box(-15 * slim, -46, 15 * slim, -26, shade(cloth, 0.1), radius=4)
        return
    pen.blob([(-29 * slim, -95), (-41 * slim, -52), (-40 * slim, -34), (0, -28), (40 * slim, -34),
              (41 * slim, -52), (29 * slim, -95)], cloth)  # fmt: skip
    if traits.garment == "jacket":
        pen.shape([(-8, -96), (8, -96), (11 * slim, -29), (-11 * slim, -29)], traits.belly)
    else:
        pen.stroke([(-36 * slim, -37), (0, -31), (36 * slim, -37)], 5, shade(cloth, 0.14))


def _draw_ears(pen: Pen, traits: Traits, turn: float) -> None:
    species, colour = traits.species, traits.body
    inner = mix(colour, _PINK, 0.45)
    for side in (-1, 1):
        x = 32 * side - 6 * turn
        if species in _POINTED:
            tip = -204 if species == "fox" else -188
            pen.blob([(x - 17, -150), (x + 12 * side - 4, tip), (x + 12 * side + 4, tip),
                      (x + 17, -148)], shade(colour, 0.06))  # fmt: skip
            pen.blob([(x - 8, -156), (x + 9 * side, tip + 13), (x + 10, -155)], inner)
        elif species in {"bear", "panda", "mouse"}:
            size = 20 if species == "mouse" else 15
            dark = traits.belly if species == "panda" else shade(colour, 0.08)
            pen.disc(x * 1.12, -163, size, fill=dark)
            if species != "panda":
                pen.disc(x * 1.12, -162, size * 0.58, fill=inner)
        elif species == "rabbit":
            pen.disc(x * 0.55, -196, 12, 38, fill=colour, lean=7 * side)
            pen.disc(x * 0.55, -194, 6, 28, fill=inner, lean=7 * side)
        elif species == "owl":
            pen.shape([(x - 15, -150), (x + 14 * side, -190), (x + 15, -150)], shade(colour, 0.1))
        elif species == "frog":
            pen.disc(x * 0.75, -166, 15, fill=colour)
    if species == "robot":
        pen.stroke([(0, -164), (0, -188)], 4, shade(colour, 0.3))
        pen.disc(0, -192, 7, fill=traits.cloth)


def _draw_head(pen: Pen, traits: Traits, pose: Pose) -> None:
    species, colour = traits.species, traits.body
    turn = min(pose.turn, 0.75)  # a full profile would push the face off such a round head
    shift = 18 * turn
    if species == "robot":
        pen.box(-50, -168, 50, -92, colour, radius=24)
        pen.box(-38 + shift * 0.4, -154, 38 + shift * 0.4, -106, traits.belly, radius=17)
    else:
        pen.blob([(0, -172), (30, -165), (50, -138), (50 if species != "fox" else 54, -116),
                  (26, -93), (0, -89), (-26, -93), (-50 if species != "fox" else -54, -116),
                  (-50, -138), (-30, -165)], colour)  # fmt: skip
    _draw_mask(pen, traits, shift)
    _draw_eyes(pen, traits, shift, turn)
    _draw_snout(pen, traits, pose, shift)
    if species == "dog":
        for side in (-1, 1):
            pen.disc(46 * side, -136, 13, 30, fill=shade(colour, 0.28), lean=-14 * side)


def _draw_mask(pen: Pen, traits: Traits, shift: float) -> None:
    species = traits.species
    if species == "fox":
        for side in (-1, 1):
            pen.blob([(shift * 0.6, -118), (26 * side + shift * 0.5, -126), (51 * side, -115),
                      (25 * side, -94), (shift * 0.3, -90)], traits.belly)  # fmt: skip
    elif species in _WITH_BEAK:
        for side in (-1, 1):
            pen.disc(19 * side + shift * 0.5, -130, 21, 25, fill=traits.belly)
    elif species == "panda":
        for side in (-1, 1):
            pen.disc(19 * side + shift, -133, 12, 15, fill=traits.belly, lean=20 * side)
    elif species == "frog":
        for side in (-1, 1):
            pen.disc(24 * side, -166, 9, fill=_WHITE)


def _draw_eyes(pen: Pen, traits: Traits, shift: float, turn: float) -> None:
    species = traits.species
    level = -166.0 if species == "frog" else -132.0
    spread = 24 if species == "frog" else 20
    for side in (-1, 1):
        x = (
            spread * side + shift * 0.2
            if species == "frog"
            else spread * side * (1 - 0.25 * turn) + shift
        )
        if species == "robot":
            pen.disc(x * 0.9, -134, 6, 8, fill=(126, 240, 226))
            continue
        pen.disc(x, level, 5.4, 6.8, fill=_WHITE if species == "panda" else _INK)
        if species == "panda":
            pen.disc(x, level, 4, 5, fill=_INK)
        pen.disc(x + 1.8, level - 2.6, 1.9, fill=_WHITE)
        pen.disc(x + 13 * side, -116, 8, 5, fill=_PINK, alpha=0.4)
        if traits.glasses:
            pen.arc(x, level, 14, 14, 0, 360, width=2.8, fill=traits.frames)
    if traits.glasses:
        pen.arc(shift, level, 6, 4, 190, 350, width=2.8, fill=traits.frames)


def _draw_snout(pen: Pen, traits: Traits, pose: Pose, shift: float) -> None:
    species = traits.species
    middle = shift * 1.35
    if species == "robot":
        pen.arc(shift * 0.9, -124, 9, 7, 20, 160, width=3, fill=(126, 240, 226))
        return
    if species in _WITH_BEAK:
        pen.blob([(middle - 9, -124), (middle, -128), (middle + 9, -124), (middle, -108)], _BEAK)
        return
    if species not in {"fox", "frog"}:
        muzzle = tint(traits.body, 0.55) if species == "panda" else traits.belly
        pen.disc(middle, -111, 20, 14.5, fill=muzzle)
    if species != "frog":
        pen.blob([(middle - 7.5, -120), (middle, -122), (middle + 7.5, -120), (middle, -113)], _INK)
    mouth = -110.0 if species != "frog" else -122.0
    wide = 6.0 if species != "frog" else 16.0
    if pose.smile == "open":
        pen.half(middle, mouth, wide + 1.5, 9, (150, 50, 58), start=0)
        pen.half(middle, mouth + 5, 4, 4, _PINK, start=0)
    elif species == "frog":
        pen.arc(middle, mouth, wide, 9, 15, 165, width=2.6, fill=_INK)
    else:
        for side in (-1, 1):
            pen.arc(middle + 5 * side, mouth, 5, 5, 10, 170, width=2.2, fill=_INK)


def _draw_hat(pen: Pen, traits: Traits) -> None:
    colour, dark = traits.hat_colour, shade(traits.hat_colour, 0.18)
    pen.half(0, -160, 30, 32, colour)
    if traits.hat == "beanie":
        pen.box(-32, -166, 32, -153, dark, radius=6)
        pen.disc(0, -192, 7, fill=tint(colour, 0.5))
    elif traits.hat == "cap":
        pen.blob([(4, -164), (34, -164), (54, -155), (20, -155)], dark)
    else:
        pen.disc(0, -159, 50, 7, fill=dark)
