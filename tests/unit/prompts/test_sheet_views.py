"""What the names of supplied images say, and what identifies the card they make."""

import pytest

from nbp_dagster.prompts.sheet_views import View, hash_card, name_view, order_views


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("brands/images/pip_face.png", "face"),
        ("brands/images/face_front.png", "face"),
        ("https://cdn.example/a/Mira-Close-Up.webp?size=2", "face"),
        ("brands/images/mira_three-quarter.jpg", "three-quarter"),
        ("brands/images/mira_3_4.jpg", "three-quarter"),
        ("brands/images/mira-34.jpg", "three-quarter"),
        ("brands/images/pip_front.png", "full figure"),
        ("brands/images/full_body.png", "full figure"),
        ("brands/images/pip_waving.png", "view"),
        ("brands/face/pip.png", "view"),
        ("brands/images/surface.png", "view"),
        ("brands/images/1934.png", "view"),
    ],
)
def test_a_view_is_what_the_file_is_called(source: str, kind: str) -> None:
    """Whole words of the name decide, never a folder and never a part of a word."""
    assert name_view(source) == kind


def test_figures_come_first_and_faces_last_whatever_the_brief_says() -> None:
    """Within a kind the order of the brief stays, and an image named twice is shown once."""
    sources = ["a_face.png", "wave.png", "a_front.png", "run.png", "wave.png"]
    views = order_views(sources, ["f", "w", "t", "r", "w"])

    assert [view.digest for view in views] == ["t", "w", "r", "f"]


def test_a_card_is_known_by_its_images_and_by_what_they_show_not_by_where_they_lie() -> None:
    """A moved file is the same card; another image, order or kind is another."""
    front, face = View("full figure", "a.png", "1" * 64), View("face", "b.png", "2" * 64)
    moved = View("full figure", "c.png", "1" * 64)
    other = View("full figure", "a.png", "3" * 64)
    renamed = View("view", "a.png", "1" * 64)
    digest = hash_card([front, face])

    assert hash_card([moved, face]) == digest
    assert len({digest, *map(hash_card, ([other, face], [face, front], [renamed, face]))}) == 4


def test_the_digest_of_a_card_is_the_same_on_every_machine_and_version() -> None:
    """It is part of what is paid for: only a new CARD_LAYOUT may change it."""
    views = [View("full figure", "a.png", "1" * 64), View("face", "b.png", "2" * 64)]

    assert hash_card(views) == ("46a77a2c4651143c0353b1ec00743b7121d13e2a355e8111a347e648730c28d9")
