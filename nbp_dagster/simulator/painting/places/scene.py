"""Chooses a scene from words, sets the stage and paints scenery and cast in their order."""

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from nbp_dagster.simulator.painting.colour import Palette
from nbp_dagster.simulator.painting.figures.cast import Cast, put_actor, put_product
from nbp_dagster.simulator.painting.lettering.layout import Layout
from nbp_dagster.simulator.painting.pen import Pen
from nbp_dagster.simulator.painting.places.indoors import (
    front_cafe,
    front_kitchen,
    front_office,
    front_shop,
    paint_cafe,
    paint_gym,
    paint_home,
    paint_kitchen,
    paint_office,
    paint_shop,
    paint_studio,
)
from nbp_dagster.simulator.painting.places.outdoors import (
    front_meadow,
    paint_beach,
    paint_forest,
    paint_mountain,
    paint_night,
    paint_park,
    paint_party,
    paint_street,
)
from nbp_dagster.simulator.painting.places.stage import Hour, Stage
from nbp_dagster.simulator.painting.prompt import Reading

Paint = Callable[[Stage], None]


@dataclass(frozen=True)
class SceneKind:
    """A place: what lies behind the figures and what before them.

    Attributes:
        counter: whether figures stand behind a counter that hides their legs.
        hour: the hour it always has, if any.
    """

    name: str
    back: Paint
    front: Paint | None = None
    counter: bool = False
    hour: Hour | None = None


# Patterns of whole words, read in any case.
_WORDS = {
    "party": r"part(?:y|ies)|celebrat\w*|birthday|confetti|festival|bunting|balloons?",
    "gym": r"gym|workout|yoga|fitness|training|exercis\w+|stadium|court|dumbbells?|sports?",
    "beach": r"beach|sea|seaside|ocean|sand|coast|surf\w*|shore|harbou?r|lake|pool|island",
    "mountain": r"mountains?|hik\w+|trails?|summit|peaks?|alpine|alps|snow\w*|ski\w*|cliff",
    "forest": r"forest|woods|woodland|camp\w*|pines?|firs?",
    "cafe": r"caf[eé]|coffee (?:shop|bar|house)|barista|espresso|bistro|restaurant|bar",
    "kitchen": r"kitchens?|counter|cook\w*|breakfast|stove|oven|bak(?:es?|ing)|sink|pantry",
    "office": r"office|desk|laptop|meeting|workspace|study|workshop|co-?working|computer",
    "shop": r"shops?|store|stall|market|shel(?:f|ves)|boutique|checkout|till|roastery|library",
    "home": r"living room|sofa|couch|home|bedroom|bathroom|fireplace|armchair|rug|hallway",
    "park": r"parks?|gardens?|meadows?|fields?|picnic|lawn|orchard|farm|vineyard|grass|hedges?",
    "street": r"streets?|city|downtown|sidewalk|pavements?|bik\w+|bicycle|square|bus|tram|town|"
    r"station|urban|bridge|balcony|doorstep|front door|puddles?|traffic",
    "studio": r"studio|plain (?:back)?ground|seamless|pack ?shot|product shot|pedestal|podium",
    "night": r"night|rooftop|midnight|stars?|starry|moon\w*|fireworks?|neon",
}
SCENE_KINDS: tuple[SceneKind, ...] = (
    SceneKind("party", paint_party),
    SceneKind("gym", paint_gym),
    SceneKind("beach", paint_beach),
    SceneKind("mountain", paint_mountain, front_meadow),
    SceneKind("forest", paint_forest, front_meadow),
    SceneKind("cafe", paint_cafe, front_cafe, counter=True),
    SceneKind("kitchen", paint_kitchen, front_kitchen, counter=True),
    SceneKind("office", paint_office, front_office, counter=True),
    SceneKind("shop", paint_shop, front_shop, counter=True),
    SceneKind("home", paint_home),
    SceneKind("park", paint_park, front_meadow),
    SceneKind("street", paint_street),
    SceneKind("studio", paint_studio),
    SceneKind("night", paint_night, hour="night"),
)
_FALLBACKS = ("park", "studio", "home", "street")


def choose_scene(text: str, rng: random.Random) -> SceneKind:
    """The kind whose words the text holds most of, the earlier word first; else a safe one."""
    lowered = text.lower()
    best: tuple[int, int] | None = None
    chosen: SceneKind | None = None
    for kind in SCENE_KINDS:
        hits = list(re.finditer(rf"\b(?:{_WORDS[kind.name]})\b", lowered))
        if not hits:
            continue
        # Night words colour every other place; they name one only when nothing else does.
        weight = len(hits) if kind.name != "night" else 0
        rank = (-weight, hits[0].start())
        if best is None or rank < best:
            best, chosen = rank, kind
    if chosen is not None:
        return chosen
    name = rng.choice(_FALLBACKS)
    return next(kind for kind in SCENE_KINDS if kind.name == name)


