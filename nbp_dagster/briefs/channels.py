"""Channels (placements): the model, the packaged and a config folder's; knows no campaign."""

import difflib
import re
from collections.abc import Mapping
from datetime import date
from importlib import resources
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from nbp_dagster.briefs.models import BriefRecord, FileType, Id, Prose, Ratio
from nbp_dagster.yaml_source.document import Document, parse_document
from nbp_dagster.yaml_source.problems import BriefError, BriefProblem, list_accepted
from nbp_dagster.yaml_source.validation import check_record, refuse

CHANNELS_FILE = "channels.yaml"

# What people call a placement, where neither its id nor its name has the word.
_ALSO_CALLED: Mapping[str, tuple[str, ...]] = {
    "short": ("instagram_reel", "tiktok_video_cover"),
    "9x16": ("instagram_story", "instagram_reel", "facebook_story", "tiktok_video_cover"),
    "insta": ("instagram_feed", "instagram_square", "instagram_story"),
    "ig": ("instagram_feed", "instagram_square", "instagram_story"),
    "fb": ("facebook_feed", "facebook_story"),
    "meta": ("instagram_feed", "facebook_feed"),
    "twitter": ("x_post",),
    "tweet": ("x_post",),
    "li": ("linkedin_post", "linkedin_portrait"),
    "yt": ("youtube_thumbnail",),
    "mpu": ("display_300x250",),
    "banner": ("display_728x90", "display_970x250"),
    "pmax": ("google_square", "google_landscape", "google_portrait"),
    "performance": ("google_square", "google_landscape", "google_portrait"),
    "newsletter": ("email_header",),
    "mail": ("email_header",),
    "hero": ("email_header",),
    "poster": ("print_a4",),
    "flyer": ("print_a4",),
    "din": ("print_a4",),
}
_NEARLY = 0.85  # of difflib: a letter or two are wrong
# Words that say too little to choose a channel by.
_VAGUE = frozenset({"ad", "ads", "image", "the", "post", "feed", "display", "a", "for", "of"})


LEAST_STRETCH = 3.0
"""The longer side of a banner in shorter ones, at least. The widest ratio of the model, 21:9, shows
three quarters of itself in 3:1."""


class SafeArea(BriefRecord):
    """The strip at each edge, in pixels, that the platform may cover or crop."""

    top: int = Field(default=0, ge=0, description="a whole number of pixels, 0 or more")
    right: int = Field(default=0, ge=0, description="a whole number of pixels, 0 or more")
    bottom: int = Field(default=0, ge=0, description="a whole number of pixels, 0 or more")
    left: int = Field(default=0, ge=0, description="a whole number of pixels, 0 or more")


class Channel(BriefRecord):
    """A placement: the exact pixels, the model's ratio it is cut from, its limits and their source.

    Attributes:
        width, height: Pixels of the rendition.
        max_bytes: Largest file in bytes, metadata included.
        width_mm: Millimetres that the width is printed at; None for screens.
        platform: Who shows it, as people group placements; empty for one's own.
        checked_on: Day the figures were last compared with their source.
        former_safe_areas: Those it had before, newest first; what is paid under one stays in use.
    """

    id: Id = Field(description="the key of the channel in its file")
    name: Prose = Field(description="what people call the placement")
    width: int = Field(ge=16, le=8192, description="a whole number of pixels from 16 to 8192")
    height: int = Field(ge=16, le=8192, description="a whole number of pixels from 16 to 8192")
    ratio: Ratio = Field(description='a ratio of the model in quotes, such as "4:5"')
    safe_area: SafeArea = Field(
        default_factory=SafeArea, description="a mapping of top, right, bottom, left to pixels"
    )
    file_type: FileType = Field(description="jpeg, png, webp or avif")
    max_bytes: int = Field(ge=1024, description="a whole number of bytes, 1024 or more")
    source: Prose = Field(description="where the figures come from")
    width_mm: float | None = Field(
        default=None, gt=0, allow_inf_nan=False, description="a number of millimetres"
    )
    platform: Prose | None = Field(default=None, description="who shows it, such as Google")
    checked_on: date | None = Field(
        default=None, description="a day such as 2026-11-28, when the figures were last compared"
    )
    former_safe_areas: tuple[SafeArea, ...] = Field(
        default=(), description="a list of mappings of top, right, bottom, left to pixels"
    )

    @property
    def drawn(self) -> dict[str, Any]:
        """What decides its renditions, as plain values; an unset field is left out."""
        apart = {"platform", "checked_on", "former_safe_areas"}
        return self.model_dump(mode="json", exclude_none=True, exclude=apart)

    @property
    def dpi(self) -> int | None:
        """Dots an inch that the file says it is printed at; None for screens."""
        return None if self.width_mm is None else round(self.width / self.width_mm * 25.4)

    @model_validator(mode="after")
    def _check_geometry(self) -> Self:
        area = self.safe_area
        if area.left + area.right >= self.width or area.top + area.bottom >= self.height:
            raise refuse(
                f"the safe area leaves nothing of {self.width}x{self.height} pixels; shrink it"
            )
        wide, high = (int(part) for part in self.ratio.split(":"))
        if (self.width > self.height and wide < high) or (self.width < self.height and wide > high):
            raise refuse(
                f"the ratio {self.ratio} lies across {self.width}x{self.height} pixels; "
                "use one of the same orientation"
            )
        return self


