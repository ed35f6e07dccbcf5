"""Compiles a prompt into the exact request and its fingerprint; reads no file, calls no service."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.briefs.model_limits import (
    PAGE_CAPABILITIES,
    Capabilities,
    RequestError,
    check_parameters,
    check_ratio,
    check_resolution,
)
from nbp_dagster.briefs.models import DEFAULT_MODEL, Brand, Campaign, Shot
from nbp_dagster.briefs.supplied_images import reference_sources, shot_images
from nbp_dagster.prompts.aspect_ratio import find_margins, nearest_ratio, ratio_of
from nbp_dagster.prompts.edits import Edit, EditKind, Region, find_edit
from nbp_dagster.prompts.expansion import Prompt, drawn_locale, sheet_keys
from nbp_dagster.prompts.reference_selection import (
    Reference,
    Sheet,
    choose_edit_references,
    choose_references,
)
from nbp_dagster.prompts.templates import (
    EDIT_PROMPT_VERSION,
    PROMPT_VERSION,
    SHEET_PROMPT_VERSION,
    render_instruction_edit,
    render_prompt,
    render_sheet_prompt,
    render_words_edit,
)
from nbp_dagster.yaml_source.problems import list_accepted, show_text

__all__ = [
    "PAGE_CAPABILITIES",
    "Capabilities",
    "ImageRequest",
    "Provider",
    "Reference",
    "RequestError",
    "Sheet",
    "compile_request",
    "compile_sheet_request",
    "nearest_ratio",
    "reference_sources",
    "soften_request",
]

Provider = Literal["oxen", "simulator"]
ParameterValue = str | bool | int | float

SHEET_RATIO = "3:2"
SHEET_RESOLUTION = "2K"


@dataclass(frozen=True)
class ImageRequest:
    """Everything that decides one picture, and its key.

    Attributes:
        key: Key of the prompt, or of the sheet.
        provider: The service that makes the picture.
        model: The model's id.
        prompt: The text sent.
        parameters: `aspect_ratio`, `resolution` and the brief's further parameters.
        references: Input images in the order they are sent.
        variant: From 1.
        prompt_version: Version of the template the text was made with.
        drawn_locale: The locale whose words are to be drawn; None for none. It decides nothing
            that the prompt does not.
        edit: How the first reference is edited; None for a picture that is drawn anew. It decides
            nothing that prompt and references do not.
        region: The part that alone may change; None where all of it may. It decides nothing that
            the prompt does not.
    """

    key: str
    provider: Provider
    model: str
    prompt: str
    parameters: Mapping[str, ParameterValue]
    references: tuple[Reference, ...]
    variant: int
    prompt_version: str
    drawn_locale: str | None = None
    edit: EditKind | None = None
    region: Region | None = None

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, as hex, of all that decides the picture.

        That is provider, model, prompt, parameters, the references' digests in order, variant and
        prompt version. The key and the sources are left out: a moved file or a renamed campaign
        does not make a paid picture a new one.

        Raises:
            ValueError: A parameter is not a finite number.
        """
        content = {
            "provider": self.provider,
            "model": self.model,
            "prompt": self.prompt,
            "parameters": self.parameters,
            "references": [reference.digest for reference in self.references],
            "variant": self.variant,
            "prompt_version": self.prompt_version,
        }
        canonical = json.dumps(
            _normalise(content),
            sort_keys=True,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
        )
        return hashlib.sha256(canonical.encode()).hexdigest()


