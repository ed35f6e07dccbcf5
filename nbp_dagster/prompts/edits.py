"""Says which prompts are edits of a finished picture, and of which; must not know files or money.

An edit is one step from an original, never an edit of an edit.
"""

from dataclasses import dataclass
from typing import Final, Literal

from nbp_dagster.briefs.models import Campaign
from nbp_dagster.briefs.supplied_images import edited_image
from nbp_dagster.prompts.expansion import ALL_LOCALES, Prompt, draws_text

EditKind = Literal["words", "instruction"]

Region = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, as shares of its width and height, 0 to 1."""

ORIGINAL: Final = "original:"
"""How the source of a picture that is edited begins; the key of its prompt follows."""


@dataclass(frozen=True)
class Edit:
    """What a prompt edits.

    Attributes:
        kind: "words" where the words alone become those of another locale.
        source: As in `Reference.source`: `original:<prompt key>`, or a supplied image's.
        subject: Id of the shot whose picture it is; of the edited shot itself for a supplied image.
        base: Key of the prompt whose original is edited; None for a supplied image.
        instruction: What is changed; empty for words.
    """

    kind: EditKind
    source: str
    subject: str
    base: str | None = None
    instruction: str = ""


def find_edit(prompt: Prompt, campaign: Campaign) -> Edit | None:
    """Return what a prompt edits; None for one that is drawn anew."""
    shot = campaign.shot(prompt.shot)
    if shot.source is not None:
        instruction = shot.instruction or ""
        image = edited_image(campaign, shot)
        if image is not None:
            return Edit("instruction", image, shot.id, instruction=instruction)
        base = _key_of(prompt, shot=shot.source)
        return Edit("instruction", f"{ORIGINAL}{base}", shot.source, base, instruction)
    first = campaign.locales[0]
    if shot.localize == "edit" and draws_text(shot) and prompt.locale not in (first, ALL_LOCALES):
        base = _key_of(prompt, locale=first)
        return Edit("words", f"{ORIGINAL}{base}", shot.id, base)
    return None


def find_base(prompt: Prompt, campaign: Campaign) -> str | None:
    """Return the key of the prompt whose original a prompt edits; None where there is none."""
    edit = find_edit(prompt, campaign)
    return None if edit is None else edit.base


def _key_of(prompt: Prompt, *, shot: str = "", locale: str = "") -> str:
    place = (prompt.campaign, shot or prompt.shot, locale or prompt.locale)
    return f"{'/'.join(place)}/{prompt.ratio.replace(':', 'x')}/v{prompt.variant}"
