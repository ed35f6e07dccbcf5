"""Calibrates a brand on its sheets and on people's decisions about its pictures; buys nothing."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbp_dagster.briefs.models import Brand
from nbp_dagster.errors import NbpError
from nbp_dagster.prompts.expansion import Prompt
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.studio.checks.characters.calibration import Calibration
from nbp_dagster.studio.imaging.decode import decode_image
from nbp_dagster.studio.provenance.picture_index import KnownPicture, PictureIndex
from nbp_dagster.studio.review.check_agreement import (
    CheckAgreement,
    compare_with_checks,
    find_standing,
)
from nbp_dagster.studio.review.decision_log import Decision
from nbp_dagster.studio.studio import Studio
from nbp_dagster.studio.thresholds.decided_thresholds import (
    DecidedLikeness,
    ThresholdMove,
    apply_decisions,
)
from nbp_dagster.studio.thresholds.likeness_decisions import LikenessDecisions, gather_decisions

_LOST = "their original can't be read from the store"


@dataclass(frozen=True)
class BrandCalibration:
    """What a calibration found.

    Attributes:
        found: As it was kept.
        path: Its file.
        by_sheets: The threshold of bodies that the sheets alone give.
        moves: What decisions say of each threshold that they say anything of.
        left_out: Decided pictures that were left out, by the reason in words.
        agreements: How every check of the brand's pictures agrees with people.
    """

    found: Calibration
    path: Path
    by_sheets: float
    moves: tuple[ThresholdMove, ...] = ()
    left_out: Mapping[str, int] | None = None
    agreements: tuple[CheckAgreement, ...] = ()


def calibrate_brand(
    studio: Studio, index: PictureIndex, brand_id: str, *, with_decisions: bool = True
) -> BrandCalibration:
    """Find a brand's likeness thresholds and keep them.

    Args:
        studio: Has the brand, its sheets and the decisions.
        index: Finds the original of a file that was decided about.
        brand_id: The brand.
        with_decisions: Whether decisions may move what the sheets give.

    Raises:
        ScorerMissing: The configured scorer can't work here, or none is set.
        TooFewViews: The sheets show too little.
    """
    brand, sheets = studio.briefs.brands[brand_id], studio.compiler.brand_sheets(brand_id)
    if not with_decisions:
        found, path = studio.measurer.calibrate(brand, sheets)
        return BrandCalibration(found, path, found.cross)
    prompts = {
        prompt.key: prompt
        for prompt in studio.prompts
        if studio.briefs.campaigns[prompt.campaign].brand == brand_id
    }
    standing = _read_standing(studio, brand_id)
    gathered = _gather(studio, index, prompts, standing)
    left_out = Counter(gathered.left_out)
    moves: tuple[ThresholdMove, ...] = ()
    by_sheets = 0.0

    def refine(calibration: Calibration) -> Calibration:
        nonlocal moves, by_sheets
        by_sheets = calibration.cross
        decided = list(_measure(studio, brand, sheets, gathered, left_out))
        calibration, moves = apply_decisions(calibration, decided)
        return calibration

    found, path = studio.measurer.calibrate(brand, sheets, refine=refine)
    agreements = compare_with_checks(standing)
    return BrandCalibration(found, path, by_sheets, moves, dict(left_out), agreements)


def _read_standing(studio: Studio, brand_id: str) -> tuple[Decision, ...]:
    """Return the decision that stands about each file of a brand's campaigns."""
    campaigns = [each.id for each in studio.briefs.campaigns.values() if each.brand == brand_id]
    return tuple(
        row
        for campaign in campaigns
        for row in find_standing(studio.decisions.of_campaign(campaign)).values()
    )


def _gather(
    studio: Studio,
    index: PictureIndex,
    prompts: Mapping[str, Prompt],
    standing: tuple[Decision, ...],
) -> LikenessDecisions:
    decided = {row.place.prompt_key for row in standing}
    orders = studio.compile([each for key, each in prompts.items() if key in decided]).orders

    def is_present(picture: KnownPicture) -> bool:
        order = orders.get(picture.prompt_key)
        if order is None:
            return False
        return studio.regenerations.is_picture_of(order, picture.fingerprint)

    return gather_decisions(
        standing,
        casts={
            key: render_context_of(studio.briefs, each).shot.characters
            for key, each in prompts.items()
        },
        find_files=index.find_by_prompt,
        is_present=is_present,
    )


def _measure(
    studio: Studio,
    brand: Brand,
    sheets: Mapping[str, Sheet],
    gathered: LikenessDecisions,
    left_out: Counter[str],
) -> Iterator[DecidedLikeness]:
    """Measure decided originals anew: what was measured then may be of another scorer."""
    for original in gathered.originals:
        try:
            data = studio.store.get(original.sha256)
            picture = decode_image(data, what=f"original of {original.prompt_key}").image
        except NbpError:
            left_out[_LOST] += 1
            continue
        found = studio.measurer.compare(brand, sheets, cast=original.cast, picture=picture)
        for character, likeness in found.items():
            yield DecidedLikeness(character, likeness, original.is_like)
