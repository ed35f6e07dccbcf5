"""Which images go with a shot, in which order, under the cap of four."""

from collections.abc import Mapping

import pytest

from nbp_dagster.brand.load import Briefs
from nbp_dagster.brand.models import Brand, Character, Product, Shot
from nbp_dagster.brand.references import Sheet, choose_references, reference_sources

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


def make_sheets(brand: Brand, images: int) -> Mapping[str, Sheet]:
    return {
        f"b/{name}": Sheet(
            f"b/{name}",
            tuple(f"{name}_{image}" for image in IMAGES[:images]),
            tuple(f"brands/{name}_{image}" for image in IMAGES[:images]),
            "adopted",
        )
        for name in brand.characters
    }


class Digests(dict[str, str]):
    """Gives every source a digest of its own."""

    def __missing__(self, source: str) -> str:
        return f"digest of {source}"


def choose(brand: Brand, *, images: int = 1, most: int = 4) -> list[str]:
    shot = Shot(
        id="s", scene="x", characters=tuple(brand.characters), products=tuple(brand.products)
    )
    references = choose_references(
        brand, shot, sheets=make_sheets(brand, images), digests=Digests(), most=most
    )
    return [f"{reference.role}:{reference.source}" for reference in references]


def test_the_order_is_identities_products_logo() -> None:
    assert choose(make_brand(characters=2, products=1, images=1)) == [
        "identity:brands/c0_a.png",
        "identity:brands/c1_a.png",
        "product:brands/p0_a.png",
        "logo:brands/logo.png",
    ]


def test_what_is_left_of_the_cap_goes_to_further_images_of_the_character() -> None:
    assert choose(make_brand(characters=1, products=1, images=1), images=3) == [
        "identity:brands/c0_a.png",
        "identity:brands/c0_b.png",
        "product:brands/p0_a.png",
        "logo:brands/logo.png",
    ]


def test_further_images_are_taken_in_turn() -> None:
    brand = make_brand(characters=2, products=0, logo=False)
    assert choose(brand, images=2) == [
        "identity:brands/c0_a.png",
        "identity:brands/c0_b.png",
        "identity:brands/c1_a.png",
        "identity:brands/c1_b.png",
    ]
    assert choose(brand, images=2, most=3) == [
        "identity:brands/c0_a.png",
        "identity:brands/c0_b.png",
        "identity:brands/c1_a.png",
    ]


def test_a_product_alone_may_fill_the_cap() -> None:
    assert choose(make_brand(characters=0, products=1)) == [
        "product:brands/p0_a.png",
        "product:brands/p0_b.png",
        "product:brands/p0_c.png",
        "logo:brands/logo.png",
    ]


def test_the_logo_is_the_first_to_go() -> None:
    assert choose(make_brand(characters=3, products=1, images=1)) == [
        "identity:brands/c0_a.png",
        "identity:brands/c1_a.png",
        "identity:brands/c2_a.png",
        "product:brands/p0_a.png",
    ]


def test_identities_are_never_dropped_even_beyond_the_cap() -> None:
    assert choose(make_brand(characters=6, products=1, images=1), images=2) == [
        f"identity:brands/c{n}_a.png" for n in range(6)
    ]


def test_an_image_named_twice_is_sent_once() -> None:
    brand = make_brand(characters=1, products=0, logo=False)
    sheet = Sheet("b/c0", ("d1", "d1", "d2"), ("a.png", "a.png", "b.png"), "adopted")
    shot = Shot(id="s", scene="x", characters=("c0",))
    references = choose_references(brand, shot, sheets={"b/c0": sheet}, digests={})
    assert [reference.digest for reference in references] == ["d1", "d2"]


def test_a_shot_without_cast_or_products_has_the_logo_alone() -> None:
    assert choose(make_brand(characters=0, products=0)) == ["logo:brands/logo.png"]
    assert choose(make_brand(characters=0, products=0, logo=False)) == []


@pytest.mark.parametrize(
    ("campaign", "sources"),
    [
        (
            "spring_launch",
            (
                "brands/images/bag.png",
                "brands/images/otto_front.png",
                "brands/images/otto_side.jpg",
                "brands/images/otto_face.webp",
                "brands/images/logo.png",
            ),
        ),
        ("tidal_always", ()),
    ],
)
def test_a_campaign_names_each_supplied_image_once(
    briefs: Briefs, campaign: str, sources: tuple[str, ...]
) -> None:
    assert reference_sources(briefs, campaign) == sources
