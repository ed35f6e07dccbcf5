"""Judges the label that says a rendition is made with AI: there, legible, and over nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from PIL import Image

from nbp_dagster.briefs.channels import Channel
from nbp_dagster.disclosure.need import LabelSpec, Need
from nbp_dagster.studio.checks.check_table import Figures, Finding, verdict_of
from nbp_dagster.studio.typography.disclosure_label import PlacedLabel
from nbp_dagster.studio.typography.legibility import measure_text_contrast


@dataclass(frozen=True)
class Disclosed:
    """What law asks of a rendition, and what was set.

    Attributes:
        need: What the campaign's markets ask.
        spec: The label that is asked for; None for none.
        label: The label as it was set; None where none was.
    """

    need: Need
    spec: LabelSpec | None = None
    label: PlacedLabel | None = None


NOTHING_ASKED: Final = Disclosed(Need())
"""Of a rendition whose campaign names no market."""


def judge_label(
    disclosed: Disclosed, channel: Channel, image: Callable[[], Image.Image]
) -> Finding:
    """Return what is found of a rendition's label.

    Args:
        disclosed: What is asked of it, and its label.
        channel: What it is for, named where the label has no place.
        image: Gives the written file's pixels, RGB.
    """
    need, spec, label = disclosed.need, disclosed.spec, disclosed.label
    if spec is None:
        return Finding("passed", "the label its markets ask for", _say_why_none(need))
    rules = ", ".join(rule.id for rule in need.rules)
    least = spec.least_size((channel.width, channel.height))
    threshold = (
        f"a label by {rules}: {least} px, {spec.least_contrast:g}:1, in the safe area, over no "
        "head, copy, lettering or logo"
    )
    if label is None:
        return Finding("failed", threshold, f"{channel.name} ({channel.id}) has no label")
    ratio = measure_text_contrast(image(), label.text_box)
    wrong = list(_list_faults(spec, label, channel, ratio=ratio, least=least))
    figures: Figures = {"label_px": label.size, "label_ratio": round(ratio, 2)}
    shown = label.words or f"the icon {label.icon}"
    sentence = f"it says {shown} at {label.size} px, {ratio:.1f}:1"
    if wrong:
        sentence = f"on {channel.name} ({channel.id}) the label {', '.join(wrong)}"
    return Finding(verdict_of(not wrong), threshold, sentence, figures=figures)


def _say_why_none(need: Need) -> str:
    if not need.markets:
        return "the campaign names no market, so no label is known to be asked for"
    if need.off is not None:
        return f"the brief has it off: {need.off}"
    return f"no rule of {', '.join(need.markets)} asks for one"


def _list_faults(
    spec: LabelSpec, label: PlacedLabel, channel: Channel, *, ratio: float, least: int
) -> Iterator[str]:
    if label.covers:
        names = ", ".join(name.replace("_", " ") for name in label.covers)
        yield f"has no free place: it covers {names}"
    area = channel.safe_area
    left, top, right, bottom = label.box
    if (
        left < area.left
        or top < area.top
        or right > channel.width - area.right
        or bottom > channel.height - area.bottom
    ):
        yield "leaves the safe area"
    if label.size < least:
        yield f"has letters of {label.size} px"
    if ratio < spec.least_contrast:
        yield f"has a contrast of {ratio:.2f}:1"
