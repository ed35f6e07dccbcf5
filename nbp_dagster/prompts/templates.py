"""Prompt wording: one template for pictures, one for character sheets.

Full sentences and positive statements; text of the brief is inserted unchanged. Must not know the
service, files or money. Any change of wording needs a new PROMPT_VERSION and new goldens.
"""

import math
from collections.abc import Mapping, Sequence

from nbp_dagster.briefs.brief import wording_of
from nbp_dagster.briefs.languages import name_language
from nbp_dagster.briefs.models import Brand, Character, CopyField, Shot
from nbp_dagster.prompts.aspect_ratio import Margins, orientation_of
from nbp_dagster.prompts.edits import Region
from nbp_dagster.prompts.expansion import ALL_LOCALES, draws_text
from nbp_dagster.prompts.reference_selection import Reference
from nbp_dagster.prompts.reference_text import (
    describe_identities,
    describe_palette,
    describe_references,
    join,
    list_images,
)

PROMPT_VERSION = "2"
# A version of its own: better wording of pictures is no reason to buy a sheet again.
SHEET_PROMPT_VERSION = "1"
# And no reason to make an edit again.
EDIT_PROMPT_VERSION = "1"

_LETTERING: Mapping[CopyField, str] = {
    "headline": 'The headline reads "{words}" and is the largest lettering.',
    "sub": 'The sub-headline reads "{words}" and stands close to the headline, clearly smaller.',
    "call_to_action": 'The call to action reads "{words}" and is set like a button.',
    "disclaimer": 'The disclaimer reads "{words}" and is small but legible, below all the rest.',
}

# What a variant changes: camera, framing, expression, pose. Variant 1 is the scene itself.
_DELTAS: Mapping[int, tuple[str, str, str, str]] = {
    2: (
        "the camera stands lower and about thirty degrees further to the left",
        "the framing is a little closer, with the main subject left of the centre",
        "a calmer expression",
        "a more relaxed pose",
    ),
    3: (
        "the camera stands higher and about thirty degrees further to the right",
        "the framing is a little wider, with the main subject right of the centre",
        "a livelier expression",
        "a more active pose",
    ),
    4: (
        "the camera stands at eye level and looks along the scene from its side",
        "the framing is the closest of all, with the main subject in the centre",
        "a more thoughtful expression",
        "a turned, three-quarter pose",
    ),
}


# Of an edit, pose, light and background are those of the picture.
_FROM_SCENE = "these come from the scene below"
_FROM_ORIGINAL = "these come from Image 1"


