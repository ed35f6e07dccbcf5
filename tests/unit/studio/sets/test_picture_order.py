"""The worst picture comes first, and pictures alike stay in the set's order."""

import random
from dataclasses import replace

import pytest

from nbp_dagster.studio.manifest.manifest import CheckFacts, Picture
from nbp_dagster.studio.sets.picture_order import (
    LEAST_OF_GROUP,
    UNFOLDED,
    count_faults,
    deal_out,
    find_worst,
    rank_pictures,
)
from tests.rigs.sets import build_set

PICTURES = build_set(scale=0.05).manifest.pictures


def check(severity: str, verdict: str = "failed") -> CheckFacts:
    return CheckFacts(
        name="marking",
        verdict=verdict,  # type: ignore[arg-type]
        sentence="…",
        severity=severity,
        figures={},
    )


def picture(name: str, *, errors: int = 0, warnings: int = 0, passed: int = 0) -> Picture:
    checks = (
        *[check("warn")] * warnings,
        *[check("error")] * errors,
        *[check("error", "passed")] * passed,
        *[check("error", "skipped")] * passed,
    )
    return replace(PICTURES[0], prompt_key=name, checks=checks)


def order(*pictures: Picture) -> list[str]:
    ranks = rank_pictures(pictures)
    return [
        row.prompt_key for _, row in sorted(zip(ranks, pictures, strict=True), key=lambda x: x[0])
    ]


def test_one_error_comes_before_many_warnings() -> None:
    warned, wrong = picture("warned", warnings=9), picture("wrong", errors=1)
    assert order(picture("good", passed=3), warned, wrong) == ["wrong", "warned", "good"]


def test_more_errors_come_first_then_more_warnings() -> None:
    rows = [
        picture("0/1", warnings=1),
        picture("1/0", errors=1),
        picture("1/2", errors=1, warnings=2),
        picture("0/2", warnings=2),
        picture("2/0", errors=2),
    ]
    assert order(*rows) == ["2/0", "1/2", "1/0", "0/2", "0/1"]


def test_pictures_alike_stay_in_the_sets_order() -> None:
    chance = random.Random(7)
    rows = [picture(f"{place:03}", warnings=chance.randint(0, 2)) for place in range(200)]
    found = order(*rows)
    for count in (0, 1, 2):
        alike = [row.prompt_key for row in rows if count_faults(row) == (0, count)]
        assert [key for key in found if key in alike] == alike
    assert order(*rows) == found


def test_what_passed_or_was_skipped_is_no_fault() -> None:
    assert count_faults(picture("good", passed=4)) == (0, 0)


def test_a_group_has_its_place_by_its_worst_picture() -> None:
    rows = (picture("a", warnings=5), picture("b", errors=1), picture("c"))
    assert find_worst(rows) == (1, 0)
    assert find_worst(()) == (0, 0)


@pytest.mark.parametrize(
    ("sizes", "dealt"),
    [
        ([], []),
        ([0, 0], [0, 0]),
        ([360], [36]),
        ([120, 120, 120], [12, 12, 12]),
        ([120, 2, 120], [12, 2, 12]),
        ([0, 100], [0, 36]),
        ([15] * 24, [4] * 9 + [0] * 15),
        ([15] * 8 + [2, 15, 15, 15], [4] * 8 + [2, 2, 0, 0]),
    ],
)
def test_a_long_page_deals_out_what_it_unfolds(sizes: list[int], dealt: list[int]) -> None:
    assert list(deal_out(sizes)) == dealt


@pytest.mark.parametrize("seed", range(40))
def test_what_is_unfolded_is_bounded_whatever_the_set(seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice([0, 1, 3, 40, 900]) for _ in range(chance.randint(1, 400))]
    dealt = deal_out(sizes)
    assert sum(dealt) <= UNFOLDED
    assert all(0 <= shown <= size for shown, size in zip(dealt, sizes, strict=True))
    first = next((at for at, size in enumerate(sizes) if size), None)
    assert first is None or dealt[first] >= min(sizes[first], LEAST_OF_GROUP)
