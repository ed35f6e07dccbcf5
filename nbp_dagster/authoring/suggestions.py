"""What a new brief says where nobody has said otherwise, and whether it will load; asks nothing."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from nbp_dagster.authoring.brand_kit import BrandKit, Found
from nbp_dagster.authoring.brief_text import STAND_IN, NewBrand, NewCampaign, NewCharacter, NewShot
from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel
from nbp_dagster.briefs.fonts import FontFile, read_font
from nbp_dagster.briefs.images import BRANDS_FOLDER
from nbp_dagster.briefs.languages import UNSPACED_LANGUAGES, is_shaped, language_of
from nbp_dagster.briefs.locale_spelling import spell_locales
from nbp_dagster.briefs.models import Brand, Campaign, Resolution
from nbp_dagster.briefs.rules import check_campaign
from nbp_dagster.briefs.text_rules import check_letters
from nbp_dagster.prompts.picture_sizes import LEAST_TOLD, find_enlargement
from nbp_dagster.yaml_source.document import Document, parse_document
from nbp_dagster.yaml_source.problems import BriefProblem
from nbp_dagster.yaml_source.validation import check_record

DEFAULT_CHANNELS: Final = ("instagram_feed", "instagram_story", "linkedin_post")
DEFAULT_LOCALE: Final = "en"

_VOICE: Final = "warm, plain-spoken and concrete; short sentences"
_STYLE: Final = "natural light photograph, 35 mm lens, shallow depth of field, true colours"
_STAND_IN: Final = {"primary": "#1B4D5C", "accent": "#F2A33A", "neutral": "#F6F2EA"}
# What a picture costs about, for a first budget alone: `nbp plan` asks the service.
_USD_A_PICTURE: Final = 0.15
_MOST_SHOWN: Final = 3  # characters of a first scene
_BOLD: Final = re.compile(r"bold|black|heavy", re.IGNORECASE)
_SLANTED: Final = re.compile(r"italic|oblique", re.IGNORECASE)


def suggest_brand(brand_id: str, kit: BrandKit, fonts: Mapping[str, Path]) -> NewBrand:
    """Return a brand as a kit has it, with a stand-in for what the kit lacks.

    Args:
        brand_id: Its id.
        kit: What was found; an empty one for a blank brand.
        fonts: Font files by the path that the brand will name them by, the regular one first.
    """
    origins: dict[str, str] = {}

    def take(key: str, found: Found[str] | None, default: str) -> str:
        if found is not None:
            origins[key] = found.origin
            return found.value
        return default

    palette = {role: take(f"palette.{role}", found, "") for role, found in kit.palette.items()}
    if not palette:
        palette = dict(_STAND_IN)
        origins["palette.primary"] = f"{STAND_IN}s, as no colours were found: choose your own"
    elif "neutral" not in palette:
        palette["neutral"] = "#FFFFFF"
        origins["palette.neutral"] = f"{STAND_IN}: nothing light enough was found"
    if kit.logo is not None:
        origins["logo"] = kit.logo.origin
    if kit.sentences:
        origins["voice"] = " and ".join(dict.fromkeys(found.origin for found in kit.sentences))
    if kit.fonts:
        origins["typography"] = " and ".join(dict.fromkeys(found.origin for found in kit.fonts))
    return NewBrand(
        id=brand_id,
        name=take("name", kit.name, brand_id.replace("_", " ").title()),
        voice=_describe_voice(kit),
        style=_STYLE,
        typography=_describe_lettering(kit),
        palette=palette,
        logo=f"images/{brand_id}_logo.png" if kit.logo else "",
        fonts=tuple(fonts),
        origins=origins,
        languages=tuple(found.value for found in kit.languages),
        source=kit.source,
    )


def choose_fonts(files: Sequence[Path], folder: Path, brand_id: str) -> dict[str, Path]:
    """Return a regular and a bold font of a folder that can be read, by their new paths.

    Args:
        files: Font files.
        folder: What they lie in.
        brand_id: Begins their new names.
    """
    upright = [path for path in files if not _SLANTED.search(path.stem)]
    regular = [path for path in upright if not _BOLD.search(path.stem)]
    regular.sort(key=lambda path: "regular" not in path.stem.lower())
    bold = [path for path in upright if re.search(r"(?<!semi)(?<!extra)bold", path.stem, re.I)]
    chosen: dict[str, Path] = {}
    for group in (regular, bold):
        for path in group:
            named = f"../{path.relative_to(folder).as_posix()}"
            if isinstance(read_font(named, folder), FontFile):
                chosen[f"fonts/{brand_id}_{path.name}"] = path
                break
        if not chosen:
            return {}
    return chosen


def read_character(text: str) -> NewCharacter | str:
    """Return the character that `id (kind): trait; trait` describes, or what is wrong with it.

    Example:
        >>> read_character("rex (animal): brown terrier; white chest").traits
        ('brown terrier', 'white chest')
    """
    head, colon, rest = text.partition(":")
    found = re.fullmatch(r"\s*([A-Za-z][\w -]*?)\s*(?:\(\s*(\w+)\s*\))?\s*", head)
    traits = tuple(" ".join(part.split()) for part in re.split(r"[;,]", rest) if part.strip())
    kinds = ("person", "animal", "mascot", "illustration")
    if not colon or found is None or not traits:
        return "accepted: NAME: TRAIT, TRAIT or NAME (KIND): TRAIT, TRAIT"
    if found[2] and found[2] not in kinds:
        return f"{found[2]!r} is no kind; accepted: {', '.join(kinds)}"
    identifier = re.sub(r"[^a-z0-9]+", "_", found[1].lower()).strip("_")
    if not identifier:
        return "a name of letters without accents belongs before the colon"
    return NewCharacter(identifier, found[1].replace("_", " ").title(), traits, found[2] or "")


def suggest_locales(brand: Brand) -> tuple[str, ...]:
    """Return the locales that a brand has words for; English where it has none."""
    known = dict.fromkeys([*brand.disclaimers, *brand.prohibited_terms])
    return tuple(known) or (DEFAULT_LOCALE,)


def suggest_scene(brand: Brand) -> str:
    """Return a first scene: who the brand has, or a still life."""
    names = [character.name for character in brand.characters.values()][:_MOST_SHOWN]
    products = [product.name for product in brand.products.values()][:1]
    if not names:
        return (
            f"{products[0] if products else 'a still life'} on a table by a window in the morning"
        )
    who = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    held = f" with {products[0]}" if products else ""
    return f"{who}{held} on a quiet street in the early morning, the whole figure in view"


def suggest_shot(
    brand: Brand, name: str, scene: str, locales: Sequence[str], headlines: Mapping[str, str]
) -> NewShot:
    """Return a shot of a scene, with those of the brand's cast whom it names.

    Args:
        brand: Its brand.
        name: Its id.
        scene: What happens in it.
        locales: The campaign's.
        headlines: Copy by locale; the brand's name, which every language has, where it lacks one.
    """
    return NewShot(
        id=name,
        scene=scene,
        characters=_named_in(scene, {key: item.name for key, item in brand.characters.items()}),
        products=_named_in(scene, {key: item.name for key, item in brand.products.items()}),
        text=suggest_text(locales),
        copy={"headline": {locale: headlines.get(locale, brand.name) for locale in locales}},
    )


def suggest_text(locales: Collection[str]) -> str:
    """Return who sets copy: this package, or the model where our font may lack the letters."""
    is_hard = any(is_shaped(each) or language_of(each) in UNSPACED_LANGUAGES for each in locales)
    return "drawn" if is_hard else "composited"


def suggest_resolution(channels: Sequence[Channel]) -> Resolution:
    """Return the least resolution, from 2K, at which no channel enlarges its pictures."""
    worst = max((find_enlargement(channel, "2K") for channel in channels), default=1.0)
    return "4K" if worst >= LEAST_TOLD else "2K"


def suggest_budget(campaign: NewCampaign, brand: Brand) -> float:
    """Return a budget in whole USD that every picture of a campaign and each sheet fits into."""
    a_shot = len(campaign.channels) * len(campaign.locales)
    pictures = a_shot * len(campaign.shots) + len(brand.characters)
    return float(max(math.ceil(pictures * _USD_A_PICTURE), 1))


def check_brand(text: str, brand_id: str) -> list[BriefProblem]:
    """Return the problems of a new brand's text, before it is written."""
    document, problems = _parse(text, f"{BRANDS_FOLDER}/{brand_id}.yaml")
    return [*problems, *(check_record(Brand, document)[1] if document else ())]


