"""What markets depend on must be said in the briefs: all that is missing is told at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.briefs.load import BriefError, load_briefs
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs


def problems_of(
    folder: Path,
    *,
    kinds: Mapping[str, str] = {},
    casts: Sequence[Sequence[str]] = (("ada", "ben"), ("ada",)),
    brand: Mapping[str, Any] = {},
    **changes: Any,
) -> list[str]:
    characters = {
        name: {**member, **({"kind": kinds[name]} if name in kinds else {})}
        for name, member in BRAND["characters"].items()
    }
    shots = [shot(f"room_{n}", characters=cast) for n, cast in enumerate(casts)]
    whole = {**BRAND, "characters": characters, **brand}
    write_briefs(folder, campaign(*shots, **changes), brand=whole)
    try:
        load_briefs(folder)
    except BriefError as error:
        return [str(problem) for problem in error.problems]
    return []


def test_markets_ask_for_realism_and_for_each_character_s_kind_once(tmp_path: Path) -> None:
    ada, ben, realism = problems_of(tmp_path, markets=["eu", "US-NY"])

    assert realism.startswith("campaigns/winter.yaml:")
    assert "markets: " in realism
    assert "add realism: photoreal or illustrated, here or to brands/hilltop.yaml" in realism
    for problem, name in ((ada, "ada"), (ben, "ben")):
        assert f"shots[0].characters[{'01'[name == 'ben']}]: '{name}' - " in problem
        assert "add kind: person, animal, mascot or illustration" in problem
        assert "brands/hilltop.yaml:" in problem


def test_who_is_in_no_shot_needs_no_kind(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path, kinds={"ben": "mascot"}, casts=[["ben"]], markets=["eu"], realism="photoreal"
    )

    assert found == []


@pytest.mark.parametrize("place", ["brand", "campaign"])
def test_realism_of_brand_or_campaign_is_enough(tmp_path: Path, place: str) -> None:
    said = {"realism": "photoreal"}
    found = problems_of(
        tmp_path,
        kinds={"ada": "person", "ben": "person"},
        brand=said if place == "brand" else {},
        markets=["JP"],
        **(said if place == "campaign" else {}),
    )

    assert found == []


def test_without_markets_nothing_is_asked(tmp_path: Path) -> None:
    assert problems_of(tmp_path) == []


def test_a_market_given_twice_is_told(tmp_path: Path) -> None:
    kinds = {"ada": "person", "ben": "person"}
    [problem] = problems_of(tmp_path, kinds=kinds, markets=["eu", "eu"], realism="photoreal")

    assert "given twice" in problem
