"""Chooses who and what appears in a picture and puts them on the canvas; paints no scenery."""

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from nbp_dagster.simulator.painting.colour import Palette, mix
from nbp_dagster.simulator.painting.figures.cutout import Cutout, make_card, prepare_reference
from nbp_dagster.simulator.painting.figures.mascot import draw_mascot
from nbp_dagster.simulator.painting.figures.person import Pose, draw_person
from nbp_dagster.simulator.painting.figures.product import draw_product
from nbp_dagster.simulator.painting.figures.traits import Traits, read_traits
from nbp_dagster.simulator.painting.pen import Pen
from nbp_dagster.simulator.painting.places.stage import Stage
from nbp_dagster.simulator.painting.prompt import Reading, group_subjects

_POSES = (
    Pose(0.0, "rest", "wave", smile="open"),
    Pose(0.0, "hip", "hold", cup=True),
    Pose(0.5, "rest", "offer", smile="open"),
    Pose(0.0, "hip", "rest"),
    Pose(0.5, "hip", "wave"),
)
_CUP_POSE = Pose(0.0, "hip", "hold", cup=True, smile="open")
_SHADOW = (24, 18, 34)


@dataclass(frozen=True)
class Actor:
    """A figure that can be put on a stage: painted from traits, or a cut-out of a reference.

    Attributes:
        aspect: width by height, arms included.
        hide: share of the height a counter may cover.
    """

    aspect: float
    hide: float
    flip: bool
    lean: float
    traits: Traits | None = None
    pose: Pose = _POSES[0]
    picture: Image.Image | None = None


@dataclass(frozen=True)
class Prop:
    """A product: a description to paint, or a cut-out of its reference."""

    description: str = ""
    picture: Image.Image | None = None


@dataclass(frozen=True)
class Cast:
    """Everything that is placed by hand rather than by the scenery."""

    actors: tuple[Actor, ...]
    products: tuple[Prop, ...]
    logo: Image.Image | None


def gather_cast(
    reading: Reading,
    references: Sequence[bytes],
    palette: Palette,
    *,
    rng: random.Random,
    faults: frozenset[str],
) -> Cast:
    """Make actors and props of the references, and of the words where references are missing."""
    cutouts = [prepare_reference(data) for data in references]
    groups = [
        [cutouts[index] for index in group
         if reading.labels[index].role != "unknown" or not cutouts[index].striped]
        for group in group_subjects(reading.labels)
    ]  # fmt: skip
    actors = [
        _cast_reference(_choose_cutout(group, rng), palette, rng) for group in groups[:4] if group
    ]
    if not actors:
        actors = [_cast_words(text, palette, reading, rng) for text in reading.people]
    if "other-character" in faults and actors:
        actors = [_cast_stranger(actor, palette, rng) for actor in actors]
    if "missing-character" in faults:
        actors = []
    products = [
        Prop(picture=_choose_view(cutouts[index], palette, rng, tall=False))
        for index, label in enumerate(reading.labels) if label.role == "product"
    ]  # fmt: skip
    if not products:
        products = [Prop(description=text) for text in reading.products]
    logos = [cutouts[index] for index, label in enumerate(reading.labels) if label.role == "logo"]
    logo = _choose_view(logos[0], palette, rng, tall=False) if logos else None
    return Cast(tuple(actors), tuple(products[:3]), logo)


def traits_of(description: str, palette: Palette, *, take: int = 1) -> Traits:
    """Traits that depend on the description alone, so that every picture shows the same figure.

    Args:
        description: What is said of the character.
        palette: Where colours come from that are not said.
        take: Another number gives a figure that differs in what is not said.
    """
    text = description if take == 1 else f"{description}\n{take}"
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return read_traits(description, palette, random.Random(seed))


def draw_figure(pen: Pen, traits: Traits, pose: Pose) -> None:
    """Draw a person or a mascot with its feet at the pen's origin."""
    if traits.species == "person":
        draw_person(pen, traits, pose)
    else:
        draw_mascot(pen, traits, pose)


def put_actor(stage: Stage, actor: Actor, x: float, feet: float, shadow: bool) -> None:
    """Put an actor on the canvas, its feet at (x, feet)."""
    tall = 200 * stage.figure
    if shadow:
        stage.pen.glow(
            x + tall * 0.02,
            feet - tall * 0.008,
            tall * actor.aspect * 0.55,
            tall * 0.045,
            fill=_SHADOW,
            alpha=0.55,
        )
    if actor.traits is not None:
        pen = Pen(stage.pen.image, stage.figure, origin=(x, feet), flip=actor.flip, lean=actor.lean)
        draw_figure(pen, actor.traits, actor.pose)
    elif actor.picture is not None:
        paste_picture(
            stage.pen.image, actor.picture, x, feet, height=tall, flip=actor.flip, lean=actor.lean
        )


