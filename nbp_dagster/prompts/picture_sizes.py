"""How many pixels the model draws, and which channels enlarge that; must not open a picture."""

from collections.abc import Iterator, Mapping

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.channels import Channel, is_banner
from nbp_dagster.briefs.model_limits import load_known_models
from nbp_dagster.briefs.models import Campaign, Resolution
from nbp_dagster.yaml_source.problems import BriefProblem, format_key

# Gemini 3 image output sizes at 1K, in pixels; 2K and 4K are exact multiples.
# Source: the output-size table in Google's Gemini API image generation guide.
PIXELS_AT_1K: Mapping[str, tuple[int, int]] = {
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
    # Those that Gemini 3.1 Flash Image draws besides.
    "4:1": (2048, 512),
    "1:4": (512, 2048),
    "8:1": (3072, 384),
    "1:8": (384, 3072),
}
SCALES: Mapping[Resolution, int] = {"1K": 1, "2K": 2, "4K": 4}

LEAST_SHOWN = 0.55
"""Share of a picture below which it is shown whole instead of cropped; as `crop.LEAST_KEPT`."""

LEAST_TOLD = 1.1
"""Enlargement from which it is told: a tenth more pixels than were drawn is not seen."""


def find_enlargement(channel: Channel, resolution: Resolution) -> float:
    """Return by how much a channel enlarges what the model draws; at most 1 where it does not.

    A banner has no figure of its own: it shows a part of the picture, as large as fits.
    """
    if is_banner(channel.width, channel.height):
        return 1.0
    # A panorama is asked for a banner alone.
    width, height = (side * SCALES[resolution] for side in PIXELS_AT_1K[channel.ratio])
    across, down = channel.width / width, channel.height / height
    fills = min(across, down) / max(across, down) >= LEAST_SHOWN
    return max(across, down) if fills else min(across, down)


def find_enlarged(briefs: Briefs) -> list[BriefProblem]:
    """Return a warning for each channel of a campaign that enlarges its pictures visibly.

    Models that are not known may draw other sizes: their campaigns are left out.
    """
    return [
        problem
        for campaign in briefs.campaigns.values()
        if campaign.model in load_known_models()
        for problem in _find_in_campaign(briefs, campaign)
    ]


def _find_in_campaign(briefs: Briefs, campaign: Campaign) -> Iterator[BriefProblem]:
    source = briefs.source_of("campaign", campaign.id)
    for place, name in enumerate(campaign.channels):
        channel = briefs.channels[name]
        factor = find_enlargement(channel, campaign.resolution)
        if factor < LEAST_TOLD:
            continue
        larger = [each for each in SCALES if find_enlargement(channel, each) < LEAST_TOLD]
        advice = f"use resolution {larger[0]}" if larger else "no resolution of the model has more"
        key = ("channels", place)
        yield BriefProblem(
            source.file,
            source.line_of(key),
            format_key(key),
            repr(name),
            f"enlarges its pictures {factor:.2f} times at {campaign.resolution}; {advice}",
        )
