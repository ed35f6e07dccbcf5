"""Pictures with known lettering, and pictures without any, drawn for the evaluation of reading."""

import importlib.util
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import fontpkg_inter
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from nbp_dagster.simulator.painting.painter import paint

SIDE: Final = 4096  # pixels: the model's 4K, square

# Size of the letters in shares of the picture's width.
SIZES: Final = {"headline": 0.085, "sub": 0.038, "call_to_action": 0.032, "disclaimer": 0.0125}

COPY: Final[Mapping[str, tuple[Mapping[str, str], ...]]] = {
    "en": (
        {
            "headline": "Slow mornings win",
            "sub": "Roasted on Monday, poured on Friday",
            "call_to_action": "Find your roast",
            "disclaimer": "Contains caffeine. Offer ends 31 May 2026 while stocks last.",
        },
        {
            "headline": "Starts here",
            "sub": "The quiet way to a 20 % lighter bag",
            "call_to_action": "Try it for $4.99",
            "disclaimer": "Terms apply. See hilltop.example for prices and delivery times.",
        },
    ),
    "de": (
        {
            "headline": "Großer Genuss",
            "sub": "Frisch geröstet, für schöne Abende",
            "call_to_action": "Jetzt entdecken",
            "disclaimer": "Enthält Koffein. Nur für kurze Zeit in ausgewählten Filialen.",
        },
        {
            "headline": "Langsame Morgen",
            "sub": "Über Nacht geliefert, ohne Aufpreis",
            "call_to_action": "Mehr erfahren",
            "disclaimer": "Gültig bis 31. Mai 2026. Preise inklusive Mehrwertsteuer.",
        },
    ),
    "es": (
        {
            "headline": "Mañanas sin prisa",
            "sub": "Tostado el lunes, servido el viernes",
            "call_to_action": "¡Pruébalo hoy!",
            "disclaimer": "Contiene cafeína. Oferta válida hasta el 31 de mayo de 2026.",
        },
        {
            "headline": "Café de otoño",
            "sub": "¿Listo para una pausa más tranquila?",
            "call_to_action": "Descubre más",
            "disclaimer": "Consulta las condiciones y los plazos de envío en tu tienda.",
        },
    ),
    "fr": (
        {
            "headline": "Matins paisibles",
            "sub": "Une œuvre à savourer sans hâte",
            "call_to_action": "Découvrir l'offre",
            "disclaimer": "Contient de la caféine. Offre valable jusqu'au 31 mai 2026.",
        },
        {
            "headline": "Goûtez l'été",
            "sub": "Torréfié le lundi, servi le vendredi",
            "call_to_action": "J'en profite",
            "disclaimer": "Voir conditions en magasin. Prix conseillés, taxes comprises.",
        },
    ),
    "ja": (
        {
            "headline": "朝をゆっくり",
            "sub": "月曜に焙煎、金曜にお届け",
            "call_to_action": "今すぐ試す",
            "disclaimer": "カフェインを含みます。期間限定の商品です。",
        },
        {
            "headline": "新しい季節の香り",
            "sub": "静かな午後のためのコーヒー",
            "call_to_action": "詳しく見る",
            "disclaimer": "価格は税込みです。一部店舗では取り扱いがありません。",
        },
    ),
    "zh": (
        {
            "headline": "慢享清晨",
            "sub": "周一烘焙，周五送达",
            "call_to_action": "立即体验",
            "disclaimer": "含咖啡因。优惠截至2026年5月31日，售完即止。",
        },
        {
            "headline": "秋日新品上市",
            "sub": "为安静的午后准备的咖啡",
            "call_to_action": "了解更多",
            "disclaimer": "价格含税，部分门店可能没有供应，以店内公告为准。",
        },
    ),
}

MISSPELT: Final = (
    ("en", "Fresh coffee", "Fresch coffee"),
    ("en", "Merry Christmas", "Merry Chrismtas"),
    ("en", "Return policy", "Return pollicy"),
    ("en", "Explore now", "Explroe now"),
    ("de", "Frische Bohnen", "Frishce Bohnen"),
    ("de", "Schöne Abende", "Schone Abende"),
    ("es", "Mañanas felices", "Mananas felices"),
    ("fr", "Nouvelle saison", "Nouvele saison"),
    ("fr", "Goûtez l'été", "Goûtez l'éte"),
)