def _normalise(value: Any) -> Any:
    """Return a value in the one form that all its equals share: NFC text, whole floats as ints."""
    if isinstance(value, str):
        return unicodedata.normalize("NFC", value)
    if isinstance(value, Mapping):
        return {_normalise(key): _normalise(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_normalise(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def compile_request(
    briefs: Briefs,
    prompt: Prompt,
    *,
    provider: Provider,
    capabilities: Capabilities,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
    originals: Mapping[str, str] | None = None,
) -> ImageRequest:
    """Compile one prompt.

    Args:
        briefs: The briefs the prompt was expanded from.
        prompt: The prompt.
        provider: The service that will make the picture.
        capabilities: What the model accepts.
        sheets: The sheets by `<brand>/<character>`, of the shot's characters at least.
        digests: SHA-256 by source for every source `reference_sources` names.
        originals: SHA-256 of the pictures that are edited, by the key of their prompt.

    Raises:
        RequestError: The capabilities do not list a parameter, its value or the resolution; there
            are more identities than the model takes images; a sheet, a digest or the picture to
            edit is missing.
    """
    campaign = briefs.campaigns[prompt.campaign]
    brand = briefs.brands[campaign.brand]
    shot = campaign.shot(prompt.shot)
    file = briefs.source_of("campaign", campaign.id).file
    _check_campaign(campaign, capabilities, file)
    what = ", ".join(prompt.channels)
    check_ratio(prompt.ratio, campaign.model, capabilities, what=what, where=file)
    _check_at_hand(brand, campaign, shot, prompt.key, sheets=sheets, digests=digests)
    most = min(campaign.max_references, capabilities.max_references)
    ratio = nearest_ratio(prompt.ratio, capabilities.aspect_ratios)
    edit = find_edit(prompt, campaign)
    if edit is None:
        wording = _word_new(
            briefs,
            prompt,
            ratio,
            capabilities=capabilities,
            most=most,
            sheets=sheets,
            digests=digests,
        )
    else:
        original = _find_original(edit, prompt.key, digests, originals or {})
        wording = _word_edit(
            briefs, prompt, ratio, edit, original, most=most, sheets=sheets, digests=digests
        )
        _check_count(wording.references, prompt.key, capabilities.max_references)
    fixed = {"aspect_ratio": ratio, "resolution": campaign.resolution}
    return ImageRequest(
        key=prompt.key,
        provider=provider,
        model=campaign.model,
        prompt=wording.prompt,
        parameters={**campaign.parameters, **fixed},
        references=wording.references,
        variant=prompt.variant,
        prompt_version=wording.version,
        drawn_locale=drawn_locale(prompt, shot),
        edit=None if edit is None else edit.kind,
    )


@dataclass(frozen=True)
class _Wording:
    """A prompt's text, the images it speaks of, and the version of its template."""

    prompt: str
    references: tuple[Reference, ...]
    version: str


def _word_new(
    briefs: Briefs,
    prompt: Prompt,
    ratio: str,
    *,
    capabilities: Capabilities,
    most: int,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
) -> _Wording:
    """Write what asks for a new picture."""
    campaign = briefs.campaigns[prompt.campaign]
    brand, shot = briefs.brands[campaign.brand], campaign.shot(prompt.shot)
    references = choose_references(brand, campaign, shot, sheets=sheets, digests=digests, most=most)
    _check_count(references, prompt.key, most)
    first_ratio = ratio_of(briefs.channels[campaign.channels[0]], campaign.chain[0])
    text = render_prompt(
        brand,
        shot,
        locale=prompt.locale,
        variant=prompt.variant,
        ratio=ratio,
        first_ratio=nearest_ratio(first_ratio, capabilities.aspect_ratios),
        margins=find_margins((briefs.channels[name] for name in prompt.channels), ratio),
        references=references,
    )
    return _Wording(text, references, PROMPT_VERSION)


def _word_edit(
    briefs: Briefs,
    prompt: Prompt,
    ratio: str,
    edit: Edit,
    original: Reference,
    *,
    most: int,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
) -> _Wording:
    """Write what asks for an edit of a finished picture."""
    campaign = briefs.campaigns[prompt.campaign]
    brand, shot = briefs.brands[campaign.brand], campaign.shot(prompt.shot)
    if edit.kind == "words":
        text = render_words_edit(brand, shot, locale=prompt.locale, references=(original,))
        return _Wording(text, (original,), EDIT_PROMPT_VERSION)
    references = choose_edit_references(
        original, brand, shot, sheets=sheets, digests=digests, most=most
    )
    channels = (briefs.channels[name] for name in prompt.channels)
    text = render_instruction_edit(
        brand,
        shot,
        instruction=edit.instruction,
        locale=prompt.locale,
        ratio=ratio,
        # A supplied image has a frame of its own.
        margins=find_margins(channels, ratio) if edit.base is None else None,
        references=references,
    )
    return _Wording(text, references, EDIT_PROMPT_VERSION)


def _find_original(
    edit: Edit, key: str, digests: Mapping[str, str], originals: Mapping[str, str]
) -> Reference:
    """Return the reference to what is edited: another prompt's picture, or a supplied image."""
    digest = digests.get(edit.source) if edit.base is None else originals.get(edit.base)
    if digest is None:
        what = edit.source if edit.base is None else edit.base
        raise RequestError(f"{key}: it is an edit of {what}, which has no picture yet")
    return Reference("original", edit.subject, edit.source, digest)


def compile_sheet_request(
    briefs: Briefs,
    sheet_key: str,
    *,
    provider: Provider,
    capabilities: Capabilities,
    candidate: int = 1,
) -> ImageRequest:
    """Compile the request for the sheet of a character without supplied references.

    Args:
        briefs: The briefs.
        sheet_key: `<brand>/<character>`, one of `expansion.sheet_keys`.
        provider: The service that will make the sheet.
        capabilities: What the model accepts.
        candidate: From 1; each has a fingerprint of its own, though all have the same
            prompt.

    Raises:
        RequestError: There is no such character, its brief supplies references, or the model does
            not list the sheet's resolution.
    """
    brand_id, _, name = sheet_key.partition("/")
    brand = briefs.brands.get(brand_id)
    character = brand.characters.get(name) if brand else None
    if brand is None or character is None:
        accepted = list_accepted(sheet_keys(briefs), wanted=sheet_key)
        raise RequestError(f"{show_text(sheet_key)} is not a character of any brand; {accepted}")
    where = briefs.source_of("brand", brand_id).file
    if character.references:
        count = len(character.references)
        raise RequestError(
            f"{where}: characters.{name}.references: the brief supplies {count}; "
            "adopt them as the sheet instead of generating one"
        )
    check_resolution(SHEET_RESOLUTION, DEFAULT_MODEL, capabilities, where=sheet_key)
    ratio = nearest_ratio(SHEET_RATIO, capabilities.aspect_ratios)
    return ImageRequest(
        key=sheet_key,
        provider=provider,
        model=DEFAULT_MODEL,
        prompt=render_sheet_prompt(brand, character),
        parameters={"aspect_ratio": ratio, "resolution": SHEET_RESOLUTION},
        references=(),
        variant=candidate,
        prompt_version=SHEET_PROMPT_VERSION,
    )


def _check_campaign(campaign: Campaign, capabilities: Capabilities, file: str) -> None:
    check_parameters(campaign, capabilities, where=file)
    check_resolution(campaign.resolution, campaign.model, capabilities, where=file)


def _check_at_hand(
    brand: Brand,
    campaign: Campaign,
    shot: Shot,
    key: str,
    *,
    sheets: Mapping[str, Sheet],
    digests: Mapping[str, str],
) -> None:
    for name in shot.characters:
        sheet = sheets.get(f"{brand.id}/{name}")
        if sheet is None or not sheet.digests:
            raise RequestError(
                f"{key}: {brand.id}/{name} has no character sheet yet; make it first"
            )
    for image in shot_images(brand, campaign, shot):
        # A character's images are with its sheet.
        if image.key[0] != "characters" and image.source not in digests:
            raise RequestError(f"{key}: {image.source} has no digest yet; read or fetch it first")


def _check_count(references: tuple[Reference, ...], key: str, most: int) -> None:
    if len(references) > most:
        raise RequestError(
            f"{key}: its characters need {len(references)} reference images; accepted: at most "
            f"{most}; give the shot fewer characters"
        )


# Added to a refused prompt, one more sentence with each try; each says what is wanted, not what is
# forbidden.
_SOFTENINGS = (
    "Keep the scene friendly and suitable for every audience.",
    "Everybody is an adult, fully dressed, at ease and unharmed.",
    "Show calm everyday behaviour with nothing dangerous in reach.",
)
MOST_SOFTENINGS = len(_SOFTENINGS)


def soften_request(request: ImageRequest, tries: int) -> tuple[ImageRequest, ...]:
    """Return milder wordings of a request, mildest last; each has a fingerprint of its own.

    Args:
        request: What the content policy may refuse.
        tries: How many wordings, 1 to 3.
    """
    wordings = (" ".join(_SOFTENINGS[:count]) for count in range(1, tries + 1))
    return tuple(replace(request, prompt=f"{request.prompt}\n\n{wording}") for wording in wordings)
