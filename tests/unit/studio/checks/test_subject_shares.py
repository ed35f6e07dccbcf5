"""A head that a frame cuts, or that copy of ours covers, is a warning with its share."""

import pytest

from nbp_dagster.briefs.channels import load_packaged_channels
from nbp_dagster.studio.checks.check_table import CheckResult
from nbp_dagster.studio.checks.rendition_checks import RenditionInput, run_rendition_checks
from nbp_dagster.studio.checks.subject_shares import Framed, list_boxes
from nbp_dagster.studio.imaging.boxes import Box
from nbp_dagster.studio.imaging.crop import Crop
from nbp_dagster.studio.imaging.places import Places
from nbp_dagster.studio.typography.legibility import TextBox

CHANNEL = load_packaged_channels()["instagram_square"]
# The right half of a picture of 2000 x 1000, on all of the frame.
CROP = Crop("cover", (1000.0, 0.0, 2000.0, 1000.0), 0.5, (0, 0, 1080, 1080), 1.08)
HEAD = (0.6, 0.2, 0.7, 0.4)


def judge(
    *heads: Box,
    subject: Box | None = None,
    text: tuple[int, int, int, int] | None = None,
    is_known: bool = True,
) -> dict[str, CheckResult]:
    places = Places(original="a" * 64, heads=heads, subject=subject) if is_known else None
    rendition = RenditionInput(
        channel=CHANNEL,
        data=b"",
        prompt_key="k",
        text_boxes=() if text is None else (TextBox("headline", text, 40),),
        framed=Framed(CROP, (2000, 1000), places),
    )
    return {item.name: item for item in run_rendition_checks(rendition)}


@pytest.mark.parametrize(
    ("heads", "subject", "verdict", "figures"),
    [
        ((HEAD,), None, "passed", {"head_1_shown": 1.0}),
        (((0.45, 0.2, 0.55, 0.4),), None, "failed", {"head_1_shown": 0.5}),
        ((HEAD, (0.1, 0.2, 0.2, 0.4)), None, "failed", {"head_1_shown": 1.0, "head_2_shown": 0.0}),
        ((), (0.4, 0.1, 0.6, 0.9), "failed", {"subject_shown": 0.5}),
        ((HEAD,), (0.4, 0.1, 0.8, 0.9), "passed", {"head_1_shown": 1.0}),
        ((), None, "passed", {}),
    ],
    ids=["whole", "half a head", "one of two", "half a bottle", "a head is enough", "nobody"],
)
def test_what_the_frame_cuts_is_told(
    heads: tuple[Box, ...], subject: Box | None, verdict: str, figures: dict[str, float]
) -> None:
    found = judge(*heads, subject=subject)["subject_whole"]
    assert (found.verdict, found.severity) == (verdict, "warn")
    assert dict(found.figures) == figures


@pytest.mark.parametrize(
    ("text", "verdict"),
    [(None, "passed"), ((500, 100, 900, 180), "passed"), ((100, 300, 500, 400), "failed")],
    ids=["no copy", "beside the head", "over the face"],
)
def test_copy_over_a_head_is_told(text: tuple[int, int, int, int] | None, verdict: str) -> None:
    """The head is at 216 to 432 across and 216 to 432 down in the frame."""
    found = judge(HEAD, text=text)["subject_clear"]
    assert (found.verdict, found.severity) == (verdict, "warn")


def test_a_thing_may_be_touched_by_copy_and_not_covered() -> None:
    thing = (0.55, 0.1, 0.95, 0.9)
    assert judge(subject=thing, text=(150, 150, 500, 300))["subject_clear"].verdict == "passed"
    assert judge(subject=thing, text=(100, 100, 1000, 600))["subject_clear"].verdict == "failed"


def test_where_nobody_looked_nothing_is_passed() -> None:
    found = judge(is_known=False)
    assert {found[name].verdict for name in ("subject_whole", "subject_clear")} == {"skipped"}


@pytest.mark.parametrize("with_heads", [True, False])
def test_boxes_are_recorded_in_shares_of_the_rendition(with_heads: bool) -> None:
    places = Places(original="a" * 64, heads=(HEAD, (0.1, 0.2, 0.2, 0.4)), subject=(0.5, 0, 1, 1))
    words = (TextBox("headline", (108, 540, 972, 648), 40),)
    found = list_boxes(
        Framed(CROP, (2000, 1000), places), words, (1080, 1080), with_heads=with_heads
    )
    # The second head is outside the frame.
    heads = [("head", "head_1", (0.2, 0.2, 0.4, 0.4))] if with_heads else []
    assert [(each.kind, each.name, each.box) for each in found] == [
        *heads,
        ("subject", "subject", (0.0, 0.0, 1.0, 1.0)),
        ("type", "headline", (0.1, 0.5, 0.9, 0.6)),
    ]


def test_of_a_picture_nobody_looked_at_only_type_is_recorded() -> None:
    words = (TextBox("headline", (108, 540, 972, 648), 40),)
    found = list_boxes(Framed(CROP, (2000, 1000), None), words, (1080, 1080), with_heads=True)
    assert [each.kind for each in found] == ["type"]
