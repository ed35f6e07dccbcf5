"""The checks every rendition goes through: one table; to add a check, add one entry to it.

Knows no Dagster: assets turn these into asset checks.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, Literal

from nbp_dagster.brand.models import Channel
from nbp_dagster.studio.decode import Decoded, UndecodableImage, decode_image, sniff_format

Verdict = Literal["passed", "failed", "skipped"]
Severity = Literal["error", "warn"]
Figures = Mapping[str, str | int | float]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CheckInput:
    """One rendition as a check sees it.

    Attributes:
        channel: What the rendition is for.
        data: The file's bytes.
        prompt_key: Partition key, to name it by.
        left_out: Fields of composited copy that found no room.
    """

    channel: Channel
    data: bytes
    prompt_key: str
    left_out: tuple[str, ...] = ()

    @cached_property
    def picture(self) -> Decoded:
        """The decoded file, decoded once for all checks.

        Raises:
            UndecodableImage: The file is not one sound still picture.
        """
        return decode_image(self.data, what=f"{self.prompt_key} for {self.channel.id}")


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        verdict: "skipped" where it could not look; never counted as passed.
        threshold: What is accepted, in words.
        sentence: What was seen, for a person.
        figures: What was measured.
    """

    verdict: Verdict
    threshold: str
    sentence: str
    figures: Figures = field(default_factory=dict)


@dataclass(frozen=True)
class Check:
    """One entry of the table.

    Attributes:
        name: Its name everywhere: Dagster, manifest, docs/checks.md.
        description: One sentence on what it holds.
        severity: "error" where a failing rendition can't be used.
        run: Looks at one rendition.
    """

    name: str
    description: str
    severity: Severity
    run: Callable[[CheckInput], Finding]


@dataclass(frozen=True)
class CheckResult:
    """A finding together with the check that made it; attributes as there."""

    name: str
    severity: Severity
    verdict: Verdict
    threshold: str
    sentence: str
    figures: Figures


def run_checks(
    rendition: CheckInput, checks: tuple[Check, ...] | None = None
) -> tuple[CheckResult, ...]:
    """Run every check of the table on a rendition, in order; none can stop another.

    Args:
        rendition: The rendition.
        checks: Another table than `CHECKS`.
    """
    return tuple(_run(check, rendition) for check in (CHECKS if checks is None else checks))


def _run(check: Check, rendition: CheckInput) -> CheckResult:
    try:
        finding = check.run(rendition)
    except Exception as error:  # noqa: BLE001 - a check is judged, whatever goes wrong inside it
        _log.exception("check %s crashed on channel %s", check.name, rendition.channel.id)
        sentence = f"the check itself crashed: {type(error).__name__}: {error}"
        finding = Finding("failed", threshold="the check runs to its end", sentence=sentence)
    return CheckResult(
        name=check.name,
        severity=check.severity,
        verdict=finding.verdict,
        threshold=finding.threshold,
        sentence=finding.sentence,
        figures=finding.figures,
    )


def _judge(passed: bool) -> Verdict:
    return "passed" if passed else "failed"


def _check_pixels(rendition: CheckInput) -> Finding:
    channel = rendition.channel
    threshold = f"{channel.width}x{channel.height} pixels"
    try:
        picture = rendition.picture
    except UndecodableImage as error:
        sentence = f"its size can't be read: {error.seen}"
        return Finding("failed", threshold=threshold, sentence=sentence)
    return Finding(
        _judge((picture.width, picture.height) == (channel.width, channel.height)),
        threshold=threshold,
        sentence=f"it has {picture.width}x{picture.height} pixels",
        figures={"width_px": picture.width, "height_px": picture.height},
    )


def _check_decodable(rendition: CheckInput) -> Finding:
    threshold = "one still picture that decodes to its last pixel"
    try:
        picture = rendition.picture
    except UndecodableImage as error:
        return Finding("failed", threshold=threshold, sentence=f"it is {error.seen}")
    sentence = f"it decodes as one {picture.format} picture"
    return Finding("passed", threshold=threshold, sentence=sentence)


def _check_weight(rendition: CheckInput) -> Finding:
    channel, weight = rendition.channel, len(rendition.data)
    found = (sniff_format(rendition.data) or "unknown").lower()
    return Finding(
        _judge(found == channel.file_type and weight <= channel.max_bytes),
        threshold=f"{channel.file_type} of at most {channel.max_bytes:,} bytes",
        sentence=f"it is {found} of {weight:,} bytes",
        figures={"bytes": weight, "max_bytes": channel.max_bytes, "file_type": found},
    )


def _check_copy(rendition: CheckInput) -> Finding:
    missing = ", ".join(rendition.left_out)
    return Finding(
        _judge(not rendition.left_out),
        threshold="every line of composited copy",
        sentence=f"left out for want of room: {missing}" if missing else "nothing was left out",
    )


CHECKS: Final[tuple[Check, ...]] = (
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
)
