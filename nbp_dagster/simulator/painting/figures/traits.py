"""Reads what a character looks like from words; draws nothing."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from nbp_dagster.simulator.painting.colour import Colour, Palette, mix, parse_hex, shade, tint

COLOUR_WORDS: Mapping[str, Colour] = {
    word: parse_hex(code)
    for word, code in {
        "black": "#2B2B33", "charcoal": "#3C4048", "grey": "#8D929B", "gray": "#8D929B",
        "silver": "#BFC5CC", "white": "#F7F5F0", "cream": "#F5EAD3", "ivory": "#F7F0DF",
        "beige": "#E0CBA8", "sand": "#DDC29A", "tan": "#C99F6E", "brown": "#7A4B2E",
        "chestnut": "#6B3A22", "copper": "#B5652F", "auburn": "#8E3B1F", "ginger": "#C8642A",
        "red": "#D2413A", "crimson": "#B01E3C", "maroon": "#6E2132", "burgundy": "#6E2132",
        "coral": "#FF7F6B", "salmon": "#F4937D", "pink": "#F29BB2", "magenta": "#C63A85",
        "purple": "#7A4FA3", "violet": "#7A5BC0", "lavender": "#B8A4DB", "indigo": "#3F3D8F",
        "navy": "#1F3358", "blue": "#3F74C6", "sky": "#86BFE8", "turquoise": "#37B5AE",
        "teal": "#1F7A7A", "mint": "#A6DCC0", "green": "#4A8F56", "olive": "#7C7F3A",
        "emerald": "#1F8A5B", "lime": "#A6CF3E", "mustard": "#E0A526", "yellow": "#F2C230",
        "gold": "#DDAE3C", "golden": "#DDAE3C", "blond": "#E6C27A", "blonde": "#E6C27A",
        "orange": "#EE8434", "rust": "#B5522B", "terracotta": "#C66B4B", "peach": "#F9BF9B",
        "denim": "#4B6C95", "khaki": "#B4A171", "strawberry": "#D9804E",
    }.items()
}  # fmt: skip

_SKINS = tuple(map(parse_hex, ("#F6D2B5", "#EDBd98", "#D9A074", "#B97A50", "#8C5637", "#5F3A28")))
_SKIN_WORDS = (
    (r"\b(?:pale|porcelain|fair)[- ](?:skin|complexion|skinned)\b", 0),
    (r"\b(?:olive|tan(?:ned)?|golden)[- ](?:skin|complexion|skinned)", 2),
    (
        r"\blight[- ]brown skin|\b(?:medium|tawny)[- ](?:skin|complexion)|\b(?:indian|latin[ao])\b",
        3,
    ),
    (r"\bdark[- ](?:brown )?(?:skin|complexion|skinned)|\bebony|\bblack (?:wo)?man\b", 5),
    (r"\b(?:warm )?brown[- ](?:skin|complexion|skinned)", 4),
    (r"\blight[- ](?:skin|complexion|skinned)", 1),
)

# (style, pattern): the first that matches wins.
_HAIR_STYLES = (
    ("bald", r"\bbald\b|shaved head|hairless"),
    ("buzz", r"\bbuzz|\bcropped\b|crew cut"),
    ("afro", r"\bafro\b"),
    ("bun", r"\b(?:top ?knot|hair bun|chignon)\b|\bbun\b"),
    ("ponytail", r"\bpony ?tail"),
    ("braids", r"\bbraid|\bplait|\bpigtail"),
    ("bob", r"\bbob\b|chin[- ]length"),
    ("curls", r"\blong,? (?:\w+ )?(?:curly|wavy)|shoulder[- ]length (?:\w+ )?(?:curl|wav)"),
    ("curly", r"\bcurly\b|\bcurls\b|\bcoily\b"),
    ("long", r"\blong (?:\w+,? ){0,2}hair\b|shoulder[- ]length|\bwavy\b"),
    ("short", r"\bshort (?:\w+,? ){0,2}hair\b|\bquiff\b|\bundercut\b"),
)

# (species, pattern, fur or body, belly or muzzle)
_SPECIES = (
    ("fox", r"\bfox\b", "#E0763A", "#FFF3E4"),
    ("bear", r"\b(?:polar |brown )?bear\b", "#8A5A38", "#E2BE94"),
    ("panda", r"\bpanda\b", "#F6F3EE", "#2E2E36"),
    ("owl", r"\bowl\b", "#8B6546", "#F3DDB8"),
    ("robot", r"\brobot\b|\bandroid\b", "#9FB4C7", "#24344A"),
    ("cat", r"\b(?:cat|kitten|tiger|lynx)\b", "#F0A95B", "#FFF1DE"),
    ("dog", r"\b(?:dog|puppy|terrier|retriever)\b", "#C98F57", "#FBEBD3"),
    ("rabbit", r"\b(?:rabbit|bunny|hare)\b", "#D9CCC4", "#FFFFFF"),
    ("penguin", r"\bpenguin\b", "#2F3B52", "#FFFFFF"),
    ("mouse", r"\b(?:mouse|hamster|squirrel|otter|raccoon|badger|koala)\b", "#A58E80", "#F3E6DA"),
    ("frog", r"\bfrog\b", "#7DB65A", "#EEF3C4"),
)

_GARMENTS = (
    ("apron", r"\bapron\b"),
    ("dress", r"\bdress\b(?!ed)"),
    ("overalls", r"\boveralls\b|\bdungarees\b"),
    ("jacket", r"\b(?:jacket|blazer|coat|raincoat|parka|cardigan|suit|anorak|vest|waistcoat)\b"),
    ("hoodie", r"\bhoodie\b|\bsweatshirt\b"),
    ("sweater", r"\b(?:sweater|jumper|pullover|turtleneck)\b"),
    ("tee", r"\b(?:t-?shirt|tee|tank top|polo)\b"),
    ("shirt", r"\b(?:shirt|blouse|top|uniform)\b"),
)
_HATS = (
    ("beanie", r"\bbeanie\b|\bknit(?:ted)? (?:cap|hat)\b|\bbobble hat\b"),
    ("cap", r"\b(?:cap|baseball cap)\b"),
    ("hat", r"\b(?:hat|fedora|sun ?hat)\b"),
)
_PERSON = re.compile(
    r"\b(?:woman|man|women|men|girl|boy|person|people|lady|gentleman|barista|chef|runner|hiker|"
    r"hair|freckles|beard(?:ed)?|grandmother|grandfather|teacher|nurse|founder|baker|athlete)\b"
)


@dataclass(frozen=True)
class Traits:
    """Everything the character pens need.

    Attributes:
        species: "person" or an animal or "robot".
        body: skin, fur or shell.
        belly: an animal's belly and muzzle; a robot's screen.
        garment: one of the garment names, or "" for an animal without clothes.
        hat: "", "beanie", "cap" or "hat".
    """

    species: str
    body: Colour
    belly: Colour
    hair: Colour
    hair_style: str
    garment: str
    cloth: Colour
    under: Colour
    legs: Colour
    shoes: Colour
    scarf: Colour | None
    hat: str
    hat_colour: Colour
    glasses: bool
    frames: Colour
    freckles: bool
    beard: bool


def names_somebody(text: str) -> bool:
    """Whether the words describe a person or a mascot at all."""
    lowered = text.lower()
    return bool(_PERSON.search(lowered)) or any(
        re.search(pattern, lowered) for _, pattern, _, _ in _SPECIES
    )


def read_traits(text: str, palette: Palette, rng: random.Random) -> Traits:
    """Read a character from its description; what is not said is drawn from `rng`."""
    lowered = text.lower()
    species, fur, belly = _read_species(lowered)
    garment = _first(_GARMENTS, lowered) or ("shirt" if species == "person" else "")
    cloth = rng.choice((palette.accent, palette.second, palette.deep))
    if garment:
        cloth = _colour_near(lowered, dict(_GARMENTS)[garment].replace(r"\b", "")) or cloth
    feminine = bool(re.search(r"\b(?:woman|girl|lady|she|her|mother|grandmother)\b", lowered))
    skin = _read_skin(lowered, rng)
    body = fur if species != "person" else _SKINS[skin]
    said_body = _colour_near(lowered, species) if species != "person" else None
    hat = _first(_HATS, lowered)
    under = mix(palette.light, tint(palette.second, 0.3), rng.choice((0.15, 0.75)))
    return Traits(
        species=species,
        body=said_body or body,
        belly=belly,
        hair=_read_hair(lowered, skin, rng),
        hair_style=_first(_HAIR_STYLES, lowered) or _default_hair(feminine, rng),
        garment=garment,
        cloth=cloth,
        under=_colour_near(lowered, "shirt|blouse|tee|t-shirt|sweater") or under,
        legs=_colour_near(lowered, "trousers|jeans|pants|skirt|shorts|leggings")
        or rng.choice((shade(palette.deep, 0.1), (58, 78, 112), (72, 66, 74))),
        shoes=_colour_near(lowered, "shoes|boots|trainers|sneakers") or (52, 46, 50),
        scarf=_read_item(lowered, "scarf|bandana|neckerchief", palette.accent),
        hat=hat,
        hat_colour=_colour_near(lowered, "beanie|cap|hat") or palette.second,
        glasses=bool(re.search(r"\b(?:glasses|spectacles|eyeglasses)\b", lowered)),
        frames=(122, 72, 38) if "tortoise" in lowered else (40, 38, 46),
        freckles="freckle" in lowered,
        beard=bool(re.search(r"\b(?:beard|bearded|stubble|moustache|mustache)\b", lowered)),
    )


def _read_species(text: str) -> tuple[str, Colour, Colour]:
    for species, pattern, fur, belly in _SPECIES:
        if re.search(pattern, text):
            return species, parse_hex(fur), parse_hex(belly)
    return "person", _SKINS[0], _SKINS[0]


def _read_skin(text: str, rng: random.Random) -> int:
    drawn = rng.choice((0, 1, 2, 3, 4, 5))
    for pattern, index in _SKIN_WORDS:
        if re.search(pattern, text):
            return index
    # Red hair and freckles usually mean the brief's author saw a light complexion.
    return 0 if re.search(r"freckle|auburn|ginger|red hair|blond", text) else drawn


def _read_hair(text: str, skin: int, rng: random.Random) -> Colour:
    usual = ("black", "brown", "chestnut", "auburn", "golden")
    drawn = rng.choice(usual if skin < 3 else usual[:3])
    found = re.search(r"((?:[\w-]+,? ){0,4})(?:hair|curls|bob|bun|ponytail|afro|braids)\b", text)
    words = re.findall(r"[a-z]+", found.group(1)) if found else []
    named = [word for word in words if word in COLOUR_WORDS]
    if not named:
        beard = _colour_near(text, "beard|moustache|mustache|stubble")
        if beard is not None:
            return beard
    return COLOUR_WORDS[named[-1]] if named else COLOUR_WORDS[drawn]


def _default_hair(feminine: bool, rng: random.Random) -> str:
    styles = ("bob", "long", "bun", "curly") if feminine else ("short", "short", "curly", "buzz")
    return rng.choice(styles)


def _first(table: tuple[tuple[str, str], ...], text: str) -> str:
    return next((name for name, pattern in table if re.search(pattern, text)), "")


def _colour_near(text: str, item: str) -> Colour | None:
    """The colour word in the three words before the item."""
    for before in re.findall(rf"((?:[\w-]+ ){{1,3}})(?:{item})\b", text):
        groups = before if isinstance(before, str) else before[0]
        named = [word for word in re.findall(r"[a-z]+", groups) if word in COLOUR_WORDS]
        if named:
            return COLOUR_WORDS[named[-1]]
    return None


def _read_item(text: str, item: str, default: Colour) -> Colour | None:
    if not re.search(rf"\b(?:{item})\b", text):
        return None
    return _colour_near(text, item) or default