def put_product(stage: Stage, prop: Prop, x: float, low: float, scale: float = 1.0) -> None:
    """Put a product on the canvas, standing at (x, low); scale 1 is 62 figure units tall."""
    if prop.picture is None:
        draw_product(stage.prop(x, low, scale), prop.description, stage.palette)
        return
    tall = 66 * stage.figure * scale
    wide = min(tall * prop.picture.width / prop.picture.height, tall * 1.6)
    stage.pen.glow(x + wide * 0.04, low, wide * 0.62, tall * 0.07, fill=_SHADOW, alpha=0.5)
    tall = wide * prop.picture.height / prop.picture.width
    paste_picture(stage.pen.image, prop.picture, x, low, height=tall, flip=False, lean=0.0)


def paste_picture(
    canvas: Image.Image,
    picture: Image.Image,
    x: float,
    low: float,
    *,
    height: float,
    flip: bool,
    lean: float,
) -> None:
    """Scale an RGBA picture to a height and paste it with its foot at (x, low)."""
    wide = max(1, round(height * picture.width / picture.height))
    figure = picture.resize((wide, max(1, round(height))), Image.Resampling.BICUBIC)
    if flip:
        figure = figure.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if abs(lean) > 0.4:
        # Turning lifts one foot; the other is to stay on the ground.
        low += math.sin(math.radians(abs(lean))) * wide * 0.4
        figure = figure.rotate(-lean, Image.Resampling.BILINEAR, expand=True)
    spot = (round(x - figure.width / 2), round(low - figure.height))
    canvas.paste(figure.convert("RGB"), spot, figure.getchannel("A"))


def _choose_cutout(group: Sequence[Cutout], rng: random.Random) -> Cutout:
    """One of a subject's references; a face crop is wider than the whole figure and stays out."""
    whole = [cutout for cutout in group if cutout.kind == "figures"]
    if not whole:
        return group[0]
    slimmest = min(_aspect(cutout) for cutout in whole)
    return rng.choice([cutout for cutout in whole if _aspect(cutout) <= slimmest * 1.3])


def _aspect(cutout: Cutout) -> float:
    return cutout.views[0].width / cutout.views[0].height


def _cast_reference(cutout: Cutout, palette: Palette, rng: random.Random) -> Actor:
    picture = _choose_view(cutout, palette, rng, tall=True)
    aspect = picture.width / picture.height
    whole = cutout.kind == "figures"
    return Actor(
        aspect=max(aspect, 0.3),
        hide=(0.36 if aspect < 0.52 else 0.2) if whole else 0.06,
        flip=whole and rng.random() < 0.5,
        lean=rng.uniform(-2.4, 2.4),
        picture=picture,
    )


def _cast_words(text: str, palette: Palette, reading: Reading, rng: random.Random) -> Actor:
    traits = traits_of(text, palette)
    words = reading.scene.lower()
    pose = rng.choice(_POSES)
    if any(word in words for word in ("cup", "coffee", "tea", "pour", "sip", "drink")):
        pose = _CUP_POSE
    person = traits.species == "person"
    return Actor(
        aspect=0.56 if person else 0.62,
        hide=0.4 if person else 0.16,
        flip=rng.random() < 0.5,
        lean=rng.uniform(-1.6, 1.6),
        traits=traits,
        pose=pose,
    )


def _cast_stranger(actor: Actor, palette: Palette, rng: random.Random) -> Actor:
    """Somebody plainly different in kind and in colours."""
    person = actor.traits is None or actor.traits.species != "person"
    words = (
        "man, bald, dark skin, violet hoodie, lime trousers" if person else "frog, violet jacket"
    )
    return Actor(
        aspect=0.56,
        hide=actor.hide,
        flip=actor.flip,
        lean=0.0,
        traits=traits_of(words, palette),
        pose=rng.choice(_POSES),
    )


def _choose_view(
    cutout: Cutout, palette: Palette, rng: random.Random, *, tall: bool
) -> Image.Image:
    if cutout.kind == "figures":
        # The views come largest first; a profile is the least telling one and the smallest.
        return cutout.views[rng.choice((0, 0, 0, 1, 1, 1, 2)) % len(cutout.views)]
    picture = cutout.views[0] if cutout.views else None
    if picture is None:
        size = (600, 800) if tall else (600, 600)
    else:
        scale = 900 / max(picture.size)
        size = (max(24, round(picture.width * scale)), max(24, round(picture.height * scale)))
    return make_card(picture, size, mix(palette.second, palette.light, 0.4))