class ChannelEntry(Channel):
    """A channel as written in a file, where its id is its key."""

    override: bool = Field(default=False, description="true to replace a channel of the same id")


def load_packaged_channels() -> Mapping[str, Channel]:
    """Return the packaged channels by id, in the order of its channels.yaml."""
    path = Path(str(resources.files("nbp_dagster.briefs") / CHANNELS_FILE))
    document, problems = parse_document(path.read_bytes(), file=CHANNELS_FILE, path=path)
    channels, more = read_channels(document, packaged={}) if document else ({}, [])
    if problems or more:
        raise BriefError(path.parent, [*problems, *more])
    return channels


def read_channels(
    document: Document, *, packaged: Mapping[str, Channel]
) -> tuple[dict[str, Channel], list[BriefProblem]]:
    """Read the channels of one file.

    Args:
        document: A mapping of channel id to its fields.
        packaged: Channels that exist already; one of the same id needs `override: true`.

    Returns:
        The file's channels by id and the problems of the others.
    """
    channels: dict[str, Channel] = {}
    problems: list[BriefProblem] = []
    for name, value in document.data.items():
        if isinstance(value, Mapping) and "id" in value:
            message = "unknown key; a channel's id is the key it stands under"
            problems.append(document.problem((name, "id"), message, value=""))
            continue
        entry, faults = check_record(ChannelEntry, document, at=(name,), extra={"id": name})
        problems += faults
        if entry is None:
            continue
        if name in packaged and not entry.override:
            message = "already a packaged channel; choose another id or add override: true"
            problems.append(document.problem((name,), message, value=""))
        elif entry.override and name not in packaged:
            accepted = list_accepted(packaged, wanted=name)
            message = f"overrides no packaged channel; {accepted}"
            problems.append(document.problem((name,), message, value=""))
        channels[name] = Channel(**{key: getattr(entry, key) for key in Channel.model_fields})
    return channels, problems


def is_banner(width: int, height: int) -> bool:
    """Return whether a frame of so many pixels shows a part of a picture, and copy beside it."""
    return max(width, height) >= LEAST_STRETCH * min(width, height)


def find_meant_channels(wanted: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the channels that people may mean by a word: `leaderboard`, `skyscraper`, `reel`.

    Args:
        wanted: What stands where a channel's id belongs.
        names: What people call each channel, by id.

    Returns:
        One whose id is nearly the word, or else those that share the most words with it.
    """
    near = difflib.get_close_matches(wanted.lower(), names, n=1, cutoff=_NEARLY)
    if near:
        return tuple(near)
    words = {_singular(word) for word in _words(wanted)} - _VAGUE
    shared = {
        name: len(words & {_singular(word) for word in _words(f"{name} {title}")})
        + sum(name in _ALSO_CALLED.get(word, ()) for word in words)
        for name, title in names.items()
    }
    most = max(shared.values(), default=0)
    return tuple(name for name, count in shared.items() if count == most) if most else ()


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
