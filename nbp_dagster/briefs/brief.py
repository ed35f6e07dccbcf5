"""`Briefs`, the validated result of loading, and the copy of each shot by locale; reads no file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from nbp_dagster.briefs.channels import Channel
from nbp_dagster.briefs.fonts import FontFile, FontPair, choose_fonts, default_fonts
from nbp_dagster.briefs.images import BRANDS_FOLDER, CAMPAIGNS_FOLDER, FileDigest
from nbp_dagster.briefs.languages import find_nearest
from nbp_dagster.briefs.models import Brand, Campaign, CopyField, Shot
from nbp_dagster.briefs.vocabulary import is_no_disclaimer
from nbp_dagster.yaml_source.document import Document
from nbp_dagster.yaml_source.problems import BriefProblem, KeyPath

DISCLOSURE_FILE = "disclosure.yaml"
"""A config folder's own rows of disclosure, and the packaged table's name."""

BriefKind = Literal["brand", "campaign"]


@dataclass(frozen=True)
class BriefSource:
    """The file a brief was read from.

    Attributes:
        path: Where the file lies.
        file: The path below the config folder, with forward slashes.
        sha256: Hex digest of its bytes.
        lines: Line of each key, from 1.
    """

    path: Path
    file: str
    sha256: str
    lines: Mapping[KeyPath, int]

    def line_of(self, key: KeyPath) -> int | None:
        """Return the line of a key path such as `("shots", 0, "scene")`, if the file has it."""
        return self.lines.get(key)


@dataclass(frozen=True)
class Briefs:
    """Every brand, campaign and channel, checked against each other.

    Attributes:
        root: The config folder.
        brands: Brands by id, in the order of their file names.
        campaigns: Campaigns by id, in the order of their file names, shots in brief order.
        channels: Packaged channels and those of the config folder, by id.
        files: Local references by path below the config folder; see `images.resolve_source`.
        sources: The file of each brief, by kind and id.
        fonts: Every font a brand names, by its source as `FontFile` has it.
        set_aside: Problems of the files that were left out, where that is allowed.
        disclosure: The folder's own `disclosure.yaml`, parsed; None where it has none.
    """

    root: Path
    brands: Mapping[str, Brand]
    campaigns: Mapping[str, Campaign]
    channels: Mapping[str, Channel]
    files: Mapping[str, FileDigest]
    sources: Mapping[tuple[BriefKind, str], BriefSource]
    fonts: Mapping[str, FontFile] = field(default_factory=dict)
    set_aside: tuple[BriefProblem, ...] = ()
    disclosure: Document | None = None

    def source_of(self, kind: BriefKind, brief_id: str) -> BriefSource:
        """Return the file of a brief; raises KeyError where there is none."""
        return self.sources[(kind, brief_id)]

    def find_faults(self, kind: BriefKind, brief_id: str) -> tuple[BriefProblem, ...]:
        """Return why a brief was left out; empty where it was not, or where there is none.

        A campaign that is sound itself is left out for its brand.
        """
        own = f"{BRANDS_FOLDER if kind == 'brand' else CAMPAIGNS_FOLDER}/{brief_id}.yaml"
        found = tuple(problem for problem in self.set_aside if own in problem.stopped_files)
        is_sound = not found and (kind, brief_id) in self.sources
        if kind == "campaign" and is_sound and brief_id not in self.campaigns:
            brands = f"{BRANDS_FOLDER}/"
            found = tuple(
                problem
                for problem in self.set_aside
                if any(file.startswith(brands) for file in problem.stopped_files)
            )
        return found

    def fonts_of(self, brand_id: str, locale: str) -> FontPair:
        """Return the fonts of a brand's composited copy in a locale."""
        written = self.brands[brand_id].fonts.model_dump()
        return choose_fonts(written, locale, self.fonts) or default_fonts()


COPY_FIELDS: tuple[CopyField, ...] = get_args(CopyField)


def wording_of(brand: Brand, shot: Shot, locale: str) -> Mapping[CopyField, str]:
    """Return the copy of a shot in one locale, in the order headline to disclaimer.

    A shot with copy but without a disclaimer of its own gets the brand's for the locale or for its
    language, unless that is `none`. A shot without copy, or with `text: none`, has none.
    """
    if shot.text == "none" or not shot.texts:
        return {}
    words = {name: shot.texts[name][locale] for name in COPY_FIELDS if name in shot.texts}
    standing = find_nearest(brand.disclaimers, locale)
    if standing is not None and not is_no_disclaimer(standing):
        words.setdefault("disclaimer", standing)
    return words
