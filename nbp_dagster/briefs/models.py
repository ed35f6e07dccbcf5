"""Brand, campaign, shot and character as strict frozen models; must not know files.

Each field's description is the error message of a missing or wrong field.
Lists are tuples here: the loader turns YAML lists into tuples before it validates.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from nbp_dagster.briefs.brand_terms import find_wildcard_fault
from nbp_dagster.briefs.cron import ACCEPTED_CRON, ACCEPTED_ZONE, find_cron_fault, find_zone_fault
from nbp_dagster.briefs.languages import LOCALE_PATTERN, find_locale_fault
from nbp_dagster.briefs.vocabulary import (
    ACCEPTED_TARGETS,
    DEFAULT_FILE_NAMES,
    CampaignDisclosure,
    CharacterKind,
    Correct,
    Market,
    PaletteTargets,
    Realism,
    WarningCheck,
    check_colour,
    check_label,
    check_parameter,
    find_file_names_fault,
)
from nbp_dagster.yaml_source.validation import FREE_TEXT, as_text, refuse, refuse_faults

DEFAULT_MODEL = "google-nano-banana-pro"
MAX_MODEL_REFERENCES = 14  # the model's own limit of input images
MAX_CANDIDATES = 4  # images that the service makes of one call
# More references measurably blur what each of them shows: one sheet, one face crop, one product or
# logo, one card of colours.
DEFAULT_REFERENCES = 4
# A file's name holds a shot's id and some 30 characters more. Names end at 255 bytes, and at 143 in
# an encrypted home folder (eCryptfs).
MAX_ID_CHARACTERS = 100
MAX_PROSE_CHARACTERS = 2000
MAX_COPY_CHARACTERS = 300
MAX_ALT_CHARACTERS = 500  # screen readers read it whole; IPTC advises 250
EVERY_LOCALE = "all"  # in lists of locales: all of them
# What validators accept, for the editors that check briefs by JSON Schema.
_LINE = r"^[^\r\n]*\S[^\r\n]*$"
_COPY = r'^[^\r\n"]*[^\s"][^\r\n"]*$'
_LOCALE = f"^{LOCALE_PATTERN}$"

CopyField = Literal["headline", "sub", "call_to_action", "disclaimer"]
TextMode = Literal["drawn", "composited", "none"]
Localize = Literal["draw", "edit"]
OnRefusal = Literal["keep", "soften"]
FallBack = Literal["never", "shot", "prompt"]
Resolution = Literal["1K", "2K", "4K"]
FileType = Literal["jpeg", "png", "webp", "avif"]
Ratio = Literal["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "4:5", "5:4", "21:9"]

# Overrides and isolates: they make the reading order of a line differ from the drawn one.
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _check_id(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9_]+", value):
        raise refuse("accepted: small letters a-z, digits and underscores")
    if len(value) > MAX_ID_CHARACTERS:
        raise refuse(f"{len(value)} characters; accepted: at most {MAX_ID_CHARACTERS}")
    return value


def _check_prose(value: str) -> str:
    if not value.strip():
        raise refuse("accepted: text that is not blank")
    if len(value) > MAX_PROSE_CHARACTERS:
        raise refuse(f"{len(value)} characters; accepted: at most {MAX_PROSE_CHARACTERS}")
    if "\n" in value or "\r" in value:
        raise refuse("has a line break; write it on one line or fold it with '>-'")
    for character in value:
        if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}:
            raise refuse(f"has the control character U+{ord(character):04X}; remove it")
        if character in _BIDI_CONTROLS:
            raise refuse(f"has the direction control U+{ord(character):04X}; remove it")
    return value


def _check_copy(value: str) -> str:
    _check_prose(value)
    if len(value) > MAX_COPY_CHARACTERS:
        raise refuse(f"{len(value)} characters; accepted: at most {MAX_COPY_CHARACTERS}")
    if '"' in value:
        raise refuse("has a straight double quote; use typographic ones such as “ ” or „ “")
    return value


def _check_alt(value: str) -> str:
    if len(_check_prose(value)) > MAX_ALT_CHARACTERS:
        raise refuse(f"{len(value)} characters; accepted: at most {MAX_ALT_CHARACTERS}")
    return value


def _find_binding_fault(value: str) -> str | None:
    return None if value == EVERY_LOCALE else find_locale_fault(value)


def _check_model(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/-]*", value):
        raise refuse(f"accepted: the id of a model such as {DEFAULT_MODEL}")
    return value


Id = Annotated[str, AfterValidator(_check_id), as_text("^[a-z0-9_]+$", MAX_ID_CHARACTERS)]
Prose = Annotated[
    str, FREE_TEXT, AfterValidator(_check_prose), as_text(_LINE, MAX_PROSE_CHARACTERS)
]
CopyText = Annotated[
    str, FREE_TEXT, AfterValidator(_check_copy), as_text(_COPY, MAX_COPY_CHARACTERS)
]
AltText = Annotated[str, FREE_TEXT, AfterValidator(_check_alt), as_text(_LINE, MAX_ALT_CHARACTERS)]
Locale = Annotated[str, refuse_faults(find_locale_fault), as_text(_LOCALE)]
LabelText = Annotated[CopyText, AfterValidator(check_label)]
FileNames = Annotated[str, refuse_faults(find_file_names_fault)]
LocaleOrAll = Annotated[str, refuse_faults(_find_binding_fault), as_text(f"^all$|{_LOCALE}")]
Term = Annotated[Prose, refuse_faults(find_wildcard_fault)]
Colour = Annotated[str, AfterValidator(check_colour), as_text("^#[0-9A-Fa-f]{6}$")]
ModelId = Annotated[str, AfterValidator(_check_model), as_text("^[A-Za-z0-9][A-Za-z0-9._:/-]*$")]
Cron = Annotated[str, refuse_faults(find_cron_fault)]
TimeZone = Annotated[str, refuse_faults(find_zone_fault)]
ParameterValue = Annotated[str | bool | int | float, BeforeValidator(check_parameter)]
# Paths and addresses of images: text here; the loader resolves and checks them.
Source = Annotated[str, AfterValidator(_check_prose), as_text(_LINE, MAX_PROSE_CHARACTERS)]
Sources = Annotated[tuple[Source, ...], Field(max_length=MAX_MODEL_REFERENCES)]
CharacterRole = Literal["identity", "face"]

_ACCEPTED_IMAGES = (
    f"a list of at most {MAX_MODEL_REFERENCES} image paths or https addresses, each as text or as "
    "a mapping of image and role"
)


def _check_by_locale(value: object) -> object:
    if not isinstance(value, Mapping):
        raise refuse("accepted: a text for each locale, such as {en: ...}")
    return value


class BriefRecord(BaseModel):
    """What every part of a brief is: frozen, strict, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _read_entry(value: object) -> object:
    """Return a reference written as text as the mapping that it is short for."""
    if isinstance(value, str):
        return {"image": value}
    if not isinstance(value, Mapping):
        raise refuse("accepted: text, or a mapping of image and role")
    return value


