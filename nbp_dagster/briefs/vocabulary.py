"""Words, targets and check names that a brief may use; must not know how a check measures."""

import difflib
import re
from collections.abc import Mapping
from string import Formatter
from typing import Annotated, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from nbp_dagster.briefs.locales.regions import COUNTRIES, MEANT_REGIONS
from nbp_dagster.yaml_source.validation import FREE_TEXT, refuse, refuse_faults

ACCEPTED_TARGETS = (
    "a mapping of colours of the brand's palette to the least share of the picture, from 0 to 1, "
    "or to least and most"
)

# The states of the US by ISO 3166-2.
_STATES = """
AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH NJ
NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY
"""
# The member states; the others of the EEA have not taken the AI Act over yet.
_EU = """
AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK
"""
STATES = frozenset(f"US-{state}" for state in _STATES.split())
EU_COUNTRIES = frozenset(_EU.split())
EU = "eu"
US = "US"
_ACCEPTED_MARKETS = "accepted: eu, a country such as JP (ISO 3166-1), or a state such as US-NY"

# The most that a label has room for on the smallest banners.
MAX_LABEL_CHARACTERS = 40
# What a label may call AI: a word of its own among letters, or what other scripts write.
_AI_WORD = re.compile(r"(?<![A-Za-zÀ-žА-я])(?:AI|A\.I\.|KI|IA|I\.A\.|ИИ|ШІ)(?![A-Za-zÀ-žА-я])")
_AI_ELSEWHERE = ("ذكاء اصطناعي", "الذكاء الاصطناعي", "בינה מלאכותית", "人工智能", "人工智慧")

# What a file's name on delivery may be made of.
FILE_NAME_FIELDS = (
    "brand",
    "campaign",
    "shot",
    "channel",
    "locale",
    "variant",
    "ratio",
    "width",
    "height",
)
DEFAULT_FILE_NAMES = "{brand}_{campaign}_{shot}_{channel}_{locale}_v{variant}"
# Safe on every file system, in a URL and in a form: not even a space.
_FILE_NAME_TEXT = re.compile(r"[A-Za-z0-9._-]*")
_ACCEPTED_NAME_TEXT = "accepted: letters without accents, digits, _, - and ."
_MAX_PATTERN_CHARACTERS = 200

CharacterKind = Literal["person", "animal", "mascot", "illustration"]
Realism = Literal["photoreal", "illustrated"]


def find_market_fault(market: str) -> str | None:
    """Return why a text is not a market that a campaign may name, or None."""
    if market in COUNTRIES or market in STATES or market == EU:
        return None
    spelt = market.strip().replace("_", "-")
    meant = spelt.lower() if spelt.lower() == EU else spelt.upper()
    meant = MEANT_REGIONS.get(meant, meant)
    if meant in COUNTRIES or meant in STATES or meant == EU:
        return f"{_ACCEPTED_MARKETS}; did you mean {meant}?"
    near = difflib.get_close_matches(meant, STATES, n=1) if "-" in meant else []
    return f"{_ACCEPTED_MARKETS}; did you mean {near[0]}?" if near else _ACCEPTED_MARKETS


def check_label(text: str) -> str:
    """Return a label that names AI, so that it still says what the picture is made with.

    Raises:
        PydanticCustomError: It does not, or is too long for a small banner.
    """
    if not (_AI_WORD.search(text) or any(word in text for word in _AI_ELSEWHERE)):
        raise refuse("does not name AI; accepted: a text with AI, or KI, IA and the like")
    if len(text) > MAX_LABEL_CHARACTERS:
        raise refuse(f"{len(text)} characters; accepted: at most {MAX_LABEL_CHARACTERS}")
    return text


Market = Annotated[
    str,
    refuse_faults(find_market_fault),
    WithJsonSchema({"type": "string", "enum": sorted({EU} | COUNTRIES | STATES)}),
]


def check_colour(value: str) -> str:
    """Return a colour as `#RRGGBB`; raises PydanticCustomError for anything else."""
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise refuse('accepted: a colour as "#RRGGBB", in quotes')
    return value


def check_parameter(value: object) -> object:
    """Return the value of a model's parameter; raises PydanticCustomError for no plain value."""
    if not isinstance(value, str | bool | int | float):
        raise refuse("accepted: text, a number, true or false")
    if isinstance(value, float) and value - value != 0:
        raise refuse("accepted: a finite number")
    return value


def _check_reason(value: str) -> str:
    if not value.strip() or len(value) > 300 or not value.isprintable():
        raise refuse("accepted: a reason on one line, of at most 300 characters")
    return value


class CampaignDisclosure(BaseModel):
    """Why a campaign's pictures carry no label although a market asks for one."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    off: Annotated[str, FREE_TEXT, AfterValidator(_check_reason)] = Field(
        description="the reason in words, which stands in the manifest"
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


_Share = Annotated[float, Field(ge=0, le=1)]
PaletteTargets = Mapping[
    str,
    Annotated[
        ColourTarget, BeforeValidator(_read_target, json_schema_input_type=_Share | ColourTarget)
    ],
]


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
    "edit_contained",
    "old_words_gone",
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
    "edit_contained",
    "old_words_gone",
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


def find_file_names_fault(pattern: str) -> str | None:
    """Return why a pattern of file names can't be used, or None."""
    accepted = f"accepted: {', '.join(f'{{{name}}}' for name in FILE_NAME_FIELDS)}"
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError:
        return f"a bracket that is not closed or not opened; {accepted}"
    for text, name, spec, conversion in parts:
        if not _FILE_NAME_TEXT.fullmatch(text):
            return "a character that file names can't have everywhere; " + _ACCEPTED_NAME_TEXT
        if name is not None and (name not in FILE_NAME_FIELDS or spec or conversion):
            written = name + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "")
            return f"no field {{{written}}}; {accepted}"
    if not any(name for _, name, _, _ in parts):
        return f"every file would have one name; {accepted}"
    if pattern.startswith((".", "-")) or pattern.endswith(".") or ".." in pattern:
        return "begins with a dot or hyphen, ends with a dot, or has two in a row; reword it"
    if len(pattern) > _MAX_PATTERN_CHARACTERS:
        return f"{len(pattern)} characters; accepted: at most {_MAX_PATTERN_CHARACTERS}"
    return None


def list_name_fields(pattern: str) -> frozenset[str]:
    """Return the fields of a sound pattern of file names."""
    return frozenset(name for _, name, _, _ in Formatter().parse(pattern) if name)
