"""Copy keeps off heads and the subject where its layout has a place that does."""

from itertools import pairwise

import pytest
from PIL import Image

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.typography.blocks import Box, Copy
from nbp_dagster.studio.typography.copy_places import Taken
from nbp_dagster.studio.typography.text_block import TypesetPicture, typeset

PALETTE = {"primary": "#0B3D2E", "accent": "#F2B705"}
COPY = {
    "headline": "Slow mornings win",
    "sub": "Fresh spring roast, every week.",
    "call_to_action": "Shop the roast",
}


def place(size: tuple[int, int], taken: Taken | None, *, language: str = "en") -> TypesetPicture:
    return typeset(
        Image.new("RGB", size, (140, 140, 140)),
        texts=COPY,
        palette=PALETTE,
        safe_area=SafeArea(),
        language=language,
        taken=taken,
    )


@pytest.mark.parametrize(
    ("size", "head"),
    [
        ((1080, 1350), (250, 40, 760, 800)),
        ((1080, 1350), (250, 560, 760, 1320)),
        ((1080, 1080), (280, 40, 790, 780)),
        ((1080, 1920), (250, 300, 800, 1150)),
        ((1200, 628), (60, 60, 480, 560)),
        ((1200, 628), (700, 60, 1120, 560)),
    ],
)
def test_no_type_lies_on_a_head_and_nothing_is_left_out(size: tuple[int, int], head: Box) -> None:
    done = place(size, Taken((head,)))
    assert set(done.boxes) == set(COPY)
    assert all(share_of(head, box) == 0 for box in done.boxes.values())
    part = (head[0] + 20, head[1] + 20, head[2] - 20, head[3] - 20)
    assert done.image.crop(part).getcolors() == [
        ((part[2] - part[0]) * (part[3] - part[1]), (140,) * 3)
    ]


@pytest.mark.parametrize("taken", [None, Taken(), Taken(((500, 700, 560, 760),))])
def test_copy_stays_in_the_calm_part_while_that_is_free(taken: Taken | None) -> None:
    assert place((1080, 1350), taken).boxes == place((1080, 1350), None).boxes


def test_a_subject_without_a_head_is_kept_clear_too() -> None:
    figure = (200, 30, 900, 700)
    done = place((1080, 1350), Taken((), figure))
    assert all(share_of(figure, box) == 0 for box in done.boxes.values())


def test_drawn_lettering_is_kept_clear() -> None:
    words = ((100, 60, 900, 300),)
    done = place((1080, 1350), Taken(words=words))
    assert all(share_of(words[0], box) == 0 for box in done.boxes.values())


def test_a_frame_full_of_heads_still_gets_its_copy() -> None:
    done = place((1080, 1080), Taken(((0, 0, 1080, 1080),)))
    assert set(done.boxes) == set(COPY)


def test_where_nothing_is_free_the_setter_says_so() -> None:
    assert not place((1080, 1080), Taken(((0, 0, 1080, 1080),))).is_free
    assert not place((1080, 1080), Taken(words=((0, 0, 1080, 1080),))).is_free
    assert place((1080, 1350), Taken(((250, 560, 760, 1320),))).is_free


@pytest.mark.parametrize(
    ("size", "picture"),
    [((1080, 1920), (0, 1313, 1080, 1920)), ((1200, 628), (700, 0, 1200, 628))],
    ids=["below", "right"],
)
def test_beside_a_picture_shown_whole_copy_stands_in_one_stack_on_the_ground(
    size: tuple[int, int], picture: Box
) -> None:
    boxes = place(size, Taken(picture=picture)).boxes
    assert set(boxes) == set(COPY)
    assert all(share_of(box, picture) == 0 for box in boxes.values())
    ordered = sorted(boxes.values(), key=lambda box: box[1])
    gaps = [other[1] - one[3] for one, other in pairwise(ordered)]
    assert len(set(gaps)) == 1


def test_toning_never_ends_abruptly_before_a_head_where_another_place_lets_it_fade() -> None:
    scene = Image.linear_gradient("L").resize((1080, 1080)).convert("RGB")
    head = (330, 60, 700, 690)
    done = typeset(
        scene,
        texts=COPY,
        palette=PALETTE,
        safe_area=SafeArea(),
        language="en",
        taken=Taken((head,)),
    )
    beside = [done.image.getpixel((20, y)) for y in range(0, 1080, 4)]
    steps = [abs(one[1] - other[1]) for one, other in pairwise(beside)]
    assert max(steps) <= 24


def test_on_a_light_picture_type_is_dark_and_the_picture_stays_as_it_is() -> None:
    white = Image.new("RGB", (600, 600), (250, 250, 248))
    done = typeset(
        white, texts=COPY, palette=PALETTE, safe_area=SafeArea(), language="en", taken=Taken()
    )
    left, top, right, bottom = done.boxes["headline"]
    assert done.image.getpixel((left - 4, top)) == (250, 250, 248)
    assert min(done.image.crop((left, top, right, bottom)).convert("L").getextrema()) < 90


def test_all_locales_stand_in_one_place() -> None:
    copies = {"en": COPY, "de": {**COPY, "headline": "Langsame Morgen gewinnen immer"}}
    head = (250, 40, 760, 800)
    tops = []
    for name, words in copies.items():
        done = typeset(
            Image.new("RGB", (1080, 1350), (140, 140, 140)),
            texts=words,
            palette=PALETTE,
            safe_area=SafeArea(),
            language=name,
            taken=Taken((head,)),
            peers=tuple(Copy(tuple(copies[o].items()), o) for o in copies if o != name),
        )
        assert all(share_of(head, box) == 0 for box in done.boxes.values())
        tops.append(done.boxes["call_to_action"])
    assert tops[0][3] == tops[1][3]
    assert tops[0][0] == tops[1][0]
