"""Which images go with a shot, in which order, under the cap of four."""

from collections.abc import Mapping

import pytest

from nbp_dagster.briefs.load import Briefs
from nbp_dagster.briefs.models import Brand, Campaign, Character, Product, Shot
from nbp_dagster.briefs.supplied_images import reference_sources
from nbp_dagster.prompts.reference_selection import (
    Role,
    Sheet,
    choose_references,
    palette_reference,
)

IMAGES = ("a.png", "b.png", "c.png")


def make_brand(*, characters: int, products: int, images: int = 3, logo: bool = True) -> Brand:
    return Brand(
        id="b",
        name="B",
        voice="v",
        style="s",
        palette={"ink": "#000000"},
        typography="t",
        logo="logo.png" if logo else None,
        characters={f"c{n}": Character(name=f"C{n}", traits=("tall",)) for n in range(characters)},
        products={
            f"p{n}": Product(
                name=f"P{n}",
                description="d",
                references=tuple(f"p{n}_{image}" for image in IMAGES[:images]),
            )
            for n in range(products)
        },
    )


def make_sheets(brand: Brand, images: int, *, faces: bool = False) -> Mapping[str, Sheet]:
    """A sheet of each character with so many images, the last of them a face if asked."""
    roles: list[Role] = ["identity"] * images
    if faces:
        roles[-1] = "face"
    return {
        f"b/{name}": Sheet(
            f"b/{name}",
            tuple(f"{name}_{image}" for image in IMAGES[:images]),
            tuple(f"brands/{name}_{image}" for image in IMAGES[:images]),
            "adopted",
            tuple(roles),
        )
        for name in brand.characters
    }


class Digests(dict[str, str]):
    """Gives every source a digest of its own."""

    def __missing__(self, source: str) -> str:
        return f"digest of {source}"


def make_campaign(brand: Brand, style: tuple[str, ...] = ()) -> Campaign:
    shot = Shot(
        id="s", scene="x", characters=tuple(brand.characters), products=tuple(brand.products)
    )
    return Campaign(
        id="c",
        brand="b",
        objective="o",
        locales=("en",),
        channels=("instagram_feed",),
        budget_usd=1,
        style_references=style,
        shots=(shot,),
    )


def choose(
    brand: Brand,
    *,
    images: int = 1,
    most: int = 4,
    faces: bool = False,
    style: tuple[str, ...] = (),
) -> list[str]:
    campaign = make_campaign(brand, style)
    references = choose_references(
        brand,
        campaign,
        campaign.shots[0],
        sheets=make_sheets(brand, images, faces=faces),
        digests=Digests(),
        most=most,
    )
    return [f"{reference.role}:{reference.source}" for reference in references]


CARD = "palette:palette:b"


def test_the_order_is_characters_products_logo_palette_style() -> None:
    brand = make_brand(characters=2, products=1, images=1)
    assert choose(brand, images=2, faces=True, style=("mood.png",), most=14) == [
        "identity:brands/c0_a.png",
        "face:brands/c0_b.png",
        "identity:brands/c1_a.png",
        "face:brands/c1_b.png",
        "product:brands/p0_a.png",
        "logo:brands/logo.png",
        CARD,
        "style:campaigns/mood.png",
    ]


@pytest.mark.parametrize(
    ("most", "kept"),
    [
        (1, ["identity:brands/c0_a.png"]),
        (2, ["identity:brands/c0_a.png", "product:brands/p0_a.png"]),
        (3, ["identity:brands/c0_a.png", "product:brands/p0_a.png", CARD]),
        (4, ["identity:brands/c0_a.png", "face:brands/c0_c.png", "product:brands/p0_a.png", CARD]),
    ],
)
def test_a_place_less_drops_face_palette_and_product_in_turn(most: int, kept: list[str]) -> None:
    """The default of four: sheet, face, product and card; the logo waits for a fifth place."""
    brand = make_brand(characters=1, products=1, images=2)
    assert choose(brand, images=3, faces=True, style=("mood.png",), most=most) == kept


def test_more_places_go_to_logo_style_and_further_views_in_turn() -> None:
    brand = make_brand(characters=1, products=1, images=2)
    all_of_them = [
        "identity:brands/c0_a.png",
        "identity:brands/c0_b.png",
        "face:brands/c0_c.png",
        "product:brands/p0_a.png",
        "product:brands/p0_b.png",
        "logo:brands/logo.png",
        CARD,
        "style:campaigns/mood.png",
    ]
    later = [5, 7, 1, 4]  # the logo, the style, the second view, the product's second image
    for most in range(4, 9):
        missing = {all_of_them[place] for place in later[most - 4 :]}
        expected = [one for one in all_of_them if one not in missing]
        found = choose(brand, images=3, faces=True, style=("mood.png",), most=most)
        assert found == expected


def test_a_product_alone_leaves_room_for_logo_and_further_views() -> None:
    assert choose(make_brand(characters=0, products=1)) == [
        "product:brands/p0_a.png",
        "product:brands/p0_b.png",
        "logo:brands/logo.png",
        CARD,
    ]


def test_identities_are_never_dropped_even_beyond_the_cap() -> None:
    assert choose(make_brand(characters=6, products=1, images=1), images=2) == [
        f"identity:brands/c{n}_a.png" for n in range(6)
    ]


def test_an_image_named_twice_is_sent_once() -> None:
    brand = make_brand(characters=1, products=0, logo=False)
    sheet = Sheet("b/c0", ("d1", "d1", "d2"), ("a.png", "a.png", "b.png"), "adopted")
    campaign = make_campaign(brand)
    references = choose_references(
        brand, campaign, campaign.shots[0], sheets={"b/c0": sheet}, digests={}
    )
    assert [reference.digest for reference in references[:-1]] == ["d1", "d2"]


def test_a_shot_without_cast_or_products_has_logo_and_palette_alone() -> None:
    assert choose(make_brand(characters=0, products=0)) == ["logo:brands/logo.png", CARD]
    assert choose(make_brand(characters=0, products=0, logo=False)) == [CARD]


def test_a_campaign_s_style_stands_instead_of_its_brand_s() -> None:
    brand = make_brand(characters=0, products=0, logo=False).model_copy(
        update={"style_references": ("house.png",)}
    )
    assert choose(brand) == [CARD, "style:brands/house.png"]
    assert choose(brand, style=("mood.png",)) == [CARD, "style:campaigns/mood.png"]


def test_the_card_is_known_by_its_colours_and_their_order_alone() -> None:
    brand = make_brand(characters=0, products=0)
    cards = [
        palette_reference(brand.model_copy(update={"palette": palette})).digest
        for palette in (
            {"ink": "#0a0b0c", "sun": "#F2B705"},
            {"text": "#0A0B0C", "light": "#F2B705"},
            {"sun": "#F2B705", "ink": "#0A0B0C"},
            {"ink": "#0A0B0D", "sun": "#F2B705"},
        )
    ]
    assert cards[0] == cards[1]
    assert len(set(cards)) == 3


@pytest.mark.parametrize(
    ("campaign", "sources"),
    [
        (
            "spring_launch",
            (
                "brands/images/bag.png",
                "brands/images/logo.png",
                "brands/images/otto_front.png",
                "brands/images/otto_side.jpg",
                "brands/images/otto_face.webp",
            ),
        ),
        ("tidal_always", ()),
    ],
)
def test_a_campaign_names_each_supplied_image_once(
    briefs: Briefs, campaign: str, sources: tuple[str, ...]
) -> None:
    assert reference_sources(briefs, campaign) == sources
