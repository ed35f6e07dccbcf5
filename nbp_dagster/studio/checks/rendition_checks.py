"""The rendition checks, in one table.

A new check is one more entry of the table. Must not know Dagster: assets make asset checks of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from nbp_dagster.briefs.channels import Channel
from nbp_dagster.studio.checks.check_table import (
    Check,
    CheckResult,
    Finding,
    result_of,
    run_table,
    verdict_of,
)
from nbp_dagster.studio.checks.disclosure_check import NOTHING_ASKED, Disclosed, judge_label
from nbp_dagster.studio.checks.subject_shares import (
    LEAST_SHOWN,
    MOST_COVERED,
    MOST_COVERED_OF_SUBJECT,
    Framed,
)
from nbp_dagster.studio.imaging.c2pa import read_credentials
from nbp_dagster.studio.imaging.decode import Decoded, UndecodableImage, decode_image, sniff_format
from nbp_dagster.studio.imaging.xmp import Marks, compare_marks, read_marks
from nbp_dagster.studio.typography.legibility import (
    LARGE_TEXT,
    LARGE_TEXT_RATIO,
    SMALL_TEXT_RATIO,
    TextBox,
    measure_text_contrast,
)
from nbp_dagster.studio.typography.letters.type_scale import LEAST_SIZE, find_least_type
from nbp_dagster.studio.typography.text_layout import least_headline


@dataclass(frozen=True)
class RenditionInput:
    """One rendition as a check sees it.

    Attributes:
        channel: What the rendition is for.
        data: The file's bytes.
        prompt_key: Partition key, to name it by.
        left_out: Fields of composited copy that found no room.
        text_boxes: Where words are, as far as it is known.
        has_drawn_text: Whether the model was asked to draw words, whose place is not known.
        marks: The origin that the file must state; None where it is not known.
        is_signed: Whether it must have content credentials.
        framed: What it shows of its original; None where that is not known.
        disclosed: What law asks of it, and the label it has.
    """

    channel: Channel
    data: bytes
    prompt_key: str
    left_out: tuple[str, ...] = ()
    text_boxes: tuple[TextBox, ...] = ()
    has_drawn_text: bool = False
    marks: Marks | None = None
    is_signed: bool = False
    framed: Framed | None = None
    disclosed: Disclosed = NOTHING_ASKED

    @cached_property
    def picture(self) -> Decoded:
        """The decoded file, decoded once for all checks.

        Raises:
            UndecodableImage: The file is not one sound still picture.
        """
        return decode_image(self.data, what=f"{self.prompt_key} for {self.channel.id}")


def run_rendition_checks(
    rendition: RenditionInput,
    checks: tuple[Check[RenditionInput], ...] | None = None,
    *,
    blocking: Collection[str] = (),
) -> tuple[CheckResult, ...]:
    """Run every check of the table on a rendition, in order; none can stop another.

    Args:
        rendition: The rendition.
        checks: Another table than `RENDITION_CHECKS`.
        blocking: Names of checks that the brand wants to be errors.
    """
    return run_table(RENDITION_CHECKS if checks is None else checks, rendition, blocking=blocking)


def _check_pixels(rendition: RenditionInput) -> Finding:
    channel = rendition.channel
    threshold = f"{channel.width}x{channel.height} pixels"
    try:
        picture = rendition.picture
    except UndecodableImage as error:
        sentence = f"its size can't be read: {error.seen}"
        return Finding("failed", threshold=threshold, sentence=sentence)
    return Finding(
        verdict_of((picture.width, picture.height) == (channel.width, channel.height)),
        threshold=threshold,
        sentence=f"it has {picture.width}x{picture.height} pixels",
        figures={"width_px": picture.width, "height_px": picture.height},
    )


def _check_decodable(rendition: RenditionInput) -> Finding:
    threshold = "one still picture that decodes to its last pixel"
    try:
        picture = rendition.picture
    except UndecodableImage as error:
        return Finding("failed", threshold=threshold, sentence=f"it is {error.seen}")
    sentence = f"it decodes as one {picture.format} picture"
    return Finding("passed", threshold=threshold, sentence=sentence)


def _check_weight(rendition: RenditionInput) -> Finding:
    channel, weight = rendition.channel, len(rendition.data)
    found = (sniff_format(rendition.data) or "unknown").lower()
    return Finding(
        verdict_of(found == channel.file_type and weight <= channel.max_bytes),
        threshold=f"{channel.file_type} of at most {channel.max_bytes:,} bytes",
        sentence=f"it is {found} of {weight:,} bytes",
        figures={"bytes": weight, "max_bytes": channel.max_bytes, "file_type": found},
    )


def _check_copy(rendition: RenditionInput) -> Finding:
    missing = ", ".join(rendition.left_out)
    return Finding(
        verdict_of(not rendition.left_out),
        threshold="every line of composited copy",
        sentence=f"left out for want of room: {missing}" if missing else "nothing was left out",
    )


def _check_contrast(rendition: RenditionInput) -> Finding:
    threshold = (
        f"a contrast of {SMALL_TEXT_RATIO}:1 in every text box, "
        f"{LARGE_TEXT_RATIO:.0f}:1 from {LARGE_TEXT} px"
    )
    if not rendition.text_boxes:
        return _find_no_boxes(rendition, threshold)
    image = rendition.picture.image
    ratios = {item: measure_text_contrast(image, item.box) for item in rendition.text_boxes}
    faint = [item for item, ratio in ratios.items() if ratio < item.least_ratio]
    # Of several that fall short the one that does so most, else the least legible one.
    worst = min(faint or ratios, key=lambda item: ratios[item] / item.least_ratio)
    return Finding(
        verdict_of(not faint),
        threshold=threshold,
        sentence=f"{worst.field} has {ratios[worst]:.2f}:1 at {worst.size} px",
        figures={f"{item.field}_ratio": round(ratio, 2) for item, ratio in ratios.items()},
    )


def _check_letters(rendition: RenditionInput) -> Finding:
    if rendition.has_drawn_text and not rendition.text_boxes:
        return _check_letter_size((), "the model drew the words, and they were not read")
    size = (rendition.channel.width, rendition.channel.height)
    least, headline = find_least_type(size), least_headline(size)
    finding = _check_letter_size(rendition.text_boxes, least=least)
    small = [each for each in rendition.text_boxes if each.field == "headline"]
    if finding.verdict == "failed" or not small or small[0].size >= headline:
        return finding
    sentence = (
        f"headline is set in {small[0].size} px, as it has no room at {headline} px, "
        "the least that locales share here: it is alone in its size; shorten it"
    )
    return replace(finding, verdict="failed", sentence=sentence)


def check_drawn_letters(
    boxes: Sequence[TextBox], why_unknown: str, *, blocking: Collection[str]
) -> CheckResult:
    """Return the result of `smallest_letter` on a rendition of words that the model drew.

    Args:
        boxes: The words that were read on its original, as large as they are in the rendition.
        why_unknown: Why there are none.
        blocking: Names of checks that the brand wants to be errors.
    """
    check = next(check for check in RENDITION_CHECKS if check.run is _check_letters)
    return result_of(check, _check_letter_size(boxes, why_unknown), blocking)


def _check_letter_size(
    boxes: Sequence[TextBox], why_unknown: str = "", *, least: int = LEAST_SIZE
) -> Finding:
    threshold = f"letters of at least {least} px"
    if not boxes:
        if why_unknown:
            return Finding("skipped", threshold=threshold, sentence=why_unknown)
        return Finding("passed", threshold=threshold, sentence="there are no words on it")
    smallest = min(boxes, key=lambda item: item.size)
    return Finding(
        verdict_of(smallest.size >= least),
        threshold=threshold,
        sentence=f"{smallest.field} is set in {smallest.size} px",
        figures={f"{item.field}_px": item.size for item in boxes},
    )


def _find_no_boxes(rendition: RenditionInput, threshold: str) -> Finding:
    if rendition.has_drawn_text:
        sentence = "the model drew the words; copy_contrast measures them on the original"
        return Finding("skipped", threshold=threshold, sentence=sentence)
    return Finding("passed", threshold=threshold, sentence="there are no words on it")


def _check_whole(rendition: RenditionInput) -> Finding:
    threshold = f"{LEAST_SHOWN:.0%} of every head, or of a subject without one"
    framed = _require_subject(rendition, threshold)
    if isinstance(framed, Finding):
        return framed
    shown = framed.shown()
    worst = min(shown, key=lambda name: shown[name])
    sentence = f"{shown[worst]:.0%} of {worst.replace('_', ' ')} is shown"
    figures = {f"{name}_shown": round(share, 3) for name, share in shown.items()}
    return Finding(verdict_of(shown[worst] >= LEAST_SHOWN), threshold, sentence, figures)


def _check_clear(rendition: RenditionInput) -> Finding:
    threshold = (
        f"at most {MOST_COVERED:.0%} of a head under our type, "
        f"{MOST_COVERED_OF_SUBJECT:.0%} of a subject without one"
    )
    framed = _require_subject(rendition, threshold)
    if isinstance(framed, Finding):
        return framed
    covered = framed.covered(rendition.text_boxes)
    if not covered or not rendition.text_boxes:
        return Finding("passed", threshold, "there is no type of ours on it")
    worst = max(covered, key=lambda name: covered[name])
    most = MOST_COVERED_OF_SUBJECT if worst == "subject" else MOST_COVERED
    sentence = f"{covered[worst]:.0%} of {worst.replace('_', ' ')} lies under type"
    figures = {f"{name}_covered": round(share, 3) for name, share in covered.items()}
    return Finding(verdict_of(covered[worst] <= most), threshold, sentence, figures)


def _require_subject(rendition: RenditionInput, threshold: str) -> Framed | Finding:
    """Return what a rendition shows of heads and subject, or why there is nothing to judge."""
    framed = rendition.framed
    if framed is None or framed.places is None:
        sentence = "heads and subject were not looked for (extra character, pictures of a model)"
        return Finding("skipped", threshold, sentence)
    if not framed.named:
        return Finding("passed", threshold, "it has neither a head nor a subject")
    return framed


_LACKING: Final = (
    "; the original's content credentials were dropped, as they leave no room for the picture in "
    "the channel's max_bytes: only its digest is named"
)


def _check_marking(rendition: RenditionInput) -> Finding:
    marks = rendition.marks
    if marks is None:
        sentence = "its origin is not known"
        return Finding("skipped", threshold="its origin in XMP", sentence=sentence)
    wrong = list(compare_marks(marks, read_marks(rendition.data)))
    figures: dict[str, str | int | float] = {"properties": len(marks.facts()), "wrong": len(wrong)}
    threshold, notes = "its origin in XMP", ""
    if rendition.is_signed:
        threshold += ", and content credentials that hold"
        found = read_credentials(rendition.data)
        figures["credentials"] = found.state
        figures["parent_credentials"] = "dropped" if found.lacks_parents else "kept"
        figures["original_credentials"] = found.of_parent or "none"
        wrong += [found.fault] if found.fault else []
        notes += _LACKING if found.lacks_parents else ""
    sentence = (
        "; ".join(wrong)
        or f"it states that it is AI-made, by which model and for which prompt{notes}"
    )
    return Finding(verdict_of(not wrong), threshold=threshold, sentence=sentence, figures=figures)


def _check_disclosure(rendition: RenditionInput) -> Finding:
    return judge_label(rendition.disclosed, rendition.channel, lambda: rendition.picture.image)


RENDITION_CHECKS: Final[tuple[Check[RenditionInput], ...]] = (
    Check(
        "exact_pixels",
        "The picture has exactly the channel's width and height.",
        "error",
        _check_pixels,
    ),
    Check(
        "single_decodable_frame",
        "The file is one still picture and decodes completely.",
        "error",
        _check_decodable,
    ),
    Check(
        "file_type_and_weight",
        "The first bytes are of the channel's file type and the file is not too heavy for it.",
        "error",
        _check_weight,
    ),
    Check(
        "copy_complete",
        "Copy that we set ourselves is on the picture in full.",
        "warn",
        _check_copy,
    ),
    Check(
        "text_contrast",
        "Words stand out from what is behind them, measured in the written file.",
        "warn",
        _check_contrast,
    ),
    Check(
        "smallest_letter",
        "No words are too small to read at the channel's size.",
        "warn",
        _check_letters,
    ),
    Check(
        "subject_whole",
        "No head is cut by the frame, nor a subject without one.",
        "warn",
        _check_whole,
    ),
    Check(
        "subject_clear",
        "No head or subject lies under type that we set.",
        "warn",
        _check_clear,
    ),
    Check(
        "marking",
        "The written file states that it is AI-made, by what and for which prompt.",
        "error",
        _check_marking,
    ),
    Check(
        "disclosure_label",
        "The label that the campaign's markets ask for is there, legible, and covers nothing.",
        "error",
        _check_disclosure,
    ),
)