def paint_scene(
    canvas: Image.Image,
    reading: Reading,
    layout: Layout,
    *,
    cast: Cast,
    palette: Palette,
    factor: float,
    rng: random.Random,
) -> Stage:
    """Paint scenery and cast on the canvas.

    Args:
        canvas: RGB, changed in place.
        layout: in output pixels.
        factor: canvas pixels per output pixel.

    Returns:
        The stage as it was set, for those who paint over it.
    """
    kind = choose_scene(reading.scene, rng)
    hour = kind.hour or reading.hour
    stage = _set_stage(canvas, layout, kind=kind, cast=cast, palette=palette, factor=factor,
                       hour=hour, rng=rng)  # fmt: skip
    kind.back(stage)
    spots = _spread(len(cast.actors), stage, rng)
    heroes = () if cast.actors else cast.products
    for actor, share in zip(cast.actors, spots, strict=True):
        tall = 200 * stage.figure
        feet = stage.rest + (tall * actor.hide if kind.counter else 0.0)
        put_actor(stage, actor, stage.x(share), feet, shadow=not kind.counter)
    if kind.front is not None:
        kind.front(stage)
    low = stage.rest + stage.figure * (5 if kind.counter else 1)
    if heroes:
        _put_heroes(stage, cast, low)
    else:
        for prop, share in zip(cast.products, _beside(spots), strict=False):
            put_product(stage, prop, stage.x(share), low, 0.74)
    return stage


def _set_stage(
    canvas: Image.Image,
    layout: Layout,
    *,
    kind: SceneKind,
    cast: Cast,
    palette: Palette,
    factor: float,
    hour: Hour,
    rng: random.Random,
) -> Stage:
    view = layout.view.scaled(factor)
    width, height = canvas.size
    if layout.mode == "footer":
        rest = view.bottom - (height * 0.02 if not kind.counter else height * 0.015)
    else:
        rest = view.bottom - view.height * (0.07 if not kind.counter else 0.22)
    if layout.mode in {"bare", "crown"}:
        # Feet and counter keep clear of the mark and the logo in the lower corners.
        rest = min(rest, layout.mark[1] * factor - height * (0.01 if not kind.counter else 0.05))
    top = view.top + height * 0.035
    if layout.mode == "footer":
        top = max(top, (layout.mark[1] * factor) + height * 0.055)
    room = max(height * 0.1, rest - top)
    # Hair, hats and ears rise a little above the 200 units of a figure.
    tall = _figure_height(cast, room * 0.95, view.width, kind.counter)
    floor = rest if kind.counter else rest - max(room * 0.1, tall * 0.06)
    return Stage(
        pen=Pen(canvas, 1.0), width=width, height=height, view=view, floor=floor, rest=rest,
        figure=tall / 200, palette=palette, hour=hour, rng=rng,
    )  # fmt: skip


def _figure_height(cast: Cast, room: float, width: float, counter: bool) -> float:
    """The height all figures share, so that none leaves its slot or the view."""
    if not cast.actors:
        return min(room * 1.1, width * 1.4)
    slot = width / len(cast.actors)
    reach = 0.84 if counter else 0.98
    if cast.products and len(cast.actors) == 1:
        slot *= 0.86
    return min(
        min(room / (1 - (actor.hide if counter else 0)), slot * reach / actor.aspect)
        for actor in cast.actors
    )


def _spread(count: int, stage: Stage, rng: random.Random) -> tuple[float, ...]:
    if count == 1:
        return (rng.uniform(0.42, 0.58),)
    return tuple((index + 0.5) / count for index in range(count))


def _beside(spots: tuple[float, ...]) -> tuple[float, ...]:
    """Places for products: to the freer side of one figure, between several."""
    if len(spots) == 1:
        side = 0.78 if spots[0] <= 0.5 else 0.22
        return (side, 1 - side, side * 0.6 + 0.2)
    middles = tuple((a + b) / 2 for a, b in itertools.pairwise(spots))
    return (*middles, 0.92, 0.08)


def _put_heroes(stage: Stage, cast: Cast, low: float) -> None:
    count = len(cast.products)
    reach = min(stage.rest - stage.y(0.08), stage.view.width / count) / stage.figure
    scale = max(0.6, reach * 0.72 / 66)
    for index, prop in enumerate(cast.products):
        put_product(stage, prop, stage.x((index + 0.5) / count), low, scale)