class CharacterImage(BriefRecord):
    """A supplied image of a character and what it decides.

    In YAML a path or address alone is one with the role identity.
    """

    image: Source = Field(description="an image path or an https address")
    role: CharacterRole = Field(
        default="identity", description="identity for the whole figure, face for a crop of the face"
    )


_SHORT_FORM = BeforeValidator(_read_entry, json_schema_input_type=Source | CharacterImage)


class Character(BriefRecord):
    """A recurring person or mascot.

    Example:
        >>> Character(name="Mira", traits=("short curly auburn hair", "freckles")).wardrobe
        ()
    """

    name: Prose = Field(description="the character's name")
    traits: tuple[Prose, ...] = Field(
        min_length=1, description="a list of at least one trait that never changes"
    )
    wardrobe: tuple[Prose, ...] = Field(default=(), description="a list of what is worn")
    may_vary: tuple[Prose, ...] = Field(
        default=(), description="a list of what may differ between pictures"
    )
    references: Annotated[
        tuple[Annotated[CharacterImage, _SHORT_FORM], ...],
        Field(max_length=MAX_MODEL_REFERENCES),
    ] = Field(default=(), description=_ACCEPTED_IMAGES)

    kind: CharacterKind | None = Field(
        default=None, description="person, animal, mascot or illustration"
    )
    candidates: int = Field(
        default=1, ge=1, le=MAX_CANDIDATES, description="a whole number from 1 to 4"
    )
    auto_pin: bool = Field(default=False, description="true or false")

    @property
    def images(self) -> tuple[str, ...]:
        """Path or address of every supplied image, in brief order."""
        return tuple(item.image for item in self.references)

    @model_validator(mode="after")
    def _check_identity(self) -> Self:
        if self.references and all(item.role == "face" for item in self.references):
            raise refuse("its references are faces alone; add one of the role identity")
        if self.references and (self.candidates > 1 or self.auto_pin):
            raise refuse(
                "candidates and auto_pin: only a sheet that is generated has candidates and a pin, "
                "and the references are this one; remove these or those"
            )
        return self


