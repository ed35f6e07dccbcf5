"""Lists every supplied image in the briefs, with the key that names it; must not open any."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from nbp_dagster.briefs.brief import BriefKind, Briefs
from nbp_dagster.briefs.fonts import list_font_sources
from nbp_dagster.briefs.images import CAMPAIGNS_FOLDER, is_shot_id, resolve_source
from nbp_dagster.briefs.models import Brand, Campaign, Shot
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath, format_key, show_text


@dataclass(frozen=True)
class SuppliedImage:
    """One image as a brief names it.

    Attributes:
        kind: Kind of the brief that names it.
        brief: Id of that brief.
        key: Key path at which it is named.
        written: As the brief has it.
        source: Path below the config folder, or https address.
    """

    kind: BriefKind
    brief: str
    key: KeyPath
    written: str
    source: str

    def problem(self, briefs: Briefs, message: str) -> BriefProblem:
        """Return a problem with this image, at its line of its brief."""
        origin = briefs.source_of(self.kind, self.brief)
        line, key = None, self.key
        while line is None and key:
            line, key = origin.line_of(key), key[:-1]
        return BriefProblem(
            origin.file, line, format_key(self.key), show_text(self.written), message
        )


def brand_images(brand: Brand) -> Iterator[SuppliedImage]:
    """Yield every image of a brand, in the order of its keys."""
    if brand.logo is not None:
        yield _of_brand(brand, ("logo",), brand.logo)
    yield from _style_of_brand(brand)
    for name in brand.characters:
        yield from _of_character(brand, name)
    for name in brand.products:
        yield from _of_product(brand, name)


def style_images(brand: Brand, campaign: Campaign) -> tuple[SuppliedImage, ...]:
    """Return the style references of a campaign: its own, or else its brand's."""
    if not campaign.style_references:
        return tuple(_style_of_brand(brand))
    return tuple(
        SuppliedImage(
            "campaign",
            campaign.id,
            ("style_references", index),
            written,
            resolve_source(written, CAMPAIGNS_FOLDER),
        )
        for index, written in enumerate(campaign.style_references)
    )


def shot_images(brand: Brand, campaign: Campaign, shot: Shot) -> Iterator[SuppliedImage]:
    """Yield the images a shot's request may send: its cast's, its products', logo and style."""
    for name in shot.characters:
        yield from _of_character(brand, name)
    for name in shot.products:
        yield from _of_product(brand, name)
    if brand.logo is not None:
        yield _of_brand(brand, ("logo",), brand.logo)
    yield from style_images(brand, campaign)
    yield from _edited_by(campaign, shot)


def edited_image(campaign: Campaign, shot: Shot) -> str | None:
    """Return the source of the supplied image that a shot edits; None where it edits none."""
    return next((image.source for image in _edited_by(campaign, shot)), None)


def all_images(briefs: Briefs) -> Iterator[SuppliedImage]:
    """Yield every image the briefs name, used or not, in brief order."""
    for brand in briefs.brands.values():
        yield from brand_images(brand)
    for campaign in briefs.campaigns.values():
        if campaign.style_references:
            yield from style_images(briefs.brands[campaign.brand], campaign)
        for shot in campaign.shots:
            yield from _edited_by(campaign, shot)


def campaign_images(briefs: Briefs, campaign_id: str) -> tuple[SuppliedImage, ...]:
    """Return every image the shots of a campaign may send, each source once, in brief order."""
    campaign = briefs.campaigns[campaign_id]
    brand = briefs.brands[campaign.brand]
    found: dict[str, SuppliedImage] = {}
    for shot in campaign.shots:
        for image in shot_images(brand, campaign, shot):
            found.setdefault(image.source, image)
    return tuple(found.values())


def reference_sources(briefs: Briefs, campaign_id: str) -> tuple[str, ...]:
    """Return every supplied image a campaign's requests need digests of, each once, in brief order.

    Each is a path below the config folder or an https address; a generated sheet and the card of
    colours are not among them.
    """
    return tuple(image.source for image in campaign_images(briefs, campaign_id))


def hash_brand(briefs: Briefs, brand_id: str) -> str:
    """Return the hash of a brand's brief and of the local images and fonts it names, as hex."""
    brand = briefs.brands[brand_id]
    named = [image.source for image in brand_images(brand)]
    local = (source for source in named if source in briefs.files)
    parts = [briefs.source_of("brand", brand_id).sha256]
    parts += [briefs.files[source].sha256 for source in local]
    fonts = (resolve_source(name) for _, name in list_font_sources(brand.fonts.model_dump()))
    parts += [briefs.fonts[source].sha256 for source in fonts]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def hash_campaign(briefs: Briefs, campaign_id: str) -> str:
    """Return the hash of a campaign's brief and of the local images it names itself, as hex."""
    own, campaign = briefs.source_of("campaign", campaign_id).sha256, briefs.campaigns[campaign_id]
    named = [resolve_source(written, CAMPAIGNS_FOLDER) for written in campaign.style_references]
    named += [image.source for shot in campaign.shots for image in _edited_by(campaign, shot)]
    local = [briefs.files[source].sha256 for source in named if source in briefs.files]
    return hashlib.sha256("\n".join([own, *local]).encode()).hexdigest() if local else own


def _edited_by(campaign: Campaign, shot: Shot) -> Iterator[SuppliedImage]:
    """Yield the image that a shot edits, where it is no other shot's picture."""
    if shot.source is not None and not is_shot_id(shot.source):
        place = ("shots", campaign.shots.index(shot), "from")
        source = resolve_source(shot.source, CAMPAIGNS_FOLDER)
        yield SuppliedImage("campaign", campaign.id, place, shot.source, source)


def _of_brand(brand: Brand, key: KeyPath, written: str) -> SuppliedImage:
    return SuppliedImage("brand", brand.id, key, written, resolve_source(written))


def _style_of_brand(brand: Brand) -> Iterator[SuppliedImage]:
    for index, written in enumerate(brand.style_references):
        yield _of_brand(brand, ("style_references", index), written)


def _of_character(brand: Brand, name: str) -> Iterator[SuppliedImage]:
    for index, written in enumerate(brand.characters[name].images):
        yield _of_brand(brand, ("characters", name, "references", index), written)


def _of_product(brand: Brand, name: str) -> Iterator[SuppliedImage]:
    for index, written in enumerate(brand.products[name].references):
        yield _of_brand(brand, ("products", name, "references", index), written)
