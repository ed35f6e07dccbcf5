"""Which reference images go with a request, and in what order; knows no prompt text, no files."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nbp_dagster.brand.briefs import Briefs
from nbp_dagster.brand.images import resolve_source
from nbp_dagster.brand.models import Brand, Shot

# More references measurably blur what each of them shows; the model itself takes 14.
DEFAULT_REFERENCES = 4

Role = Literal["identity", "product", "logo", "palette", "style"]


@dataclass(frozen=True)
class Reference:
    """One input image of a request.

    Attributes:
        role: What the image decides.
        subject: Id of the character or product, or of the brand for its logo.
        source: Path below the config folder, https address, or `sheet:<brand>/<character>`.
        digest: SHA-256 of the image's bytes, as hex.
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
        digests: SHA-256 of each image, as hex.
        sources: Where each image comes from, as in `Reference.source`; as many as digests.
        origin: Whether the brief supplied the images or the model drew the sheet.
    """

    key: str
    digests: tuple[str, ...]
    sources: tuple[str, ...]
    origin: Literal["adopted", "generated"]


def choose_references(
    brand: Brand,
    shot: Shot,
    *,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
    most: int = DEFAULT_REFERENCES,
) -> tuple[Reference, ...]:
    """Return the references of a shot: identities in shot order, then products, then the logo.

    First every character gets one identity, whatever the cap, then every product its first image,
    then the logo its place; what is left of the cap goes to further images of the characters, then
    of the products. So the logo is the first to go, and an identity is never dropped.

    Every sheet and every digest the shot needs must be there.
    """
    identities = [_list_identities(name, sheets[f"{brand.id}/{name}"]) for name in shot.characters]
    products = [_list_products(name, brand, digests) for name in shot.products]
    logo = _list_logo(brand, digests)
    chosen = [group[0] for group in identities]
    wanted = [
        *(group[0] for group in products if group),
        *logo,
        *_take_in_turn(identities),
        *_take_in_turn(products),
    ]
    chosen += wanted[: max(0, most - len(chosen))]
    in_order = (one for group in (*identities, *products, logo) for one in group)
    return tuple(one for one in in_order if one in chosen)


def _list_identities(name: str, sheet: Sheet) -> list[Reference]:
    pairs = zip(sheet.sources, sheet.digests, strict=True)
    # A list that names one image twice is one image.
    return list(dict.fromkeys(Reference("identity", name, *pair) for pair in pairs))


def _list_products(name: str, brand: Brand, digests: Mapping[str, str]) -> list[Reference]:
    sources = dict.fromkeys(map(resolve_source, brand.products[name].references))
    return [Reference("product", name, source, digests[source]) for source in sources]


def _list_logo(brand: Brand, digests: Mapping[str, str]) -> list[Reference]:
    if brand.logo is None:
        return []
    source = resolve_source(brand.logo)
    return [Reference("logo", brand.id, source, digests[source])]


def _take_in_turn(groups: Sequence[Sequence[Reference]]) -> Iterator[Reference]:
    """Yield each group's second image, then each one's third, and so on."""
    for place in range(1, max(map(len, groups), default=0)):
        yield from (group[place] for group in groups if len(group) > place)


def reference_sources(briefs: Briefs, campaign_id: str) -> tuple[str, ...]:
    """Return every supplied image a campaign's requests need digests of, each once, in brief order.

    Each is a path below the config folder or an https address; a generated sheet is not among them.
    """
    campaign = briefs.campaigns[campaign_id]
    brand = briefs.brands[campaign.brand]
    sources: list[str] = []
    for shot in campaign.shots:
        for character in shot.characters:
            sources += brand.characters[character].references
        for product in shot.products:
            sources += brand.products[product].references
    if brand.logo is not None:
        sources.append(brand.logo)
    return tuple(dict.fromkeys(map(resolve_source, sources)))


def hash_brand(briefs: Briefs, brand_id: str) -> str:
    """Return the hash of a brand's brief and of the local reference images it names, as hex."""
    brand = briefs.brands[brand_id]
    named = [item for entry in brand.characters.values() for item in entry.references]
    named += [item for product in brand.products.values() for item in product.references]
    named += [brand.logo] if brand.logo else []
    local = (item for item in map(resolve_source, named) if item in briefs.files)
    parts = [briefs.source_of("brand", brand_id).sha256]
    parts += [briefs.files[item].sha256 for item in local]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
