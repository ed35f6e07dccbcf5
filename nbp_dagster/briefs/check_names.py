"""Names of checks that a brief may use; knows not what they check."""

from typing import Literal, get_args

# Checks that only warn unless a brand says otherwise; the tables of studio hold the same names.
WarningCheck = Literal[
    "copy_complete",
    "text_contrast",
    "smallest_letter",
    "cross_similarity",
    "copy_paste_rate",
    "cast_count",
    "self_similarity",
    "copy_legible",
    "copy_contrast",
    "unrequested_text",
    "prohibited_text",
    "asked_size",
    "labelled_type",
    "palette_coverage",
    "distinct_originals",
]
# Checks whose failure a campaign may have corrected; the tables of studio hold the same names.
CorrectableCheck = Literal[
    "cross_similarity",
    "copy_paste_rate",
    "cast_count",
    "palette_coverage",
    "copy_legible",
    "copy_contrast",
    "unrequested_text",
    "prohibited_text",
]
# The palette's threshold is a guess, and no reason to pay for another picture unless it is named.
DEFAULT_CORRECTED: tuple[CorrectableCheck, ...] = tuple(
    name for name in get_args(CorrectableCheck) if name != "palette_coverage"
)
