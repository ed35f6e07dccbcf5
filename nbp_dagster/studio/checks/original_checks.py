"""The checks of an original as a picture, in one table: structure, size, file type, palette, logo.

Each measurement, `measure_structure` among them, runs inside its check, so that a crash of it is a
failed check like any other. Must not know Dagster.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from PIL import Image

from nbp_dagster.briefs.vocabulary import ColourTarget
from nbp_dagster.prompts.aspect_ratio import measure_ratio
from nbp_dagster.studio.checks.characters.palette import (
    PaletteCoverage,
    find_coloured,
    measure_palette,
)
from nbp_dagster.studio.checks.check_table import Check, Figures, Finding, verdict_of
from nbp_dagster.studio.checks.logo import LogoTemplate, match_logo
from nbp_dagster.studio.imaging.resize import Pyramid

LEAST_STRUCTURE: Final = 0.01
"""Share of a picture with edges below which nothing is shown; one headline alone has twice that."""

RATIO_SLACK: Final = 0.035
"""By how much, as a share, width over height may differ from the ratio asked for. The sizes that
Google documents for the model differ by up to 1 %, and it draws 1408x768 for 16:9 too, 3.1 % off.
The nearest two ratios that can be asked for are 6.7 % apart (3:4 and 4:5)."""

LEAST_PIXELS: Final = 0.975
"""Share of a resolution's pixels that must be there; the documented sizes have 100 % to 102 %."""

_SQUARE: Final[Mapping[str, int]] = {
    "1K": 1024,
    "2K": 2048,
    "4K": 4096,
}  # pixels of a square's side

PALETTE_DISTANCE: Final = 15.0
"""CIEDE2000 within which a pixel counts as one of the brand's colours: its tints and shades."""

PALETTE_SHARE: Final = 0.35
"""Least share of such pixels where the campaign has no targets. What is right differs between
campaigns: this warns of pictures far from the palette, and never blocks."""

COLOUR_SHARE: Final = 0.01
"""Least share of the picture in brand colours that are no neutrals, where the campaign has no
targets: black, white and grey are in any picture, whoever it is for. Measured in docs/checks.md."""

LEAST_LIKE_LOGO: Final = 0.6
"""Likeness of edges from which the logo counts as there; measured in docs/checks.md."""

_LEAST_SIDE: Final = 224  # pixels of the shorter side that colours and edges are measured on
_LOGO_SIDE: Final = 1024  # of the longer side that the logo is looked for on
_SIDE: Final = 64  # cells of the grid a picture is looked at on

# Levels by which the neighbours of a cell must differ from it, all four together: an edge does, the
# slow change of a gradient does not, and the noise of a sensor is gone with the mean of a cell.
_LEAST_BEND: Final = 24


@dataclass(frozen=True, kw_only=True)
class OriginalInput:
    """One original as these checks see it.

    Attributes:
        prompt_key: Partition key.
        pyramid: Its pixels, and copies of half, a quarter ... of the size.
        file_type: What it is by its first bytes, such as "png".
        labelled: The file type by the service, such as "png"; empty where it is not known.
        ratio: The requested one, such as "4:5".
        resolution: The requested one, such as "2K".
        palette: The brand's colours by name.
        targets: Shares that the shot must have of some of them; empty where there are none.
        logo: Gives the logo that was sent with the request; None where none was.
    """

    prompt_key: str
    pyramid: Pyramid
    file_type: str
    labelled: str
    ratio: str
    resolution: str
    palette: Mapping[str, str]
    targets: Mapping[str, ColourTarget] = field(default_factory=dict)
    logo: Callable[[], LogoTemplate | None] | None = None

    @cached_property
    def colours(self) -> PaletteCoverage:
        """What the picture has of the palette."""
        return measure_palette(self.small, self.palette, PALETTE_DISTANCE)

    @property
    def small(self) -> Image.Image:
        """A copy that is large enough for colours and edges."""
        return self.pyramid.reduced(shorter=_LEAST_SIDE)

    @property
    def medium(self) -> Image.Image:
        """A copy that is large enough for a logo."""
        return self.pyramid.reduced(longer=_LOGO_SIDE)


def measure_structure(picture: Image.Image) -> float:
    """Return the share of a picture, 0 to 1, with edges of lightness or colour.

    Args:
        picture: RGB.
    """
    small = picture.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=2.0)
    cells = np.asarray(small.convert("RGB"), np.int16)
    inner = cells[1:-1, 1:-1]
    around = cells[:-2, 1:-1] + cells[2:, 1:-1] + cells[1:-1, :-2] + cells[1:-1, 2:]
    bend = np.abs(4 * inner - around).max(axis=-1)
    return round(float((bend >= _LEAST_BEND).mean()), 4)


def _check_blank(original: OriginalInput) -> Finding:
    share = measure_structure(original.small)
    return Finding(
        verdict_of(share >= LEAST_STRUCTURE),
        threshold=f"edges in at least {LEAST_STRUCTURE:.0%} of the picture",
        sentence=f"{share:.1%} of the picture has edges",
        figures={"structure_share": share},
    )


