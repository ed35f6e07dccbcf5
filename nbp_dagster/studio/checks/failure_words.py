"""Says in plain words what is wrong with a picture that fails a check; checks nothing itself."""

from collections.abc import Mapping
from typing import Final

from nbp_dagster.studio.checks.check_table import CRASH_THRESHOLD
from nbp_dagster.studio.manifest.manifest import CheckFacts

FAILURE_WORDS: Final[Mapping[str, str]] = {
    # Of every rendition.
    "exact_pixels": "not the channel's size",
    "single_decodable_frame": "file damaged, or not one still picture",
    "file_type_and_weight": "wrong file type, or too heavy",
    "copy_complete": "a line of copy left out",
    "text_contrast": "words too faint",
    "smallest_letter": "words too small",
    "subject_whole": "a head or the subject is cut",
    "subject_clear": "copy lies on a head or the subject",
    "marking": "AI marking missing or wrong",
    "disclosure_label": "AI label missing or without a free place",
    # Of every original.
    "not_blank": "nearly blank",
    "asked_size": "drawn in another size than asked",
    "labelled_type": "sent as another file type",
    "palette_coverage": "brand colours missing",
    "logo_present": "logo not found",
    "cross_similarity": "a character unlike the sheet",
    "copy_paste_rate": "reference copied into the picture",
    "cast_count": "a character too many",
    "copy_legible": "copy misspelt or missing",
    "copy_contrast": "drawn words too faint",
    "unrequested_text": "lettering nobody asked for",
    "prohibited_text": "a prohibited term",
    # Of every edit.
    "edit_contained": "an edit that changed more than it should",
    "old_words_gone": "words of the earlier language left",
    # Of a set.
    "self_similarity": "a character unlike the rest of the set",
    "distinct_originals": "the same picture twice",
}
"""What is wrong where a check fails, by its name: a check's own name says what holds if it passes.

Here and not in the tables of checks: a page knows checks by the names in its manifest alone.
"""

UNSURE_WORDS: Final[Mapping[str, str]] = {
    "cross_similarity": "a character who may be unlike the sheet",
    "cast_count": "perhaps somebody too many or missing",
}
"""The same of a check that is unsure."""


def tell_failure(check: CheckFacts) -> str:
    """Return in a few words, without a capital, what is wrong where a check has failed.

    Args:
        check: It has failed. A check that crashed, or that strict runs fail for want of an extra,
            has not looked at the picture, and the words say so. So do they for a name that is not
            known here, as manifests of other versions may have it.
    """
    spoken = check.name.replace("_", " ")
    if check.missing_extra or check.threshold == CRASH_THRESHOLD:
        return f"not checked: {spoken}"
    if check.figures.get("could_not_read") and not check.figures.get("misspelt"):
        return "copy could not be read"
    if check.is_unsure and check.name in UNSURE_WORDS:
        return UNSURE_WORDS[check.name]
    return FAILURE_WORDS.get(check.name, f"failed: {spoken}")
