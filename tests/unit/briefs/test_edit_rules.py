"""Edits in briefs: what a shot may be edited from, and the one line that says what may not."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.briefs.load import BriefError, load_briefs
from nbp_dagster.briefs.supplied_images import hash_campaign
from tests.rigs.briefs import campaign, shot, write_briefs
from tests.rigs.pictures import draw_noise, encode

DRAWN = {**shot("kitchen"), "text": "drawn", "copy": {"headline": {"en": "Tea", "de": "Tee"}}}
ADD_A_CAT = {"instruction": "add a cat"}
WINTER = {**shot("kitchen_winter"), "from": "kitchen", "instruction": "make it winter"}


def read_problems(folder: Path, *shots: dict[str, Any], **changes: Any) -> list[str]:
    # As copies: YAML would write what is there twice as an alias.
    write_briefs(folder, campaign(*map(deepcopy, shots), **changes))
    with pytest.raises(BriefError) as caught:
        load_briefs(folder)
    return [str(problem).partition(": ")[2] for problem in caught.value.problems]


def test_a_shot_may_edit_one_above_it_or_an_image(tmp_path: Path) -> None:
    (tmp_path / "campaigns" / "images").mkdir(parents=True)
    (tmp_path / "campaigns" / "images" / "room.png").write_bytes(encode(draw_noise(64, 64)))
    room = {**shot("room"), "from": "images/room.png", **ADD_A_CAT}

    write_briefs(tmp_path, campaign(shot("kitchen"), WINTER, room))

    briefs = load_briefs(tmp_path)
    assert [each.source for each in briefs.campaigns["winter"].shots] == [
        None,
        "kitchen",
        "images/room.png",
    ]
    assert "campaigns/images/room.png" in briefs.files


@pytest.mark.parametrize(
    ("shots", "says"),
    [
        (
            (WINTER, shot("kitchen")),
            "shots[0].from: 'kitchen' - no shot is above this one; accepted: the id of an earlier "
            "shot, or an image such as images/room.jpg",
        ),
        (
            (shot("kitchen"), {**WINTER, "from": "kitchn"}),
            "shots[1].from: 'kitchn' - not a shot above this one; accepted: kitchen; did you mean "
            "kitchen?, or an image such as images/room.jpg",
        ),
        (
            (shot("kitchen"), {**shot("attic"), "from": "kitchen"}),
            "shots[1].instruction: missing; required beside from: what is changed in the picture",
        ),
        (
            ({**shot("attic"), "instruction": "add a cat"},),
            "shots[0].instruction: 'add a cat' - says what to change, and from does not say in "
            "which picture; add from",
        ),
        (
            (shot("kitchen"), WINTER, {**WINTER, "id": "later", "from": "kitchen_winter"}),
            "shots[2].from: 'kitchen_winter' - its pictures are edits themselves; accepted: a shot "
            "that is drawn",
        ),
        (
            (DRAWN, WINTER),
            "shots[1].from: 'kitchen' - its text is drawn; give this shot the same",
        ),
        (
            (DRAWN, {**WINTER, "text": "drawn"}),
            "shots[1].from: 'kitchen' - it has copy; give this shot the same",
        ),
        (
            ({**shot("attic"), "localize": "edit"},),
            "shots[0].localize: 'edit' - there are no drawn words to change; use draw, or text: "
            "drawn with copy",
        ),
        (
            (DRAWN, {**DRAWN, "id": "later", "from": "kitchen", **ADD_A_CAT, "localize": "edit"}),
            "shots[1].localize: 'edit' - is an edit already, by from; an edit of an edit loses "
            "quality: use draw",
        ),
        (
            ({**shot("attic"), "localize": "redraw"},),
            "shots[0].localize: 'redraw' - accepted: draw, edit; did you mean draw?",
        ),
        (
            ({**WINTER, "from": "images/rom.png"},),
            "shots[0].from: 'images/rom.png' - no such file campaigns/images/rom.png",
        ),
    ],
)
def test_what_can_not_be_edited_is_told_in_one_line(
    tmp_path: Path, shots: tuple[dict[str, Any], ...], says: str
) -> None:
    assert read_problems(tmp_path, *shots, locales=["en", "de"]) == [says]


def test_the_image_that_is_edited_belongs_to_what_a_campaign_is_hashed_by(tmp_path: Path) -> None:
    image = tmp_path / "campaigns" / "images" / "room.png"
    image.parent.mkdir(parents=True)
    image.write_bytes(encode(draw_noise(64, 64)))
    room = {**shot("room"), "from": "images/room.png", **ADD_A_CAT}
    write_briefs(tmp_path, campaign(room))
    before = hash_campaign(load_briefs(tmp_path), "winter")
    image.write_bytes(encode(draw_noise(64, 64, seed=8)))

    assert hash_campaign(load_briefs(tmp_path), "winter") != before