def render_prompt(
    brand: Brand,
    shot: Shot,
    *,
    locale: str,
    variant: int,
    ratio: str,
    first_ratio: str,
    margins: Margins,
    references: Sequence[Reference],
) -> str:
    """Return the prompt of one picture, paragraphs parted by a blank line.

    Args:
        brand: The brand; its voice guides writers of copy and stays out of the prompt.
        shot: The shot.
        locale: The locale whose words are drawn, or `all`.
        variant: From 1; from 2 on a sentence says what differs.
        ratio: The aspect ratio that is asked of the model.
        first_ratio: The one asked for the campaign's first ratio; the others re-frame its moment.
        margins: What must stay free, as shares of the picture.
        references: The input images in the order they are sent.
    """
    paragraphs = [
        f"Create one finished marketing picture for {brand.name}. Its style: {_end(brand.style)}",
        describe_references(brand, references),
        *(_describe_character(brand.characters[name]) for name in shot.characters),
        _describe_cast(brand, shot),
        describe_identities(brand, shot, references),
        _describe_freedom(brand, shot),
        _describe_products(brand, shot),
        describe_palette(brand, references),
        f"The scene, the one thing that changes from picture to picture: {_end(shot.scene)}",
        _describe_variant(brand, shot, variant),
        _describe_lettering(brand, shot, locale=locale, ratio=ratio, references=references),
        _describe_frame(shot, locale=locale, ratio=ratio, margins=margins),
        _describe_reframing(shot, ratio, first_ratio),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def render_words_edit(
    brand: Brand, shot: Shot, *, locale: str, references: Sequence[Reference]
) -> str:
    """Return the prompt that gives a finished picture its words in another locale, and no more.

    Args:
        brand: The brand.
        shot: The shot; its words are drawn.
        locale: The locale whose words are to stand in the picture.
        references: The picture to edit alone.
    """
    paragraphs = [
        f"Edit Image 1, a finished picture of {brand.name}: its lettering alone changes.",
        describe_references(brand, references),
        _describe_words(brand, shot, locale=locale, marks=""),
        "Each text takes the place of the one that plays its part in Image 1: at the same spot, in "
        "the same colour and weight, in the same size or a little smaller where it is longer. "
        "Nothing of the earlier wording stays. Outside the lettering every detail is that of "
        "Image 1: the faces, the poses, the things, the marks, the light, the colours and the "
        "framing.",
    ]
    return "\n\n".join(paragraphs)


def render_instruction_edit(
    brand: Brand,
    shot: Shot,
    *,
    instruction: str,
    locale: str,
    ratio: str,
    margins: Margins | None,
    references: Sequence[Reference],
    region: Region | None = None,
) -> str:
    """Return the prompt that changes a finished picture by an instruction.

    Args:
        brand: The brand.
        shot: The shot, as the edited picture is to show it.
        instruction: What is changed.
        locale: The locale whose words stand in the picture, or `all`.
        ratio: The aspect ratio that is asked of the model.
        margins: What must stay free, as shares of the picture, where it is framed anew; None where
            the frame stays as it is.
        references: The picture to edit first; then, where a region is given, the same with the
            region marked; then who and what it shows.
        region: The part that alone may change.
    """
    paragraphs = [
        f"Edit Image 1, a finished picture of {brand.name}: {_end(instruction)}",
        describe_references(brand, references).replace(_FROM_SCENE, _FROM_ORIGINAL),
        _describe_region(region),
        *(_describe_character(brand.characters[name]) for name in shot.characters),
        _describe_cast(brand, shot),
        describe_identities(brand, shot, references),
        _describe_products(brand, shot),
        f"The scene of the edited picture: {_end(shot.scene)}",
        _describe_lettering(brand, shot, locale=locale, ratio=ratio, references=references),
        f"The picture keeps its {orientation_of(ratio)} frame of {ratio}."
        if margins is None
        else _describe_frame(shot, locale=locale, ratio=ratio, margins=margins),
    ]
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


def _describe_region(region: Region | None) -> str:
    if region is None:
        return ""
    left, top, right, bottom = (round(100 * share) for share in region)
    return (
        f"Only one area changes: from {left} % to {right} % of the width, counted from the left, "
        f"and from {top} % to {bottom} % of the height, counted from the top, as framed in Image "
        "2. All that lies outside it stays exactly as it is in Image 1."
    )


def render_sheet_prompt(brand: Brand, character: Character) -> str:
    """Return the prompt of a character sheet: three views and a close-up on a plain ground."""
    name = character.name
    paragraphs = [
        f"Create one character sheet of {name}, a recurring character of {brand.name}. "
        f"The rendering follows this style: {_end(brand.style)}",
        _describe_character(character),
        f"The sheet shows four views of this one individual, {name}. Three views stand side by "
        f"side at the same scale and show all of {name} from head to foot: from the front, in "
        f"three-quarter view and from the side. Beside them the fourth view is a large close-up of "
        f"the face from the front. In every view {name} has a neutral expression, an upright, "
        "relaxed stance, and the same face, body, proportions and clothes.",
        "The ground is one plain, light, even grey from edge to edge. The light is soft and even "
        "on all four views. The whole of every view lies inside the frame, and the views keep "
        "clear of each other.",
        "The sheet works entirely without lettering: it carries shapes and colours alone.",
    ]
    return "\n\n".join(paragraphs)


def copy_space(ratio: str) -> str:
    """Return where a picture for composited copy keeps a calm area for it."""
    return "left third" if orientation_of(ratio) == "landscape" else "upper third"


def _describe_character(character: Character) -> str:
    name = character.name
    text = f"{name} keeps these fixed traits in every picture: {_end('; '.join(character.traits))}"
    if character.wardrobe:
        text += f" {name} wears: {_end('; '.join(character.wardrobe))}"
    return text


def _describe_freedom(brand: Brand, shot: Shot) -> str:
    return " ".join(
        f"Between pictures only this may vary for {one.name}: {_end('; '.join(one.may_vary))}"
        for one in (brand.characters[name] for name in shot.characters)
        if one.may_vary
    )


def _describe_cast(brand: Brand, shot: Shot) -> str:
    names = [brand.characters[name].name for name in shot.characters]
    if not names:
        return ""
    times = "appears exactly once" if len(names) == 1 else "appear exactly once each"
    return f"{join(names)} {times} in the picture."


def _describe_products(brand: Brand, shot: Shot) -> str:
    return " ".join(
        f"{product.name} appears as it is sold: {_end(product.description)}"
        for product in (brand.products[name] for name in shot.products)
    )


def _describe_variant(brand: Brand, shot: Shot, variant: int) -> str:
    if variant == 1:
        return ""
    camera, framing, expression, pose = _DELTAS[variant]
    cast = [brand.characters[name] for name in shot.characters]
    view = camera if all(_may_vary(one, "camera") for one in cast) else framing
    sentences = [f"This is variant {variant} of the scene: {view}."]
    for one in cast:
        changes = [
            change
            for word, change in (("expression", expression), ("pose", pose))
            if _may_vary(one, word)
        ]
        if changes:
            sentences.append(f"{one.name} has {join(changes)}.")
    return " ".join(sentences)


def _may_vary(character: Character, word: str) -> bool:
    return any(word in entry.casefold() for entry in character.may_vary)


def _describe_lettering(
    brand: Brand, shot: Shot, *, locale: str, ratio: str, references: Sequence[Reference]
) -> str:
    marks = list_images(references, roles=("product", "logo"))
    if locale != ALL_LOCALES and draws_text(shot):
        return _describe_words(brand, shot, locale=locale, marks=marks)
    besides = f"; the only marks are those seen in {marks}" if marks else ""
    plain = (
        "The picture works entirely without lettering: signs, screens, packages and clothes carry "
        f"shapes and colours alone{besides}."
    )
    if shot.text != "composited":
        return plain
    return (
        f"{plain} The {copy_space(ratio)} of the frame is a calm, evenly lit area with little "
        "detail, because the copy is set there afterwards."
    )


def _describe_words(brand: Brand, shot: Shot, *, locale: str, marks: str) -> str:
    words = wording_of(brand, shot, locale)
    besides = f", besides the marks seen in {marks}" if marks else ""
    return " ".join(
        (
            f"The lettering is in {name_language(locale)}, drawn letter for letter as it stands "
            "here between double quotes.",
            *(_LETTERING[name].replace("{words}", text) for name, text in words.items()),
            f"These words are all the lettering of the picture{besides}.",
            f"Its typography: {_end(brand.typography)} It is evenly spaced and stands in strong "
            "contrast to what lies behind it.",
        )
    )


def _describe_frame(shot: Shot, *, locale: str, ratio: str, margins: Margins) -> str:
    strips = [
        f"{percent} % of the {side} at the {edge}"
        for edge, side, percent in (
            ("top", "height", _percent(margins.top)),
            ("bottom", "height", _percent(margins.bottom)),
            ("left", "width", _percent(margins.left)),
            ("right", "width", _percent(margins.right)),
        )
        if percent
    ]
    matters = join(_list_what_matters(shot, locale))
    frame = f"The picture is composed for a {orientation_of(ratio)} frame of {ratio}."
    if not strips:
        return f"{frame} There the whole of {matters} is comfortably inside."
    return (
        f"{frame} The outer {join(strips)} hold background alone, which continues to the edge, "
        "because these strips may be cropped or covered; the whole of "
        f"{matters} lies in what they leave."
    )


def _list_what_matters(shot: Shot, locale: str) -> list[str]:
    found = []
    if shot.characters:
        found.append("every face and hand")
    if shot.products:
        found.append("every product")
    if locale != ALL_LOCALES:
        found.append("the lettering")
    return found or ["the main subject"]


def _describe_reframing(shot: Shot, ratio: str, first_ratio: str) -> str:
    if ratio == first_ratio:
        return ""
    anchor = "the identity references above" if shot.characters else "what is described above"
    return (
        f"This is the same moment as in the {first_ratio} picture of this shot, re-framed for "
        f"{ratio}: the cast, the clothes, the props, the light and the action stay the same, and "
        f"only the framing and the amount of background differ. It is drawn anew from {anchor}; "
        f"the {first_ratio} picture is not among its images."
    )


def _percent(share: float) -> int:
    """Return a share as whole percent, rounded up from a tenth of one on."""
    return math.ceil(round(share * 100, 1))


def _end(text: str) -> str:
    """Return a text as the end of a sentence."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…", "。", "！", "？")) else f"{text}."