class Product(BriefRecord):
    """A product whose packaging must look as it is."""

    name: Prose = Field(description="the product's name")
    description: Prose = Field(description="what the product looks like")
    references: Sources = Field(
        default=(),
        description=f"a list of at most {MAX_MODEL_REFERENCES} image paths or https addresses",
    )


class FontFiles(BriefRecord):
    """A regular and a bold font; files, or fonts of installed wheels."""

    regular: Source = Field(description="a font's path beside the file, or wheel:NAME")
    bold: Source | None = Field(
        default=None, description="a font's path beside the file, or wheel:NAME"
    )


class Fonts(BriefRecord):
    """Fonts of composited copy; Inter where none is given."""

    regular: Source | None = Field(
        default=None, description="a font's path beside the file, or wheel:NAME"
    )
    bold: Source | None = Field(
        default=None, description="a font's path beside the file, or wheel:NAME"
    )
    locales: Mapping[Locale, FontFiles] = Field(
        default_factory=dict, description="a mapping of locale to regular and bold"
    )

    @model_validator(mode="after")
    def _check_pair(self) -> Self:
        if self.bold is not None and self.regular is None:
            raise refuse("has bold but no regular; add regular")
        return self


class BrandRights(BriefRecord):
    """Whose a brand's pictures are, for their metadata."""

    creator: Prose | None = Field(default=None, description="who made the pictures")
    credit: Prose | None = Field(default=None, description="the line beside a printed picture")
    copyright: Prose | None = Field(default=None, description="the copyright notice")
    prompt_writer: Prose | None = Field(default=None, description="who wrote the prompts")


class BrandDisclosure(BriefRecord):
    """How a brand words the label that says a picture is made with AI."""

    words: Mapping[Locale, LabelText] = Field(
        default_factory=dict, description="a mapping of locale to a text that names AI"
    )


class Brand(BriefRecord):
    """What every picture of a brand shares."""

    id: Id = Field(description="the name of the file without .yaml")
    name: Prose = Field(description="the brand's name")
    voice: Prose = Field(description="how the brand speaks, for whoever writes its copy")
    style: Prose = Field(description="what every picture looks like: light, lens, medium")
    palette: Mapping[Id, Colour] = Field(
        min_length=1, description='a mapping of at least one colour name to "#RRGGBB"'
    )
    typography: Prose = Field(description="what drawn lettering looks like")
    logo: Source | None = Field(default=None, description="an image path or an https address")
    style_references: Sources = Field(
        default=(),
        description=f"a list of at most {MAX_MODEL_REFERENCES} image paths or https addresses",
    )
    fonts: Fonts = Field(
        default_factory=Fonts, description="a mapping of regular, bold and locales to fonts"
    )
    disclose_prompt: bool = Field(default=False, description="true or false")
    realism: Realism | None = Field(default=None, description="photoreal or illustrated")
    disclosure: BrandDisclosure = Field(
        default_factory=BrandDisclosure, description="a mapping of words to texts by locale"
    )
    rights: BrandRights = Field(
        default_factory=BrandRights,
        description="a mapping of creator, credit, copyright and prompt_writer to texts",
    )
    prohibited_terms: Mapping[Locale, tuple[Term, ...]] = Field(
        default_factory=dict, description="a mapping of locale to a list of terms"
    )
    disclaimers: Mapping[Locale, CopyText] = Field(
        default_factory=dict,
        description="a mapping of locale to a text, or to none where none is needed",
    )
    disclaimer_required: tuple[LocaleOrAll, ...] = Field(
        default=(), description="a list of locales, or [all]"
    )
    characters: Mapping[Id, Character] = Field(
        default_factory=dict, description="a mapping of id to character"
    )
    products: Mapping[Id, Product] = Field(
        default_factory=dict, description="a mapping of id to product"
    )
    blocking_checks: tuple[WarningCheck, ...] = Field(
        default=(),
        description=f"a list of checks among {', '.join(get_args(WarningCheck))}",
    )
    file_names: FileNames = Field(
        default=DEFAULT_FILE_NAMES, description="a pattern of the names that exported files have"
    )


