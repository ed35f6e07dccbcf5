"""Every check of a picture in one table: what is looked at once a rendition, then once a prompt."""

from typing import Any, Final

from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.check_table import Check
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.original_checks import ORIGINAL_CHECKS
from nbp_dagster.studio.checks.rendition_checks import RENDITION_CHECKS

PICTURE_CHECKS: Final[tuple[Check[Any], ...]] = (
    *RENDITION_CHECKS,
    *ORIGINAL_CHECKS,
    *CHARACTER_CHECKS,
    *OCR_CHECKS,
    *EDIT_CHECKS,
)
