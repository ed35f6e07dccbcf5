"""Words, targets and check names that a brief may use; must not know how a check measures."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbp_dagster.yaml_source.validation import refuse

ACCEPTED_TARGETS = (
    "a mapping of colours of the brand's palette to the least share of the picture, from 0 to 1, "
    "or to least and most"
)


def is_no_disclaimer(text: object) -> bool:
    """Return whether a brand's disclaimer is the word none: its locale needs none."""
    return isinstance(text, str) and text.strip().lower() == "none"


class ColourTarget(BaseModel):
    """The share of a picture that a colour must cover; in YAML a number alone is the least.

    Example:
        >>> str(ColourTarget(least=0.02, most=0.3))
        'at least 2.0% and at most 30.0%'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    least: float = Field(
        default=0.0,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="a share of the picture from 0 to 1",
    )
    most: float | None = Field(
        default=None, gt=0, le=1, allow_inf_nan=False, description="a share above 0, up to 1"
    )

    def __str__(self) -> str:
        parts = [f"at least {self.least:.1%}"] if self.least or self.most is None else []
        parts += [] if self.most is None else [f"at most {self.most:.1%}"]
        return " and ".join(parts)

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.most is not None and self.most < self.least:
            reason = f"most is {self.most:g}, below least, which is {self.least:g}; swap them"
            raise refuse(reason)
        return self


def _read_target(value: object) -> object:
    """Return a target written as a number as the mapping that it is short for."""
    if isinstance(value, int | float):
        return {"least": value}
    if not isinstance(value, Mapping | ColourTarget):
        reason = "accepted: a share of the picture such as 0.2, which is 20%, or least and most"
        raise refuse(reason)
    return value


PaletteTargets = Mapping[str, Annotated[ColourTarget, BeforeValidator(_read_target)]]


# Checks that only warn unless a brand makes them block; the tables of `studio.checks` have the same
# names.
WarningCheck = Literal[
    "copy_complete",
    "text_contrast",
    "smallest_letter",
    "subject_whole",
    "subject_clear",
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
# Checks whose failure may lead to regeneration; the tables of `studio.checks` have the same names.
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
# The palette's threshold is a guess: it alone regenerates nothing unless a campaign names it.
DEFAULT_CORRECTED: tuple[CorrectableCheck, ...] = tuple(
    name for name in get_args(CorrectableCheck) if name != "palette_coverage"
)


class Correct(BaseModel):
    """Whether a picture that fails a check is regenerated, and for which checks.

    Example:
        >>> Correct(checks=("copy_legible",)).max_attempts
        1
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_attempts: int = Field(default=1, ge=1, le=2, description="a whole number, 1 or 2")
    checks: tuple[CorrectableCheck, ...] = Field(
        default=DEFAULT_CORRECTED,
        min_length=1,
        description=f"a list of checks among {', '.join(get_args(CorrectableCheck))}",
    )
