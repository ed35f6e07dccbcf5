"""Aspect ratios: the nearest a model offers, and what a channel crops; must not know prompts."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.model_limits import load_known_models
from nbp_dagster.briefs.models import Ratio

# Opposite margins together leave at least this share of the frame free to compose in.
_LEAST_INSIDE = 0.15


@dataclass(frozen=True)
class Margins:
    """Shares of a picture's height (top, bottom) and width (right, left), from 0 to 1."""

    top: float
    right: float
    bottom: float
    left: float


def measure_ratio(ratio: str) -> float:
    """Return width divided by height of a ratio such as `4:5`."""
    width, height = ratio.split(":")
    return int(width) / int(height)


def nearest_ratio(wanted: str, listed: Iterable[str]) -> str:
    """Return the listed ratio nearest to the wanted one.

    The one itself if it is listed; else the least distance of logarithms, so that 2:1 is as far
    from 1:1 as 1:2 is; of two equally near the first. `auto` is never chosen.

    Raises:
        ValueError: Nothing but `auto` is listed.
    """
    candidates = [ratio for ratio in listed if ratio != "auto"]
    if wanted in candidates:
        return wanted
    goal = math.log(measure_ratio(wanted))

    def distance(ratio: str) -> float:
        # Rounded, so that 2:3 and 3:2 are equally far from 1:1 in spite of their last bits.
        return round(abs(math.log(measure_ratio(ratio)) - goal), 9)

    return min(candidates, key=distance)


def ratio_of(channel: Channel, model: str) -> str:
    """Return the ratio a channel is asked in: its own, or a panorama that only some models draw.

    Args:
        channel: The placement.
        model: Id of the model. Of one that is not known nothing but the channel's ratio is asked.
    """
    known = load_known_models().get(model)
    panoramas = [ratio for ratio in (known.ratios if known else ()) if ratio not in get_args(Ratio)]
    return nearest_ratio(f"{channel.width}:{channel.height}", [channel.ratio, *panoramas])


def find_margins(channels: Iterable[Channel], ratio: str) -> Margins:
    """Return the margins of a picture that some channel crops or covers: of each edge the widest.

    A banner asks for none: it shows whatever part the figure is in.

    Args:
        channels: The placements the picture is for.
        ratio: The picture's own ratio; each channel but a banner is cut from its middle.
    """
    each = [
        _find_channel_margins(channel, ratio)
        for channel in channels
        if not is_banner(channel.width, channel.height)
    ] or [Margins(top=0.0, right=0.0, bottom=0.0, left=0.0)]
    top, bottom = _keep_inside(max(m.top for m in each), max(m.bottom for m in each))
    left, right = _keep_inside(max(m.left for m in each), max(m.right for m in each))
    return Margins(top=top, right=right, bottom=bottom, left=left)


def _find_channel_margins(channel: Channel, ratio: str) -> Margins:
    picture = measure_ratio(ratio)
    placement = channel.width / channel.height
    shown_width = min(1.0, placement / picture)
    shown_height = min(1.0, picture / placement)
    across, down = shown_width / channel.width, shown_height / channel.height
    area = channel.safe_area
    return Margins(
        top=(1 - shown_height) / 2 + area.top * down,
        right=(1 - shown_width) / 2 + area.right * across,
        bottom=(1 - shown_height) / 2 + area.bottom * down,
        left=(1 - shown_width) / 2 + area.left * across,
    )


def _keep_inside(first: float, second: float) -> tuple[float, float]:
    total = first + second
    most = 1 - _LEAST_INSIDE
    if total <= most:
        return first, second
    return first * most / total, second * most / total


def orientation_of(ratio: str) -> Literal["square", "portrait", "landscape"]:
    """Return the orientation of a frame of this ratio."""
    value = measure_ratio(ratio)
    if value == 1:
        return "square"
    return "landscape" if value > 1 else "portrait"
