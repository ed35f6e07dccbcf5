"""Copy keeps off heads and the subject where its layout has a place that does."""

import pytest
from PIL import Image

from nbp_dagster.briefs.channels import SafeArea
from nbp_dagster.studio.imaging.boxes import share_of
from nbp_dagster.studio.typography.blocks import Box
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