_NOTO: Final = Path("/usr/share/fonts/truetype/noto")
_DEJAVU: Final = Path("/usr/share/fonts/truetype/dejavu")
_CJK: Final = Path("/usr/share/fonts/opentype/noto")
# Face numbers in Noto's collections.
_FACES: Final = {"ja": 0, "zh": 2}
_PHOTOGRAPHS: Final = ("astronaut.png", "coffee.png", "chelsea.png")
# Pictures of scikit-image without a letter on them.
_WORDLESS: Final = (
    *("brick.png", "chelsea.png", "coffee.png", "coins.png", "cell.png", "grass.png"),
    *("gravel.png", "horse.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "retina.jpg"),
)
_SCENES: Final = (
    "a sunlit kitchen counter with a cup",
    "a street at dusk",
    "a beach at sunset",
    "a forest path in the morning",
    "a desk in an office with a laptop",
    "a garden table under a tree",
    "a gym",
    "a mountain lake",
)


@dataclass(frozen=True)
class Specimen:
    """A picture and what stands on it.

    Attributes:
        name: Language, font and ground.
        locale: The copy's.
        asked: The copy that was asked for; empty where the picture is to be wordless.
        picture: RGB.
    """

    name: str
    locale: str
    asked: Mapping[str, str]
    picture: Image.Image


def find_samples(folder: Path | None) -> Path:
    """Return the folder of scikit-image's pictures; the package is not imported."""
    if folder is not None:
        return folder
    spec = importlib.util.find_spec("skimage")
    places = () if spec is None else spec.submodule_search_locations or ()
    for place in places:
        return Path(place) / "data"
    raise SystemExit("scikit-image is not here: make eval-ocr installs it")


def draw_lettered(samples: Path) -> Iterator[Specimen]:
    """Yield two layouts a language and ground: fonts take turns."""
    turn = 0
    for locale, texts in COPY.items():
        for ground in ("flat", "gradient", "photograph"):
            for copy in texts:
                fonts = _fonts(locale)
                font = list(fonts)[turn % len(fonts)]
                turn += 1
                picture = _letter(_ground(ground, samples, turn), copy, fonts[font], turn)
                yield Specimen(f"{locale} {font} {ground}", locale, copy, picture)


def draw_misspelt(samples: Path) -> Iterator[Specimen]:
    """Yield a picture for each misspelling; grounds and fonts take turns."""
    for turn, (locale, right, wrong) in enumerate(MISSPELT):
        fonts = _fonts(locale)
        font = list(fonts)[turn % len(fonts)]
        ground = _ground(("flat", "gradient", "photograph")[turn % 3], samples, turn)
        picture = _letter(ground, {"headline": wrong}, fonts[font], turn)
        yield Specimen(f"{locale} {font}: {wrong}", locale, {"headline": right}, picture)


def draw_wordless(samples: Path, count: int) -> Iterator[Specimen]:
    """Yield photographs, in whole and in part, and painted scenes without a word asked for."""
    dice = random.Random(7)
    for number in range(count):
        if number % 2:
            scene = _SCENES[(number // 2) % len(_SCENES)]
            prompt = f"The scene, which is what changes: {scene}, take {number}."
            picture = paint(prompt, [], width=1024, height=1024, variant=number)
        else:
            name = _WORDLESS[(number // 2) % len(_WORDLESS)]
            with Image.open(samples / name) as opened:
                picture = opened.convert("RGB")
            if number >= 2 * len(_WORDLESS):
                side = round(0.6 * min(picture.size))
                left = dice.randrange(picture.width - side + 1)
                top = dice.randrange(picture.height - side + 1)
                picture = picture.crop((left, top, left + side, top + side))
            picture = picture.resize((1024, 1024), Image.Resampling.BICUBIC)
        yield Specimen(f"wordless {number}", "en", {}, picture)


def _fonts(locale: str) -> Mapping[str, tuple[Path, int]]:
    if locale in _FACES:
        return {
            f"Noto {kind} CJK": (_CJK / f"Noto{kind}CJK-Bold.ttc", _FACES[locale])
            for kind in ("Sans", "Serif")
        }
    return {
        "Inter": (fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf", 0),
        "Noto Sans": (_NOTO / "NotoSans-Bold.ttf", 0),
        "Noto Serif": (_NOTO / "NotoSerif-Regular.ttf", 0),
        "DejaVu Sans": (_DEJAVU / "DejaVuSans.ttf", 0),
        "DejaVu Serif": (_DEJAVU / "DejaVuSerif-Italic.ttf", 0),
    }


def _ground(kind: str, samples: Path, turn: int) -> Image.Image:
    dark, light = ("#0B3D2E", "#F2B705") if turn % 2 else ("#20304F", "#8A4FA0")
    if kind == "flat":
        return Image.new("RGB", (SIDE, SIDE), dark)
    if kind == "gradient":
        ramp = Image.linear_gradient("L").resize((SIDE, SIDE)).rotate(90 * (turn % 4))
        # Half way to the light colour, so that white letters stand out everywhere.
        ramp = ramp.point([level // 2 for level in range(256)])
        return Image.composite(
            Image.new("RGB", ramp.size, light), Image.new("RGB", ramp.size, dark), ramp
        )
    with Image.open(samples / _PHOTOGRAPHS[turn % len(_PHOTOGRAPHS)]) as opened:
        photograph = opened.convert("RGB")
    side = min(photograph.size)
    return photograph.crop((0, 0, side, side)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def _letter(
    ground: Image.Image, copy: Mapping[str, str], font: tuple[Path, int], turn: int
) -> Image.Image:
    """White lettering with a soft shadow, the headline broken where it is too wide."""
    tops = {"headline": 0.08, "sub": 0.34, "call_to_action": 0.78, "disclaimer": 0.95}
    shadow = Image.new("L", ground.size, 0)
    letters = Image.new("L", ground.size, 0)
    left = (0.06 if turn % 2 else 0.1) * ground.width
    for part, text in copy.items():
        size = round(SIZES[part] * ground.width)
        face = ImageFont.truetype(str(font[0]), size, index=font[1])
        top = tops[part] * ground.height
        for line in _wrap(text, face, 0.88 * ground.width):
            for mask in (shadow, letters):
                ImageDraw.Draw(mask).text((left, top), line, font=face, fill=255)
            top += 1.2 * size
    # A tenth of the size: the blur of a shadow has no detail to lose.
    soft = (
        shadow.reduce(8)
        .filter(ImageFilter.GaussianBlur(4))
        .point([min(255, 2 * v) for v in range(256)])
    )
    dimmed = Image.composite(
        Image.new("RGB", ground.size, "#101010"), ground, soft.resize(ground.size)
    )
    dimmed.paste("#FFFFFF", (0, 0), letters)
    return dimmed


def _wrap(text: str, face: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and face.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