def _check_size(original: OriginalInput) -> Finding:
    width, height = original.pyramid.size
    side = _SQUARE.get(original.resolution)
    least = 0 if side is None else round(LEAST_PIXELS * side**2)
    off = abs(width / height / measure_ratio(original.ratio) - 1)
    threshold = f"{original.ratio} within {RATIO_SLACK:.0%}"
    if side is not None:
        threshold += f" and {original.resolution}, at least {least / 1e6:.2f} megapixels"
    return Finding(
        verdict_of(off <= RATIO_SLACK and width * height >= least),
        threshold=threshold,
        sentence=f"it has {width}x{height} pixels, {off:.1%} off the ratio asked for",
        figures={"width_px": width, "height_px": height, "ratio_off": round(off, 4)},
    )


def _check_label(original: OriginalInput) -> Finding:
    threshold = "the file type that the service says it is"
    if not original.labelled:
        sentence = "the service did not say, or it is not known any more"
        return Finding("skipped", threshold=threshold, sentence=sentence)
    same = original.file_type == original.labelled
    sentence = f"sent as {original.labelled}, and by its first bytes it is {original.file_type}"
    return Finding(
        verdict_of(same),
        threshold=threshold,
        sentence=f"it is {original.file_type}, as the service says" if same else sentence,
        figures={"file_type": original.file_type, "labelled": original.labelled},
    )


def _check_palette(original: OriginalInput) -> Finding:
    found = original.colours
    figures: dict[str, str | int | float] = {"palette_share": found.near}
    figures |= {f"share_{name}": share for name, share in found.shares.items()}
    figures |= {f"nearest_{name}": apart for name, apart in found.nearest.items()}
    if original.targets:
        return _check_targets(original, figures)
    threshold = (
        f"at least {PALETTE_SHARE:.0%} of the picture near a brand colour, and "
        f"{COLOUR_SHARE:.0%} near one that is no neutral"
    )
    coloured = round(sum(found.shares[name] for name in find_coloured(original.palette)), 4)
    figures["coloured_share"] = coloured
    if not find_coloured(original.palette):
        sentence = "the palette has neutrals alone, which are in any picture; give it targets"
        return Finding("skipped", threshold=threshold, sentence=sentence, figures=figures)
    return Finding(
        verdict_of(found.near >= PALETTE_SHARE and coloured >= COLOUR_SHARE),
        threshold=threshold,
        sentence=(
            f"{found.near:.0%} of the picture is near a brand colour, "
            f"{coloured:.1%} near one that is no neutral"
        ),
        figures=figures,
        is_provisional=True,
    )


def _check_targets(original: OriginalInput, figures: Figures) -> Finding:
    shares, nearest = original.colours.shares, original.colours.nearest
    missed, subjects, off = [], [], 0.0
    for name, target in original.targets.items():
        if shares[name] < target.least:
            subjects.append(f"more {name}")
            off += target.least - shares[name]
            missed.append(
                f"{name} covers {shares[name]:.1%} of at least {target.least:.1%}, "
                f"its nearest colour is {nearest[name]:.1f} away (CIEDE2000)"
            )
        elif target.most is not None and shares[name] > target.most:
            subjects.append(f"less {name}")
            off += shares[name] - target.most
            missed.append(f"{name} covers {shares[name]:.1%} of at most {target.most:.1%}")
    return Finding(
        verdict_of(not missed),
        threshold="; ".join(f"{name} {target}" for name, target in original.targets.items()),
        sentence="; ".join(missed) or "every colour with a target meets it",
        figures={**figures, "off_target": round(off, 4)},
        subjects=tuple(subjects),
    )


def _check_logo(original: OriginalInput) -> Finding:
    threshold = f"a likeness of edges of at least {LEAST_LIKE_LOGO} somewhere, a heuristic"
    if original.logo is None:
        sentence = "no logo was sent with the request"
        return Finding("skipped", threshold=threshold, sentence=sentence)
    template = original.logo()
    if template is None:
        sentence = "the logo that was sent can't be read, or shows nothing"
        return Finding("skipped", threshold=threshold, sentence=sentence)
    likeness, width = match_logo(original.medium, template)
    there = likeness >= LEAST_LIKE_LOGO
    seen = f"a likeness of {likeness:.2f} at {width:.0%} of the longer side"
    return Finding(
        verdict_of(there),
        threshold=threshold,
        sentence=f"the logo is there: {seen}" if there else f"no logo was found; at most {seen}",
        figures={"logo_likeness": likeness, "logo_share_of_side": width},
        is_provisional=True,
    )


ORIGINAL_CHECKS: Final[tuple[Check[OriginalInput], ...]] = (
    Check(
        "not_blank",
        "The original shows something: it is not nearly one colour or one gradient.",
        "error",
        _check_blank,
    ),
    Check(
        "asked_size",
        "The original has the ratio and at least the pixels that were asked for.",
        "warn",
        _check_size,
    ),
    Check(
        "labelled_type",
        "The original is of the file type that the service says it is.",
        "warn",
        _check_label,
    ),
    Check(
        "palette_coverage",
        "The brand's colours are in the picture, as much of each as the campaign says.",
        "warn",
        _check_palette,
    ),
    Check(
        "logo_present",
        "The logo that was sent with the request is somewhere on the picture.",
        "warn",
        _check_logo,
    ),
)
