"""The prompt's sentences about its input images: by place, what each decides and what not.

Part of the prompt's one template: any change of wording needs a new PROMPT_VERSION and new goldens.
"""

from collections.abc import Iterable, Mapping, Sequence

from nbp_dagster.briefs.models import Brand, Shot
from nbp_dagster.prompts.reference_selection import CARD_COLUMNS, Reference, Role

_ROLES: Mapping[Role, str] = {
    "identity": (
        "identity reference of {subject}. Every view in it shows one and the same individual, "
        "{subject}. It decides the face, the body, the proportions and the fixed traits of "
        "{subject}. It does not decide the pose, the expression, the light, the background or the "
        "framing; these come from the scene below."
    ),
    "face": (
        "face crop of {subject}, the same individual at closer range. It decides the features of "
        "the face of {subject}. It does not decide the expression, the size of the face in the "
        "frame, the light or the background; these come from the scene below."
    ),
    "product": (
        "product reference of {subject}. It decides the shape, the label, the colours and the "
        "proportions of {subject}. It does not decide the angle, the light or the surroundings; "
        "these come from the scene below."
    ),
    "logo": (
        "logo of {subject}. It decides the drawing and the colours of the logo, which appears "
        "once, small and unaltered, on a surface that belongs to the scene. It does not decide the "
        "style or the layout of the picture; these come from the description below."
    ),
    "palette": (
        "palette card of {subject}. It decides the colours of the picture. It does not decide any "
        "shape, layout or texture; these come from the description below, and the card itself "
        "stays out of the picture."
    ),
    "style": (
        "style reference for {subject}. It decides the light, the grain and the rendering. It does "
        "not decide the people, the objects or the layout; these come from the description below."
    ),
    "original": (
        "picture to edit. It decides the people, the things, the place, the light, the colours, "
        "the camera and the framing. Whatever the text below does not change stays as it is here."
    ),
    "region": (
        "the picture to edit once more, with a frame of magenta around the area that changes. It "
        "decides where the change takes place, and nothing else; the frame stays out of the "
        "picture."
    ),
}


def describe_references(brand: Brand, references: Sequence[Reference]) -> str:
    """Return one line for each input image, in the order they are sent."""
    lines = [
        f"Image {place}: {_ROLES[reference.role].format(subject=_name_subject(brand, reference))}"
        for place, reference in enumerate(references, start=1)
    ]
    return "\n".join(lines)


def describe_identities(brand: Brand, shot: Shot, references: Sequence[Reference]) -> str:
    """Return which character each image shows, where several could be confused."""
    if len(shot.characters) < 2:
        return ""
    owners = [
        f"{brand.characters[name].name} is shown by "
        f"{list_images(references, roles=('identity', 'face'), subject=name)} alone"
        for name in shot.characters
    ]
    return (
        f"They are {len(owners)} different individuals: {join(owners)}. Each keeps the face, the "
        "body, the proportions and the clothes that go with the name, and nothing of one passes to "
        "another."
    )


def describe_palette(brand: Brand, references: Sequence[Reference]) -> str:
    """Return how the palette leads: by the card where it is sent, else by its codes in words."""
    card = list_images(references, roles=("palette",))
    if not card:
        colours = join(f"{name} {colour.upper()}" for name, colour in brand.palette.items())
        return f"The colours of the picture are led by the brand's palette: {colours}."
    names = join(name.replace("_", " ") for name in brand.palette)
    order = "from left to right" if len(brand.palette) <= CARD_COLUMNS else "row by row"
    return (
        f"The colours of the picture are led by the flat fields of {card}, the brand's palette: "
        f"{order} {names}."
    )


def list_images(
    references: Sequence[Reference], *, roles: Sequence[Role], subject: str | None = None
) -> str:
    """Return the places of some references as `Image 1 and Image 3`; empty when there are none."""
    return join(
        f"Image {place}"
        for place, reference in enumerate(references, start=1)
        if reference.role in roles and subject in (None, reference.subject)
    )


def join(items: Iterable[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    *first, last = list(items) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _name_subject(brand: Brand, reference: Reference) -> str:
    if reference.role in ("identity", "face"):
        return brand.characters[reference.subject].name
    if reference.role == "product":
        return brand.products[reference.subject].name
    return brand.name
