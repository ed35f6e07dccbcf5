"""A frame is shared out alike for all locales: figure, logo, one stack of copy, one size."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.typography.banner import Plan, plan_banner
from nbp_dagster.studio.typography.blocks import Block, Copy
from nbp_dagster.studio.typography.text_layout import first_size, least_headline, shape_of

ENGLISH = {
    "headline": "Slow mornings win",
    "sub": "Fresh spring roast, every week.",
    "call_to_action": "Shop the roast",
}
GERMAN = {
    "headline": "Die Frühlingsröstung ist da",
    "sub": "House Blend, etwas heller geröstet für die ersten warmen Tage.",
    "call_to_action": "Zur Frühlingsröstung",
}
SPANISH = {
    "headline": "Ya está aquí el tueste de primavera",
    "sub": "House Blend, un poco más claro para los primeros días cálidos.",
    "call_to_action": "Ver el tueste",
}
COPIES = {"en": ENGLISH, "de": GERMAN, "es": SPANISH}
SIZES = [(160, 600), (120, 600), (728, 90), (970, 90), (970, 250), (468, 60)]


def plans(
    size: tuple[int, int], copies: dict[str, dict[str, str]], **changes: int
) -> dict[str, Plan]:
    """The banner of each locale, planned as the renderer does: the others are its peers."""
    every = {name: Copy(tuple(words.items()), name) for name, words in copies.items()}
    return {
        name: plan_banner(
            words,
            size=size,
            safe_area=SafeArea(),
            language=name,
            logo=(100, 100),
            peers=tuple(copy for other, copy in every.items() if other != name),
            **changes,
        )
        for name, words in copies.items()
    }


def blocks_of(plan: Plan) -> dict[str, Block]:
    return {block.field: block for group in plan.groups for block in group.blocks}


def sizes_of(found: dict[str, Plan], field: str) -> Iterator[int]:
    return (blocks_of(plan)[field].font.size for plan in found.values())


@pytest.mark.parametrize("size", SIZES)
def test_all_locales_have_one_figure_one_logo_and_one_size(size: tuple[int, int]) -> None:
    found = plans(size, COPIES)
    assert len({(plan.figure, plan.logo) for plan in found.values()}) == 1
    assert len(set(sizes_of(found, "headline"))) == 1
    assert len(set(sizes_of(found, "call_to_action"))) == 1


def test_a_headline_too_long_for_the_least_size_is_smaller_alone() -> None:
    long = {**GERMAN, "headline": "Rindfleischetikettierungsüberwachung " * 2}
    found = plans((160, 600), {"en": ENGLISH, "de": long})
    least = least_headline((160, 600))
    alone = plans((160, 600), {"en": ENGLISH})
    assert next(sizes_of({"de": found["de"]}, "headline")) < least
    assert list(sizes_of({"en": found["en"]}, "headline")) == list(sizes_of(alone, "headline"))


@pytest.mark.parametrize("language", COPIES)
def test_a_skyscraper_has_its_figure_on_top_and_no_hole_below_it(language: str) -> None:
    plan = plans((160, 600), COPIES)[language]
    blocks = list(blocks_of(plan).values())
    assert plan.logo is not None
    assert plan.figure[1] == 0
    assert plan.figure[3] >= 0.5 * 600
    edges = [(plan.figure[3], blocks[0].box[1]), (blocks[-1].box[3], plan.logo[1])]
    edges += [(one.box[3], other.box[1]) for one, other in pairwise(blocks)]
    assert all(0 <= end - start <= 40 for start, end in edges)


def test_a_short_figure_leaves_its_copy_in_one_stack_in_the_middle_of_the_rest() -> None:
    plan = plans((160, 600), COPIES, length=90)["en"]
    blocks = list(blocks_of(plan).values())
    assert plan.logo is not None
    assert plan.length == 90
    assert max(other.box[1] - one.box[3] for one, other in pairwise(blocks)) <= 16
    above, below = blocks[0].box[1] - plan.figure[3], plan.logo[1] - blocks[-1].box[3]
    assert abs(above - below) <= 2


def test_the_figure_is_below_its_copy_where_the_platform_covers_the_foot() -> None:
    area = SafeArea(top=269, bottom=672, left=65, right=65)
    plan = plan_banner(ENGLISH, size=(1080, 1920), safe_area=area, language="en")
    assert plan.figure[3] == 1920
    assert all(block.box[3] <= plan.figure[1] for block in blocks_of(plan).values())


@pytest.mark.parametrize("size", [(728, 90), (970, 90), (160, 600), (970, 250)])
@pytest.mark.parametrize("language", COPIES)
def test_the_headline_shrinks_before_the_sub_line_goes(
    language: str, size: tuple[int, int]
) -> None:
    plan = plans(size, COPIES)[language]
    usual = first_size(size, shape_of(*size))
    assert plan.left_out == ()
    assert least_headline(size) <= blocks_of(plan)["headline"].font.size <= usual


@pytest.mark.parametrize("size", [*SIZES, (320, 50)])
@pytest.mark.parametrize("language", COPIES)
def test_no_button_has_larger_type_than_its_headline(language: str, size: tuple[int, int]) -> None:
    blocks = blocks_of(plans(size, COPIES)[language])
    assert blocks["call_to_action"].font.size <= blocks["headline"].font.size
