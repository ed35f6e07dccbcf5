"""The check of the label names the channel, and every way in which a label falls short."""

from dataclasses import replace

import pytest
from PIL import Image, ImageDraw

from nbp_dagster.briefs.channels import load_packaged_channels
from nbp_dagster.disclosure.need import LabelSpec, Need
from nbp_dagster.disclosure.table import load_packaged_table
from nbp_dagster.studio.checks.check_table import Finding
from nbp_dagster.studio.checks.disclosure_check import Disclosed, judge_label
from nbp_dagster.studio.typography.disclosure_label import (
    Obstacles,
    PlacedLabel,
    draw_label,
    place_label,
)

CHANNEL = load_packaged_channels()["instagram_square"]
NEED = Need(markets=("eu",), realism="photoreal", rules=load_packaged_table().rules[:1])
SPEC = LabelSpec(
    words="AI-generated",
    fallback="AI-generated",
    language="en",
    icon="fully_generated",
    least_px=10,
    least_share=0.02,
    least_contrast=4.5,
)
PICTURE = Image.new("RGB", (CHANNEL.width, CHANNEL.height), "#445566")
LABEL = place_label(PICTURE, SPEC, safe_area=CHANNEL.safe_area, obstacles=Obstacles({}))
LABELLED = draw_label(PICTURE, LABEL)


def judge(
    label: PlacedLabel | None = LABEL,
    *,
    need: Need = NEED,
    spec: LabelSpec | None = SPEC,
    picture: Image.Image = LABELLED,
) -> Finding:
    return judge_label(Disclosed(need, spec, label), CHANNEL, lambda: picture)


def test_a_label_as_its_rule_asks_passes_with_its_figures() -> None:
    found = judge()

    assert found.verdict == "passed"
    assert "AI-generated at 28 px" in found.sentence
    assert found.figures["label_px"] == 28
    assert float(found.figures["label_ratio"]) >= 4.5
    assert "eu_ai_act_50" in found.threshold


def faint() -> Image.Image:
    picture = LABELLED.copy()
    ImageDraw.Draw(picture).rectangle(LABEL.box, fill="#667788")
    ImageDraw.Draw(picture).rectangle(
        (*LABEL.text_box[:2], LABEL.text_box[0] + 20, 1080), "#778899"
    )
    return picture


@pytest.mark.parametrize(
    ("label", "words"),
    [
        (None, "has no label"),
        (replace(LABEL, covers=("call_to_action", "face 1")), "covers call to action, face 1"),
        (replace(LABEL, box=(0, 0, 200, 40)), "leaves the safe area"),
        (replace(LABEL, size=12), "has letters of 12 px"),
    ],
)
def test_what_falls_short_fails_with_the_channel_s_name(
    label: PlacedLabel | None, words: str
) -> None:
    found = judge(label)

    assert found.verdict == "failed"
    assert f"{CHANNEL.name} ({CHANNEL.id})" in found.sentence
    assert words in found.sentence


def test_contrast_is_measured_in_the_written_file() -> None:
    found = judge(picture=faint())

    assert found.verdict == "failed"
    assert "has a contrast of 1." in found.sentence


@pytest.mark.parametrize(
    ("need", "words"),
    [
        (Need(), "names no market"),
        (Need(markets=("JP",), realism="photoreal"), "no rule of JP asks for one"),
        (replace(NEED, off="the player says it"), "the brief has it off: the player says it"),
    ],
)
def test_where_no_label_is_set_it_says_why(need: Need, words: str) -> None:
    found = judge(None, need=need, spec=None)

    assert found.verdict == "passed"
    assert words in found.sentence