def check_new_campaign(text: str, campaign: NewCampaign, briefs: Briefs) -> list[BriefProblem]:
    """Return the problems of a new campaign's text beside the briefs that are there."""
    document, problems = _parse(text, f"campaigns/{campaign.id}.yaml")
    if document is None:
        return problems
    source = briefs.source_of("brand", campaign.brand)
    content = source.path.read_text(encoding="utf-8-sig")
    brand, _ = _parse(content, source.file)
    brands = {campaign.brand: brand}
    problems += check_record(Campaign, document)[1]
    refused = {problem.key for problem in problems}
    names = {channel.id: channel.name for channel in briefs.channels.values()}
    more = check_campaign(document, brands, names)
    more += check_letters(document, brands, briefs.fonts)
    return problems + [problem for problem in more if problem.key not in refused]


def _parse(text: str, file: str) -> tuple[Document | None, list[BriefProblem]]:
    document, problems = parse_document(text.encode(), file=file, path=Path(file))
    if document is not None:
        document, more = spell_locales(document)
        problems = [*problems, *more]
    return document, problems


def _describe_voice(kit: BrandKit) -> str:
    if not kit.sentences:
        return _VOICE
    said = " ".join(f"“{found.value}”" for found in kit.sentences)
    return f"as the brand speaks of itself: {said}"


def _describe_lettering(kit: BrandKit) -> str:
    if not kit.fonts:
        return f"plain {kit.lettering or 'sans serif'} in two weights"
    first, *others = (found.value for found in kit.fonts)
    kind = f", {kit.lettering}" if kit.lettering else ""
    text = f", and {others[0]} for running text" if others else ""
    return f"lettering like the typeface {first}{kind}{text}"


def _named_in(scene: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the ids of those whom a scene names, in its order."""
    places = {}
    for key, name in names.items():
        found = re.search(rf"\b(?:{re.escape(name)}|{re.escape(key)})\b", scene, re.IGNORECASE)
        if found:
            places[key] = found.start()
    return tuple(sorted(places, key=places.__getitem__))