class Shot(BriefRecord):
    """One scene with its cast, products and copy.

    In YAML, and when one is made in Python, `texts` is spelt `copy` and `source` is spelt `from`.
    """

    id: Id = Field(description="an id that no other shot of the campaign has")
    scene: Prose = Field(description="what happens in the picture")
    characters: tuple[str, ...] = Field(
        default=(), description="a list of character ids of the brand"
    )
    products: tuple[str, ...] = Field(default=(), description="a list of product ids of the brand")
    text: TextMode = Field(default="drawn", description="drawn, composited or none")
    texts: Mapping[
        CopyField, Annotated[Mapping[Locale, CopyText], BeforeValidator(_check_by_locale)]
    ] = Field(
        default_factory=dict,
        alias="copy",
        description="a mapping of headline, sub, call_to_action or disclaimer to texts by locale",
    )
    alt_text: Mapping[Locale, AltText] = Field(
        default_factory=dict,
        description="a mapping of locale to what the picture shows, for those who can't see it",
    )
    palette_targets: PaletteTargets = Field(default_factory=dict, description=ACCEPTED_TARGETS)
    source: Source | None = Field(
        default=None,
        alias="from",
        description="an earlier shot's id, or an image path or https address, that is edited",
    )
    instruction: Prose | None = Field(default=None, description="what is changed in it")
    localize: Localize = Field(default="draw", description="draw or edit")


class Campaign(BriefRecord):
    """A brand's brief: what to shoot, for which locales and channels, for how much."""

    id: Id = Field(description="the name of the file without .yaml")
    brand: str = Field(description="the id of a brand")
    objective: Prose = Field(description="what the campaign is for")
    locales: tuple[Locale, ...] = Field(
        min_length=1, description="a list of at least one locale such as en or de_AT"
    )
    channels: tuple[str, ...] = Field(min_length=1, description="a list of at least one channel id")
    resolution: Resolution = Field(default="2K", description="1K, 2K or 4K")
    variants: int = Field(default=1, ge=1, le=4, description="a whole number from 1 to 4")
    budget_usd: float = Field(
        gt=0, allow_inf_nan=False, description="a number of US dollars greater than 0"
    )
    price_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="a number of US dollars greater than 0, for a model without a price",
    )
    prompts_per_run: int | None = Field(
        default=None, ge=1, le=100_000, description="a whole number of prompts from 1 to 100000"
    )
    on_refusal: OnRefusal = Field(default="keep", description="keep or soften")
    soften_tries: int = Field(default=1, ge=1, le=3, description="a whole number from 1 to 3")
    correct: Correct | None = Field(
        default=None, description="a mapping of max_attempts and checks, such as {max_attempts: 1}"
    )
    refresh: Cron | None = Field(default=None, description=ACCEPTED_CRON.removeprefix("accepted: "))
    time_zone: TimeZone = Field(default="UTC", description=ACCEPTED_ZONE.removeprefix("accepted: "))
    disclose_prompt: bool | None = Field(default=None, description="true or false")
    require_approval: bool = Field(default=False, description="true or false")
    markets: tuple[Market, ...] = Field(
        default=(), description="a list of eu, countries such as JP, and states such as US-NY"
    )
    realism: Realism | None = Field(default=None, description="photoreal or illustrated")
    disclosure: CampaignDisclosure | None = Field(
        default=None, description='a mapping of "off", in quotes, to the reason'
    )
    model: ModelId = Field(default=DEFAULT_MODEL, description="the id of a model")
    models: tuple[ModelId, ...] = Field(
        default=(), description="a list of model ids, the preferred one first, in place of model"
    )
    fall_back: FallBack = Field(default="never", description="never, shot or prompt")
    parameters: Mapping[str, ParameterValue] = Field(
        default_factory=dict, description="a mapping of model parameter to value"
    )
    max_references: int = Field(
        default=DEFAULT_REFERENCES,
        ge=1,
        le=MAX_MODEL_REFERENCES,
        description=f"a whole number from 1 to {MAX_MODEL_REFERENCES}",
    )
    style_references: Sources = Field(
        default=(),
        description=f"a list of at most {MAX_MODEL_REFERENCES} image paths or https addresses",
    )
    palette_targets: PaletteTargets = Field(default_factory=dict, description=ACCEPTED_TARGETS)
    shots: tuple[Shot, ...] = Field(min_length=1, description="a list of at least one shot")

    @model_validator(mode="before")
    @classmethod
    def _lead_chain(cls, data: object) -> object:
        """Have the first of several models be the campaign's model."""
        if not isinstance(data, Mapping) or not data.get("models") or "model" in data:
            return data
        first = data["models"][0] if isinstance(data["models"], tuple) else None
        return {**data, "model": first} if isinstance(first, str) else data

    @property
    def chain(self) -> tuple[str, ...]:
        """The models that may draw its pictures, the preferred one first."""
        return self.models or (self.model,)

    def shot(self, shot_id: str) -> Shot:
        """Return a shot by its id; raises KeyError where there is none."""
        return self._shots_by_id[shot_id]

    @cached_property
    def _shots_by_id(self) -> Mapping[str, Shot]:
        return {shot.id: shot for shot in self.shots}
