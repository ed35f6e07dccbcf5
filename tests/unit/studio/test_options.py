"""What options say together."""

from typing import Literal

import pytest

from nbp_dagster.studio.options import StudioOptions


@pytest.mark.parametrize(
    ("places", "scorer", "with_heads"),
    [
        ("auto", "colour", True),
        ("on", "dino", True),
        ("auto", "body", False),
        ("off", "dino", False),
    ],
)
def test_no_head_is_recorded_where_faces_are_switched_off(
    places: Literal["auto", "on", "off"],
    scorer: Literal["colour", "dino", "body"],
    with_heads: bool,
) -> None:
    looking = StudioOptions(places=places, character_scorer=scorer).looking
    assert (looking.when, looking.with_heads) == (places, with_heads)
