"""Selects the reference images of a request and their order; must not know prompt text or files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nbp_dagster.briefs.images import resolve_source
from nbp_dagster.briefs.models import DEFAULT_REFERENCES, Brand, Campaign, Shot
from nbp_dagster.briefs.supplied_images import style_images
from nbp_dagster.prompts.edits import Region

# Version of the card of colours; a change of its drawing needs another number.
CARD_VERSION = 1
CARD_COLUMNS = 6  # most colours of one row
# Version of how a part of a picture is marked; a change of its drawing needs another number.
REGION_VERSION = 1
REGION = "region:"
"""How the source of a picture with a part marked begins."""

Role = Literal["identity", "face", "product", "logo", "palette", "style", "original", "region"]


@dataclass(frozen=True)
class Reference:
    """One input image of a request.

    Attributes:
        role: What the image decides.
        subject: Id of the character or product, of the shot whose picture is edited, or of the
            brand for what belongs to all of it.
        source: Path below the config folder, https address, `sheet:<brand>/<character>`,
            `card:<brand>/<character>` for several supplied images drawn as one,
            `palette:<brand>`, `original:<prompt key>` for a picture that is edited, or
            `region:<prompt key>:<its SHA-256>:<four shares>` for that with a part marked.
        digest: SHA-256 of the image's bytes, as hex; of a card that of what it shows.
    """

    role: Role
    subject: str
    source: str
    digest: str


@dataclass(frozen=True)
class Sheet:
    """A character's approved images, every picture's anchor.

    Attributes:
        key: `<brand>/<character>`.
        digests: What identifies each image, as in `Reference.digest`.
        sources: Where each image comes from, as in `Reference.source`; as many as digests.
        origin: Whether the brief supplied the images or the model drew the sheet.
        roles: Role of each image, identity or face; empty when all are identities.
    """

    key: str
    digests: tuple[str, ...]
    sources: tuple[str, ...]
    origin: Literal["adopted", "generated"]
    roles: tuple[Role, ...] = ()


def choose_references(
    brand: Brand,
    campaign: Campaign,
    shot: Shot,
    *,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
    most: int = DEFAULT_REFERENCES,
) -> tuple[Reference, ...]:
    """Return the references of a shot: characters in shot order, products, logo, palette, style.

    Images are chosen in another order than that of sending, until the cap is reached: one
    identity of every character whatever the cap, the first image of every product, the card of
    colours, a face of every character, the logo, the style references, then further images of the
    characters and of the products. What is last in this list is the first to be left out.

    Every sheet and every digest the shot needs must be there.
    """
    figures = [_list_figures(name, sheets[f"{brand.id}/{name}"]) for name in shot.characters]
    identities = [[one for one in group if one.role == "identity"] for group in figures]
    faces = [[one for one in group if one.role == "face"] for group in figures]
    products = [_list_products(name, brand, digests) for name in shot.products]
    logo, palette = _list_logo(brand, digests), palette_reference(brand)
    style = _list_style(brand, campaign, digests)
    chosen = [group[0] for group in identities]
    wanted = [
        *(group[0] for group in products if group),
        palette,
        *(group[0] for group in faces if group),
        *logo,
        *style,
        *_take_in_turn(identities),
        *_take_in_turn(faces),
        *_take_in_turn(products),
    ]
    chosen += wanted[: max(0, most - len(chosen))]
    in_order = [one for group in (*figures, *products, logo, [palette], style) for one in group]
    return tuple(one for one in in_order if one in chosen)


def choose_edit_references(
    original: Reference,
    brand: Brand,
    shot: Shot,
    *,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
    most: int = DEFAULT_REFERENCES,
) -> tuple[Reference, ...]:
    """Return the references of an edit by instruction: the picture, then who and what it shows.

    Colours, logo and style are in the picture already. One identity of every character is sent
    whatever the cap, then the first image of every product and a face of every character.
    """
    figures = [_list_figures(name, sheets[f"{brand.id}/{name}"]) for name in shot.characters]
    products = [_list_products(name, brand, digests) for name in shot.products]
    chosen = [group[0] for group in figures]
    faces = [[one for one in group if one.role == "face"] for group in figures]
    wanted = [group[0] for group in (*products, *faces) if group]
    chosen += wanted[: max(0, most - 1 - len(chosen))]
    in_order = [one for group in (*figures, *products) for one in group]
    return (original, *(one for one in in_order if one in chosen))


def mark_region(key: str, *, base: str, region: Region) -> Reference:
    """Return the reference that shows a picture with a part of it marked.

    Like the card of colours it is known by what it shows, not by its bytes.

    Args:
        key: Key of the prompt.
        base: SHA-256 of the picture, as hex.
        region: The part.
    """
    shares = ",".join(f"{share:.4f}" for share in region)
    shown = f"region {REGION_VERSION}\n{base}\n{shares}"
    digest = hashlib.sha256(shown.encode()).hexdigest()
    return Reference("region", key.split("/")[1], f"{REGION}{key}:{base}:{shares}", digest)


def read_region(source: str) -> tuple[str, str, Region]:
    """Return the prompt key, the SHA-256 of the picture and the part of a marked picture."""
    key, base, shares = source.removeprefix(REGION).rsplit(":", 2)
    left, top, right, bottom = map(float, shares.split(","))
    return key, base, (left, top, right, bottom)


def palette_reference(brand: Brand) -> Reference:
    """Return the reference to a brand's card of colours, known by what the card shows.

    Its bytes differ between versions of the imaging library while the colours do not: they must
    not decide whether a picture is bought again.
    """
    shown = [f"card {CARD_VERSION}", *(colour.upper() for colour in brand.palette.values())]
    digest = hashlib.sha256("\n".join(shown).encode()).hexdigest()
    return Reference("palette", brand.id, f"palette:{brand.id}", digest)


def _list_figures(name: str, sheet: Sheet) -> list[Reference]:
    """Return a character's images, identities before faces."""
    roles: tuple[Role, ...] = sheet.roles or tuple("identity" for _ in sheet.digests)
    rows = zip(roles, sheet.sources, sheet.digests, strict=True)
    # A list that names one image twice is one image.
    found = dict.fromkeys(Reference(role, name, source, digest) for role, source, digest in rows)
    return sorted(found, key=lambda one: one.role == "face")


def _list_products(name: str, brand: Brand, digests: Mapping[str, str]) -> list[Reference]:
    sources = dict.fromkeys(map(resolve_source, brand.products[name].references))
    return [Reference("product", name, source, digests[source]) for source in sources]


def _list_logo(brand: Brand, digests: Mapping[str, str]) -> list[Reference]:
    if brand.logo is None:
        return []
    source = resolve_source(brand.logo)
    return [Reference("logo", brand.id, source, digests[source])]


def _list_style(brand: Brand, campaign: Campaign, digests: Mapping[str, str]) -> list[Reference]:
    sources = dict.fromkeys(image.source for image in style_images(brand, campaign))
    return [Reference("style", brand.id, source, digests[source]) for source in sources]


def _take_in_turn(groups: Sequence[Sequence[Reference]]) -> Iterator[Reference]:
    """Yield each group's second image, then each one's third, and so on."""
    for place in range(1, max(map(len, groups), default=0)):
        yield from (group[place] for group in groups if len(group) > place)
